//! People: who belongs to the organization, as what; add, change, remove.

use backend::organizations::people::{self as rules, PeopleQuery};
use domain::{
    OrgRole, Permission, UserRef,
    views::{DepartureEffects, OrganizationPerson, Page},
};
use leptos::prelude::*;

use super::{Place, Tab, role_badge, role_name, tab_page};
use crate::{
    forms::{self, FormState},
    icon::icon,
    layout::page,
    ssr::{self, Code, Ctx, Error, Result},
    ui::{self, Confirm},
};

const ROLES: [OrgRole; 3] = [OrgRole::OrgAdmin, OrgRole::OrgMember, OrgRole::Auditor];

/// What the address says.
struct Address {
    base: String,
    q: Option<String>,
    role: Option<String>,
}

impl Address {
    /// The filter beside the roles: guests.
    fn query(&self, cursor: Option<String>) -> Result<PeopleQuery> {
        let guests = self.role.as_deref() == Some("guest");
        let role = self.role.as_deref().filter(|_| !guests).map(str::parse).transpose()?;
        Ok(PeopleQuery {
            search: self.q.clone(),
            role,
            guest: guests.then_some(true),
            cursor,
            ..PeopleQuery::default()
        })
    }

    /// The address with another role and page.
    fn with(&self, role: Option<&str>, cursor: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("q", self.q.as_deref()), ("role", role), ("cursor", cursor)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() {
            self.base.clone()
        } else {
            format!("{}?{query}", self.base)
        }
    }
}

/// `/admin/organizations/{organization}/people`.
pub fn people() -> impl IntoView {
    page(tab_page(Tab::People, async |ctx, place| {
        let address = Address {
            base: place.tab(Tab::People),
            q: ssr::query("q"),
            role: ssr::query("role"),
        };
        let list = rules::list(ctx, &place.key, &address.query(ssr::query("cursor"))?).await?;
        let manages = place.may(Permission::DirectoryManage);
        let Asked { dialog, obstacle } = if manages {
            ask(ctx, place).await?
        } else {
            Asked::default()
        };
        let state = forms::take("add-person").await;
        let role_state = forms::take("change-org-role").await;
        let removal_state = forms::take("remove-person").await;
        let now = ctx.now;
        let body = if list.items.is_empty() {
            empty(&address)
        } else {
            table(place, &list, &address, manages, now)
        };
        Ok(view! {
            {ui::refusal(role_state.refusal())}
            {ui::refusal(removal_state.refusal())}
            {obstacle}
            {manages.then(|| add_form(place, &state))}
            {toolbar(&address)}
            {body}
            {dialog}
        }
        .into_any())
    }))
}

fn add_form(place: &Place, state: &FormState) -> AnyView {
    let chosen = state.value("role", "org_member");
    let error = state.error("user_id");
    let options = ROLES
        .into_iter()
        // The default organization has no admins of its own.
        .filter(|role| *role != OrgRole::OrgAdmin || !place.is_default())
        .map(|role| {
            let word = role.as_str();
            view! { <option value=word selected=chosen == word>{role_name(role)}</option> }
        })
        .collect_view();
    let verified = place.page.domains.iter().any(|known| known.verified.is_some());
    view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <section class="card" aria-labelledby="add-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="add-title">"Add person"</h2>
                    <p class="card__description">
                        "Someone who has an account. People with an address in the email domains come in by themselves when they join a team."
                    </p>
                </div>
            </header>
            <form class="card__body stack" method="post" action="/actions/organizations/people/add">
                {place.hidden()}
                <div class="inline-form">
                    <div class="field">
                        <label class="field__label" for="user_id">"Email or user id"</label>
                        <input
                            class="input"
                            id="user_id"
                            name="user_id"
                            required
                            autocomplete="off"
                            placeholder="name@example.com"
                            value=state.value("user_id", "")
                            aria-invalid=error.is_some().then_some("true")
                            aria-describedby=error.is_some().then_some("user_id-error")
                        />
                        {error.map(|text| view! { <p class="field__error" id="user_id-error">{icon("error")}{text}</p> })}
                    </div>
                    <div class="field">
                        <label class="field__label" for="role">"Role"</label>
                        <select class="select" id="role" name="role">{options}</select>
                    </div>
                    <button class="button button--primary">"Add person"</button>
                </div>
                {verified
                    .then(|| {
                        view! {
                            <div class="check">
                                <input
                                    type="checkbox"
                                    id="guest"
                                    name="guest"
                                    value="yes"
                                    checked=!state.value("guest", "").is_empty()
                                />
                                <label for="guest">
                                    "Invite as a guest"
                                    <span class="check__hint">"Needed for addresses outside the organization's email domains."</span>
                                </label>
                            </div>
                        }
                    })}
            </form>
        </section>
    }
    .into_any()
}

fn toolbar(address: &Address) -> AnyView {
    let segment = |role: Option<&'static str>, label: &'static str| {
        let current = (address.role.as_deref() == role).then_some("true");
        view! { <a href=address.with(role, None) aria-current=current>{label}</a> }
    };
    let filtered = address.q.is_some() || address.role.is_some();
    view! {
        <form class="toolbar" method="get" role="search" aria-label="People">
            <div class="search">
                {icon("search")}
                <label class="visually-hidden" for="q">"Search people"</label>
                <input class="input" id="q" name="q" type="search" placeholder="Search people" value=address.q.clone() />
            </div>
            <nav class="segmented" aria-label="Roles">
                {segment(None, "All")} {segment(Some("org_admin"), "Admins")} {segment(Some("org_member"), "Members")}
                {segment(Some("auditor"), "Auditors")} {segment(Some("guest"), "Guests")}
            </nav>
            {address.role.clone().map(|role| view! { <input type="hidden" name="role" value=role /> })}
            <button class="button toolbar__submit">"Apply"</button>
            {filtered.then(|| view! { <a class="link link--muted toolbar__clear" href=address.base.clone()>"Clear"</a> })}
        </form>
    }
    .into_any()
}

fn empty(address: &Address) -> AnyView {
    if address.q.is_some() || address.role.is_some() {
        return ui::empty(
            "search",
            "Nobody fits",
            "Nobody in this organization fits this search and this filter.",
            Some(("Show everyone", &address.base)),
        );
    }
    ui::empty(
        "user",
        "Nobody yet",
        "Add people by their email, or add them to a team: they come in with it.",
        None,
    )
}

fn table(
    place: &Place,
    list: &Page<OrganizationPerson>,
    address: &Address,
    manages: bool,
    now: chrono::DateTime<chrono::Utc>,
) -> AnyView {
    let shown = list.items.len();
    let rows = list
        .items
        .iter()
        .map(|person| {
            view! {
                <tr class=person.deactivated.then_some("table__row--muted")>
                    <th scope="row" class="table__title">{ui::person_linked(&person.email, person.display_name.as_deref(), Some(format!("/admin/users/{}", person.user_id)))}</th>
                    <td class="table__state" data-label="Role">
                        {role_badge(person.role)}
                        {person.guest.then(|| view! { " "<span class="badge badge--warning">"Guest"</span> })}
                        {person.deactivated.then(|| view! { " "<span class="badge badge--inactive">"Deactivated"</span> })}
                    </td>
                    <td class="table__number" data-label="Teams">{person.team_count}</td>
                    <td data-label="Joined">{ui::time_ago(person.joined_at, now)}</td>
                    <td data-label="Added by" class="table__optional">{ui::or_dash(person.added_by.as_deref())}</td>
                    <td class="table__actions">{manages.then(|| menu(place, address, person))}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"People"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Person"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col" class="table__number">"Teams"</th>
                        <th scope="col">"Joined"</th>
                        <th scope="col" class="table__optional">"Added by"</th>
                        <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {ui::pagination(
            shown,
            list.total,
            "person",
            list.previous.clone(),
            list.next.clone(),
            |cursor| address.with(address.role.as_deref(), Some(cursor)),
        )}
    }
    .into_any()
}

fn menu(place: &Place, address: &Address, person: &OrganizationPerson) -> AnyView {
    let id = person.user_id.to_string();
    let remove = format!("{}?confirm=remove&user={id}", address.base);
    let roles = ROLES
        .into_iter()
        .filter(|role| *role != person.role && (*role != OrgRole::OrgAdmin || !place.is_default()))
        .map(|role| {
            let label = match role {
                OrgRole::OrgAdmin => "Make organization admin",
                OrgRole::OrgMember => "Make member",
                OrgRole::Auditor => "Make auditor",
            };
            view! {
                <form method="post" action="/actions/organizations/people/role">
                    {place.hidden()}
                    <input type="hidden" name="user_id" value=id.clone() />
                    <input type="hidden" name="role" value=role.as_str() />
                    <button class="menu__item">{label}</button>
                </form>
            }
        })
        .collect_view();
    view! {
        <details class="menu" name="row-menu">
            <summary class="button button--icon button--ghost" aria-label=format!("Actions for {}", person.email)>
                {icon("more")}
            </summary>
            <div class="menu__list">
                {roles}
                <hr />
                <a class="menu__item menu__item--danger" href=remove>"Remove…"</a>
            </div>
        </details>
    }
    .into_any()
}

/// The question before someone is removed, or why it cannot be asked.
#[derive(Default)]
struct Asked {
    dialog: Option<AnyView>,
    obstacle: Option<AnyView>,
}

impl Asked {
    fn not(obstacle: Option<AnyView>) -> Self {
        Self { dialog: None, obstacle }
    }
}

async fn ask(ctx: &mut Ctx, place: &Place) -> Result<Asked> {
    if ssr::query("confirm").as_deref() != Some("remove") {
        return Ok(Asked::default());
    }
    let Some(user) = ssr::query("user").and_then(|id| UserRef::parse("user", &id).ok()) else {
        return Ok(Asked::default());
    };
    let effects = match rules::preview_removal(ctx, &place.key, &user).await {
        Ok(effects) => effects,
        Err(error @ (Error::Forbidden(_) | Error::Refused(Code::NotFound | Code::LastOrgAdmin, _))) => {
            return Ok(Asked::not(ui::refusal(Some(&forms::describe(&error)))));
        }
        Err(error) => return Err(error),
    };
    if !effects.last_admin_of.is_empty() {
        return Ok(Asked::not(Some(blocked(&effects))));
    }
    let organization = &place.page.organization.name;
    let mut fields = place.fields();
    fields.push(("user_id", user.to_string()));
    let dialog = ui::confirm(Confirm {
        id: "remove-person",
        title: format!("Remove {} from {organization}?", effects.email),
        text: "Access to all teams of the organization ends at once. The account stays.".to_owned(),
        consequences: [
            ui::counted("Ends", effects.teams, "team membership", "", true),
            ui::counted("Removes", effects.project_roles, "project role", "", true),
            ui::counted("Revokes", effects.keys, "key", "", true),
            ui::counted("Leaves", effects.runners, "runner", " running", false),
        ]
        .into_iter()
        .flatten()
        .collect(),
        action: "/actions/organizations/people/remove",
        fields,
        input: None,
        button: "Remove person",
        danger: true,
        cancel: place.tab(Tab::People),
    });
    Ok(Asked {
        dialog: Some(dialog),
        obstacle: None,
    })
}

/// Whoever is a team's last admin stays until there is another one (SPEC D5).
fn blocked(effects: &DepartureEffects) -> AnyView {
    ui::callout(
        "danger",
        "Cannot remove last team admin",
        view! {
            <p>
                {format!(
                    "{} is the only admin of {}. First promote another member to team_admin there.",
                    effects.email,
                    effects.last_admin_of.join(", "),
                )}
            </p>
        }
        .into_any(),
    )
}
