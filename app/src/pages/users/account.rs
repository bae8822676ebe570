//! One account: what it is, where it belongs, what a super_admin does with it.

use backend::{api_keys, users};
use domain::{
    OrgRole, Permission, UserRef,
    views::{AccountOrganization, AccountPage, AccountTeam, LiteLlmStanding, PersonPolicy},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{STATUS, UPDATE, flags, keys, last_seen, role_badges, status_badge};
use crate::{
    forms::{self, FormState},
    layout::{Rendered, page},
    ssr::{self, Code, Ctx, Error, Result},
    ui::{self, Confirm, Field},
};

/// `/admin/users/{id or email}`.
pub fn account() -> impl IntoView {
    let key = use_params_map().with_untracked(|params| params.get("user").unwrap_or_default());
    page(async move {
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let user = UserRef::parse("user", &key).map_err(|_| Error::not_found("User", &key))?;
        let page = users::get(&mut ctx, &user).await?;
        let status = forms::take(STATUS).await;
        let (dialog, refusal) = dialog(&mut ctx, &page, &status).await?;
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
            {refusal.or_else(|| ui::refusal(status.refusal()).filter(|_| dialog.is_none()))}
            {deactivated(&page, now)} {in_doubt(&page)}
            <div class="split">
                <div class="split__main">
                    {organizations(&page.organizations)} {teams(&page.teams, now)} {keys::card(&keys, page.counts.keys, now)}
                    {label_policy(&page, policy.as_ref(), writes_policies)}
                    {page.manages.then(|| form(&page, &state))} {danger_zone(&page)}
                </div>
                <aside class="split__aside" aria-label="Details">{facts(&page, now)} {numbers(&page)}</aside>
            </div>
            {dialog}
        };
        Ok(Rendered::new(shown, body).under("Users", "/admin/users"))
    })
}

fn path(page: &AccountPage) -> String {
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

/// Since when, by whom and why an account is deactivated.
fn deactivated(page: &AccountPage, now: chrono::DateTime<chrono::Utc>) -> Option<AnyView> {
    let at = page.account.deactivated_at?;
    let by = page.deactivated_by.clone().map(|by| format!(" by {by}"));
    let reason = page.deactivation_reason.clone();
    let body = view! {
        <p>"Deactivated "{ui::time_ago(at, now)}{by}"."</p>
        {reason.map(|reason| view! { <p>{reason}</p> })}
    };
    Some(ui::callout(
        "warning",
        "Nobody can sign in to this account",
        body.into_any(),
    ))
}

/// That the address may be somebody else's, and who settles it.
fn in_doubt(page: &AccountPage) -> Option<AnyView> {
    if !page.email_denied {
        return None;
    }
    let action = if page.manages {
        confirm_address(page)
    } else {
        view! { <p>{format!("To confirm the address, ask {}.", ui::who(Permission::AccountsManage))}</p> }.into_any()
    };
    let body = view! {
        <p>"The sign-in provider says that the address is not verified. Until it is confirmed, nobody can add the person to a team or an organization."</p>
        {action}
    };
    Some(ui::callout("warning", "Email not verified", body.into_any()))
}

fn confirm_address(page: &AccountPage) -> AnyView {
    view! {
        <form method="post" action="/actions/users/confirm-address">
            <input type="hidden" name="user" value=page.account.id.to_string() />
            <button class="button button--small">"Confirm address"</button>
        </form>
    }
    .into_any()
}

/// The address, and whether nobody vouched for it. Many providers never say: then another way to sign in with it is refused
/// until it is confirmed.
fn email(page: &AccountPage) -> AnyView {
    let unsaid = !page.email_verified && !page.email_denied;
    let way = (unsaid && page.manages).then(|| confirm_address(page));
    let note = unsaid.then(|| view! { <small class="table__sub">"not verified by the sign-in provider"</small> });
    view! { {page.account.email.clone()} {note} {way} }.into_any()
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

fn teams(teams: &[AccountTeam], now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let row = |team: &AccountTeam| {
        view! {
            <tr>
                <th scope="row" class="table__title">
                    <a href=format!("/admin/teams/{}", team.id)>{team.name.clone()}</a>
                    <small class="table__sub">{team.organization_name.clone()}</small>
                </th>
                <td data-label="Role">{ui::role_badge(team.role)}</td>
                <td class="table__number" data-label="Project roles">{team.project_roles}</td>
                <td data-label="Joined">
                    {ui::time_ago(team.joined_at, now)}
                    {team.expires_at.map(|end| view! { <small class="table__sub">"until "{ui::time(end)}</small> })}
                </td>
                <td class="table__state" data-label="Status">{ui::status_badge(team.status)}</td>
            </tr>
        }
    };
    let body = if teams.is_empty() {
        view! { <div class="card__body"><p class="muted">"In no team."</p></div> }.into_any()
    } else {
        view! {
            <div class="card__body card__body--flush">
                <div class="table-wrap">
                    <table class="table">
                        <caption class="visually-hidden">"Teams"</caption>
                        <thead>
                            <tr>
                                <th scope="col">"Team"</th>
                                <th scope="col">"Role"</th>
                                <th scope="col" class="table__number">"Project roles"</th>
                                <th scope="col">"Joined"</th>
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
                    <div><dt>"Email"</dt><dd>{email(page)}</dd></div>
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

fn danger_zone(page: &AccountPage) -> AnyView {
    if !page.manages {
        let words = format!(
            "To change or deactivate this account, ask {}.",
            ui::who(Permission::AccountsManage)
        );
        return ui::callout("info", "Name, rights and status", view! { <p>{words}</p> }.into_any());
    }
    let row = if page.account.deactivated_at.is_some() {
        view! {
            <div class="row__main">
                <span class="row__title">"Reactivate account"</span>
                <span class="row__text">"The person can sign in again, with the memberships they have. Tokens stay revoked."</span>
            </div>
            <form method="post" action="/actions/users/activate">
                <input type="hidden" name="user" value=page.account.id.to_string() />
                <button class="button">"Reactivate"</button>
            </form>
        }
        .into_any()
    } else {
        view! {
            <div class="row__main">
                <span class="row__title">"Deactivate account"</span>
                <span class="row__text">"Ends all access at once. Memberships and runners stay; it can be reactivated."</span>
            </div>
            <a class="button button--danger-quiet" href=format!("{}?confirm=deactivate", path(page))>"Deactivate…"</a>
        }
        .into_any()
    };
    view! {
        <section class="card danger-zone" aria-labelledby="status-title">
            <header class="card__header"><h2 class="card__title" id="status-title">"Status"</h2></header>
            <ul class="rows"><li class="row">{row}</li></ul>
        </section>
    }
    .into_any()
}

/// The question before an account is deactivated, with what ends; or why it cannot be asked.
async fn dialog(ctx: &mut Ctx, page: &AccountPage, state: &FormState) -> Result<(Option<AnyView>, Option<AnyView>)> {
    if !page.manages || ssr::query("confirm").as_deref() != Some("deactivate") {
        return Ok((None, None));
    }
    let effects = match users::preview_deactivation(ctx, &UserRef::Id(page.account.id)).await {
        Ok(effects) => effects,
        // Reached by an old link.
        Err(Error::Refused(Code::WrongState, _)) => return Ok((None, None)),
        Err(error @ Error::Refused(Code::LastSuperAdmin, _)) => {
            return Ok((None, ui::refusal(Some(&forms::describe(&error)))));
        }
        Err(error) => return Err(error),
    };
    let counts = effects.counts;
    let mut consequences: Vec<_> = [
        ui::counted("Ends", counts.sessions, "session", " at once", true),
        ui::counted("Revokes", counts.tokens, "access token", " for good", true),
        ui::counted("Stops", counts.keys, "API key", " from working", true),
    ]
    .into_iter()
    .flatten()
    .collect();
    let alone: Vec<&str> = (effects.teams_without_admin.iter())
        .map(|(_, team)| team.as_str())
        .collect();
    consequences.extend(without_admin(&alone).map(|words| (words, true)));
    consequences.extend(ui::counted("Leaves", counts.runners, "runner", " running", false));
    let comment = Field {
        name: "comment",
        label: "Comment",
        hint: "10 to 500 characters, shown on the account and in the audit log.",
        required: true,
        autofocus: true,
        ..Field::default()
    };
    let dialog = ui::confirm(Confirm {
        id: "deactivate-user",
        title: format!("Deactivate {}?", page.account.shown()),
        text: "Nobody can sign in to the account until it is reactivated. Memberships are kept.".to_owned(),
        consequences,
        action: "/actions/users/deactivate",
        fields: vec![("user", page.account.id.to_string())],
        input: Some(view! { {ui::refusal(state.refusal())} {comment.view(state)} }.into_any()),
        button: "Deactivate",
        danger: true,
        cancel: path(page),
    });
    Ok((Some(dialog), None))
}

/// The teams that lose their last admin, some by name.
fn without_admin(teams: &[&str]) -> Option<String> {
    match teams {
        [] => None,
        [only] => Some(format!("{only} is left without an admin")),
        [first, second, third, _, _, ..] => Some(format!(
            "{} teams are left without an admin: {first}, {second}, {third} and {} more",
            teams.len(),
            teams.len() - 3
        )),
        [some @ .., last] => Some(format!(
            "{} teams are left without an admin: {} and {last}",
            teams.len(),
            some.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::without_admin;

    #[test]
    fn of_many_teams_without_an_admin_three_are_named() {
        let said = |teams: &[&str]| without_admin(teams).unwrap_or_default();
        assert_eq!(said(&[]), "");
        assert_eq!(said(&["A"]), "A is left without an admin");
        assert_eq!(said(&["A", "B", "C"]), "3 teams are left without an admin: A, B and C");
        assert_eq!(
            said(&["A", "B", "C", "D", "E"]),
            "5 teams are left without an admin: A, B, C and 2 more"
        );
        assert_eq!(
            said(&["A", "B", "C", "D"]),
            "4 teams are left without an admin: A, B, C and D"
        );
    }
}
