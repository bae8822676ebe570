//! One account: what it is, where it belongs, what a super_admin does with it.

use backend::{api_keys, users};
use domain::{
    OrgRole, UserRef,
    views::{AccountOrganization, AccountPage, AccountTeam, LiteLlmStanding, PersonPolicy},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{STATUS, UPDATE, address, flags, keys, last_seen, role_badges, status, status_badge};
use crate::{
    forms::{self, FormState},
    layout::{Rendered, page},
    ssr::{self, Error},
    ui::{self, Field},
};

/// `/admin/users/{id or email}`.
pub fn account() -> impl IntoView {
    let key = use_params_map().with_untracked(|params| params.get("user").unwrap_or_default());
    page(async move {
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let user = UserRef::parse("user", &key).map_err(|_| Error::not_found("User", &key))?;
        let page = users::get(&mut ctx, &user).await?;
        let sent = forms::take(STATUS).await;
        let (dialog, refusal) = status::dialog(&mut ctx, &page, &sent).await?;
        let keys = api_keys::of_person(&mut ctx, page.account.id, keys::MOST).await?;
        let policy = backend::label_policies::find(&mut ctx, &UserRef::Id(page.account.id)).await?;
        let writes_policies = !backend::label_policies::managed(&mut ctx, &[page.account.id])
            .await?
            .is_empty();
        drop(ctx);
        let state = forms::take(UPDATE).await;
        let shown = page.account.shown().to_owned();
        let body = view! {
            {header(&page)}
            {refusal.or_else(|| ui::refusal(sent.refusal()).filter(|_| dialog.is_none()))}
            {status::deactivated(&page, now)} {address::in_doubt(&page)}
            <div class="split">
                <div class="split__main">
                    {organizations(&page.organizations)} {teams(&page.teams)} {keys::card(&keys, page.counts.keys, now)}
                    {label_policy(&page, policy.as_ref(), writes_policies)}
                    {page.manages.then(|| form(&page, &state))} {status::danger_zone(&page)}
                </div>
                <aside class="split__aside" aria-label="Details">{facts(&page, now)} {numbers(&page)}</aside>
            </div>
            {dialog}
        };
        Ok(Rendered::new(shown, body).under("Users", "/admin/users"))
    })
}

/// The page's address.
pub(super) fn path(page: &AccountPage) -> String {
    format!("/admin/users/{}", page.account.id)
}

fn header(page: &AccountPage) -> AnyView {
    let account = &page.account;
    let shown = account.shown().to_owned();
    let email = account.display_name.is_some().then(|| account.email.clone());
    view! {
        <header class="page-header">
            <span class=format!("{} avatar--large", ui::avatar_class(&account.email)) aria-hidden="true">
                {ui::initials(&shown)}
            </span>
            <div class="page-header__text">
                <h1 class="page-header__title">{shown}" "{status_badge(account)}{role_badges(account)}</h1>
                {email.map(|email| view! { <p class="page-header__description">{email}</p> })}
            </div>
        </header>
    }
    .into_any()
}

fn organizations(organizations: &[AccountOrganization]) -> AnyView {
    let row = |organization: &AccountOrganization| {
        let role = match organization.role {
            OrgRole::OrgAdmin => view! { <span class="badge badge--role">"Organization admin"</span> }.into_any(),
            OrgRole::OrgMember => view! { <span class="badge badge--member">"Member"</span> }.into_any(),
            OrgRole::Auditor => view! { <span class="badge badge--info">"Auditor"</span> }.into_any(),
        };
        view! {
            <li class="row">
                <div class="row__main">
                    <a class="row__title" href=format!("/admin/organizations/{}", organization.id)>{organization.name.clone()}</a>
                    <span class="row__text mono">{organization.slug.clone()}</span>
                </div>
                {organization.guest.then(|| view! { <span class="badge">"Guest"</span> })}
                {role}
            </li>
        }
    };
    let body = if organizations.is_empty() {
        view! { <div class="card__body"><p class="muted">"In no organization."</p></div> }.into_any()
    } else {
        view! { <ul class="rows">{organizations.iter().map(row).collect_view()}</ul> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="organizations-title">
            <header class="card__header"><h2 class="card__title" id="organizations-title">"Organizations"</h2></header>
            {body}
        </section>
    }
    .into_any()
}

fn teams(teams: &[AccountTeam]) -> AnyView {
    let row = |team: &AccountTeam| {
        let roles = (team.project_roles > 0).then(|| format!(" · {}", ui::plural(team.project_roles, "project role")));
        view! {
            <tr>
                <th scope="row" class="table__title">
                    <a href=format!("/admin/teams/{}", team.id)>{team.name.clone()}</a>
                    <small class="table__sub">{team.organization_name.clone()}{roles}</small>
                </th>
                <td>
                    {ui::role_badge(team.role)}
                    <small class="table__sub">
                        "since "{ui::time(team.joined_at)}
                        {team.expires_at.map(|end| view! { ", until "{ui::time(end)} })}
                    </small>
                </td>
                <td>{ui::status_badge(team.status)}</td>
            </tr>
        }
    };
    let body = if teams.is_empty() {
        view! { <div class="card__body"><p class="muted">"In no team."</p></div> }.into_any()
    } else {
        view! {
            <div class="card__body card__body--flush">
                <div class="table-wrap table-wrap--numbers">
                    <table class="table">
                        <caption class="visually-hidden">"Teams"</caption>
                        <thead>
                            <tr>
                                <th scope="col">"Team"</th>
                                <th scope="col">"Role"</th>
                                <th scope="col">"Status"</th>
                            </tr>
                        </thead>
                        <tbody>{teams.iter().map(row).collect_view()}</tbody>
                    </table>
                </div>
            </div>
        }
        .into_any()
    };
    view! {
        <section class="card" id="teams" aria-labelledby="teams-title">
            <header class="card__header"><h2 class="card__title" id="teams-title">"Teams"</h2></header>
            {body}
        </section>
    }
    .into_any()
}

/// What the person may put on runners while they are in no team.
fn label_policy(page: &AccountPage, policy: Option<&PersonPolicy>, writes: bool) -> AnyView {
    let counts = page.teams.iter().any(|team| team.status == domain::TeamStatus::Active);
    let note = match (policy, counts) {
        (None, true) => "None; the person's teams have their own.",
        (None, false) => "None. In no active team, the person cannot provision, unless the installation allows it.",
        (Some(_), true) => "Not used while the person is in an active team.",
        (Some(_), false) => "It counts: the person is in no active team.",
    };
    let action = match policy {
        Some(policy) => {
            let href = format!("/admin/label-policies/{}", policy.user_id);
            Some((href, if writes { "Edit policy" } else { "Show policy" }))
        }
        None if writes => {
            let user: String = form_urlencoded::byte_serialize(page.account.email.as_bytes()).collect();
            Some((format!("/admin/label-policies/new?user={user}"), "Create policy"))
        }
        None => None,
    };
    let body = policy.map(|policy| {
        let facts = crate::pages::label_policies::facts(&policy.policy);
        view! { <div class="card__body">{facts}</div> }
    });
    view! {
        <section class="card" aria-labelledby="label-policy-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="label-policy-title">"Label policy"</h2>
                    <p class="card__description">{note}</p>
                </div>
                {action.map(|(href, label)| view! { <a class="button button--small" href=href>{label}</a> })}
            </header>
            {body}
        </section>
    }
    .into_any()
}

fn facts(page: &AccountPage, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let account = &page.account;
    let id = account.id.to_string();
    view! {
        <section class="card" aria-labelledby="facts-title">
            <header class="card__header"><h2 class="card__title" id="facts-title">"Account"</h2></header>
            <div class="card__body">
                <dl class="facts facts--stacked">
                    <div><dt>"Email"</dt><dd>{address::email(page)}</dd></div>
                    <div><dt>"Last seen"</dt><dd>{last_seen(account, now)}</dd></div>
                    <div><dt>"Created"</dt><dd>{ui::time(account.created_at)}</dd></div>
                    <div><dt>"Provisions runners"</dt><dd>{if account.can_use_jit { "allowed" } else { "not allowed" }}</dd></div>
                    {page.sync_status.map(|status| view! { <div><dt>"LiteLLM"</dt><dd>{at_litellm(status, page)}</dd></div> })}
                    <div><dt>"User id"</dt><dd><code>{id}</code></dd></div>
                </dl>
            </div>
        </section>
    }
    .into_any()
}

/// What LiteLLM knows of the person, and why not.
fn at_litellm(status: LiteLlmStanding, page: &AccountPage) -> AnyView {
    let (class, words) = match status {
        LiteLlmStanding::Synced => ("badge badge--synced", "Synced"),
        LiteLlmStanding::Pending => ("badge badge--pending", "Pending"),
        LiteLlmStanding::Error => ("badge badge--failed", "Error"),
    };
    view! { <span class=class>{words}</span>" "{page.sync_error.clone()} }.into_any()
}

/// What hangs on the account; its sessions and tokens are no business of an organization's.
fn numbers(page: &AccountPage) -> AnyView {
    let counts = &page.counts;
    // What there is nothing of leads nowhere.
    let fact = |label: &'static str, count: i64, href: Option<String>| {
        let shown = match href.filter(|_| count > 0) {
            Some(href) => view! { <a class="link" href=href>{count}</a> }.into_any(),
            None => count.into_any(),
        };
        view! { <div><dt>{label}</dt><dd>{shown}</dd></div> }
    };
    let email: String = form_urlencoded::byte_serialize(page.account.email.as_bytes()).collect();
    let runners = format!("/admin/runners?q={email}");
    view! {
        <section class="card" aria-labelledby="numbers-title">
            <header class="card__header"><h2 class="card__title" id="numbers-title">"In use"</h2></header>
            <div class="card__body">
                <dl class="facts">
                    {page.whole.then(|| view! { {fact("Sessions", counts.sessions, None)} {fact("Access tokens", counts.tokens, None)} })}
                    {fact("API keys", counts.keys, Some("#keys".to_owned()))}
                    {fact("Live runners", counts.runners, Some(runners))}
                    {fact("Project roles", counts.project_roles, Some("#teams".to_owned()))}
                </dl>
            </div>
        </section>
    }
    .into_any()
}

fn form(page: &AccountPage, state: &FormState) -> AnyView {
    let account = &page.account;
    let name = account.display_name.clone().unwrap_or_default();
    view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <form class="card" method="post" action="/actions/users/update">
            <header class="card__header"><h2 class="card__title">"Name and rights"</h2></header>
            <div class="card__body stack">
                <input type="hidden" name="user" value=account.id.to_string() />
                <input type="hidden" name="sent" value="yes" />
                {Field {
                    name: "display_name",
                    label: "Name",
                    hint: "At most 200 characters. Without one, the email address is shown.",
                    current: &name,
                    ..Field::default()
                }
                    .view(state)}
                {flags(state, account.super_admin, account.auditor, account.can_use_jit)}
            </div>
            <footer class="card__footer"><button class="button button--primary">"Save Changes"</button></footer>
        </form>
    }
    .into_any()
}
