//! What the tabs of one organization share: finding it, the header, who sees which tab.

use backend::organizations::{self, OrganizationKey};
use domain::{Permission, views::OrganizationPage};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::{
    layout::Rendered,
    ssr::{self, Ctx, Error, Result},
    ui,
};

/// A tab: its page loads what it shows with the organization that the header has loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Teams,
    People,
    Services,
    Domains,
    Directory,
    Settings,
}

impl Tab {
    const ALL: [Self; 7] = [
        Self::Overview,
        Self::Teams,
        Self::People,
        Self::Services,
        Self::Domains,
        Self::Directory,
        Self::Settings,
    ];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Teams => "Teams",
            Self::People => "People",
            Self::Services => "Services",
            Self::Domains => "Domains",
            Self::Directory => "Directory",
            Self::Settings => "Settings",
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Teams => "/teams",
            Self::People => "/people",
            Self::Services => "/services",
            Self::Domains => "/domains",
            Self::Directory => "/directory",
            Self::Settings => "/settings",
        }
    }
}

/// The organization of a page, and where the page is.
pub(super) struct Place {
    pub(super) page: OrganizationPage,
    pub(super) key: OrganizationKey,
    /// `/admin/organizations/{id or slug}`, as the address has it.
    path: String,
}

impl Place {
    /// Hidden fields that tell a form's server function which organization and page it is on.
    pub(super) fn hidden(&self) -> AnyView {
        view! {
            <input type="hidden" name="organization" value=self.page.organization.id.to_string() />
            <input type="hidden" name="at" value=self.path.clone() />
        }
        .into_any()
    }

    /// The same, for a dialog.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("organization", self.page.organization.id.to_string()),
            ("at", self.path.clone()),
        ]
    }

    pub(super) fn may(&self, permission: Permission) -> bool {
        self.page.standing.may(permission)
    }

    /// The organization of teams that stand alone: without limits and domains.
    pub(super) fn is_default(&self) -> bool {
        self.page.organization.id == domain::DEFAULT_ORGANIZATION
    }

    /// A tab's address.
    pub(super) fn tab(&self, tab: Tab) -> String {
        format!("{}{}", self.path, tab.suffix())
    }
}

/// A tab's page: finds the organization, then lets the tab load and show itself.
pub(super) fn tab_page(
    tab: Tab,
    body: impl AsyncFnOnce(&mut Ctx, &Place) -> Result<AnyView> + Send + 'static,
) -> impl Future<Output = Result<Rendered>> {
    let name = use_params_map().with_untracked(|params| params.get("organization").unwrap_or_default());
    async move {
        let mut ctx = ssr::read().await?;
        let key = OrganizationKey::parse(&name);
        let page = organizations::get(&mut ctx, &key).await?;
        // By its id, so that nothing has to be found by its slug again.
        let key = page.organization.id.into();
        let place = Place {
            page,
            key,
            path: format!("/admin/organizations/{name}"),
        };
        if tab != Tab::Overview && place.page.numbers.is_none() {
            let mut refusal = place.page.standing.refusal(Permission::DirectoryManage);
            "Insufficient permissions".clone_into(&mut refusal.literal);
            "see what is inside an organization".clone_into(&mut refusal.rule);
            return Err(Error::Forbidden(refusal));
        }
        let content = body(&mut ctx, &place).await?;
        drop(ctx);
        Ok(frame(tab, &place, content))
    }
}

fn frame(tab: Tab, place: &Place, content: AnyView) -> Rendered {
    let organization = &place.page.organization;
    let whole = place.page.numbers.is_some();
    let tabs = Tab::ALL
        .into_iter()
        .filter(|other| whole && !(matches!(other, Tab::Domains | Tab::Directory) && place.is_default()))
        .map(|other| {
            let count = match other {
                Tab::Teams => Some(organization.team_count),
                Tab::People => organization.people_count,
                _ => None,
            };
            view! {
                <a class="tabs__link" href=place.tab(other) aria-current=(other == tab).then_some("page")>
                    {other.label()}
                    {count.map(|count| view! { " "<span class="count">{count}</span> })}
                </a>
            }
        })
        .collect_view();
    let action = if place.may(Permission::TeamAdminister) {
        let href = format!("/admin/teams/new?organization={}", organization.id);
        let review = format!("/admin/access-reviews/new?organization={}", organization.id);
        view! {
            <a class="button" href=review>"Start an access review"</a>
            <a class="button button--primary" href=href>"Create Team"</a>
        }
        .into_any()
    } else {
        ().into_any()
    };
    let badge = organization.role.map(super::role_badge);
    let body = view! {
        {ui::page_header(&organization.name, badge, None, action)}
        {whole.then(|| view! { <nav class="tabs" aria-label="Organization">{tabs}</nav> })}
        {content}
    };
    let name = organization.name.clone();
    let title = if tab == Tab::Overview {
        name.clone()
    } else {
        format!("{} · {name}", tab.label())
    };
    let rendered = Rendered::new(title, body).under("Organizations", "/admin/organizations");
    if tab == Tab::Overview {
        rendered.at(name)
    } else {
        rendered.under(name, place.path.clone()).at(tab.label())
    }
}
