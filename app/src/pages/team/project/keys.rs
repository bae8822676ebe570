//! The project's keys: create, rotate, revoke.

use chrono::{DateTime, Utc};
use domain::{
    ProjectRight,
    views::{Key, Page, ProjectMember},
};
use leptos::prelude::*;

use super::Here;
use crate::{
    forms::{self, FormState},
    pages::keys::{self as shown, Action},
    ssr,
    ui::{self, Field, PersonChoice},
};

/// The list, with the form above it for those who may have keys.
pub(super) async fn section(
    here: &Here<'_>,
    list: &Page<Key>,
    people: &Page<ProjectMember>,
    now: DateTime<Utc>,
) -> AnyView {
    let state = forms::take(shown::CREATE).await;
    let change = forms::take(shown::CHANGE).await;
    let manages = here.may_change(ProjectRight::ManageKeys);
    let creates = manages || here.may_change(ProjectRight::OwnKeys);
    let all = manages || !here.page.standing.may(ProjectRight::OwnKeys);
    view! {
        {ui::error_summary(&state)}
        {ui::refusal(state.refusal())}
        {ui::refusal(change.refusal())}
        <section class="card" id="keys" aria-labelledby="keys-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="keys-title">"API keys"</h2>
                    <p class="card__description">
                        {if all {
                            "A key lets a program use the team's services as its owner, in this project."
                        } else {
                            "Your own. A key lets a program use the team's services as you, in this project."
                        }}
                    </p>
                </div>
            </header>
            {creates.then(|| create_form(here, people, manages, &state))}
            <div class="card__body card__body--flush">
                {if list.items.is_empty() {
                    ui::empty(
                        "key",
                        "No keys yet",
                        if creates { "Name one after what uses it, and create it: it is shown once." } else { "Nobody has a key of this project." },
                        None,
                    )
                } else {
                    table(here, list, manages, now)
                }}
            </div>
        </section>
    }
    .into_any()
}

fn create_form(here: &Here<'_>, people: &Page<ProjectMember>, manages: bool, state: &FormState) -> AnyView {
    // Who has access to the project, and nobody else, can have a key of it.
    let owners: Vec<_> = (people.items.iter())
        .filter(|member| !member.deactivated)
        .map(|member| (member.email.clone(), member.display_name.clone()))
        .collect();
    // Who stands above the team has to say whose the key is.
    let above = !here.page.standing.may(ProjectRight::OwnKeys);
    view! {
        <form class="card__body stack" method="post" action="/actions/keys/create">
            {here.hidden()}
            <div class="field-row">
                {Field { name: "name", label: "Name", required: true, placeholder: "nightly evaluation", ..Field::default() }.view(state)}
                {shown::expiry(state, "expires", None, None)}
                {manages
                    .then(|| {
                        PersonChoice {
                            name: "owner",
                            label: "Owner",
                            people: &owners,
                            all: people.previous.is_none() && people.next.is_none(),
                            nobody: (!above).then_some("you"),
                            required: above,
                            current: "",
                        }
                            .view(state)
                    })}
            </div>
            <div class="form-actions"><button class="button button--primary">"Create key"</button></div>
        </form>
    }
    .into_any()
}

fn table(here: &Here<'_>, list: &Page<Key>, manages: bool, now: DateTime<Utc>) -> AnyView {
    let open = here.place.page.team.status != domain::TeamStatus::Archived;
    let own = here.may_change(ProjectRight::OwnKeys);
    let at = shown::address(&here.path, "keys");
    let rows = list
        .items
        .iter()
        .map(|key| {
            view! {
                <tr class=shown::is_over(key).then_some("table__row--muted")>
                    {shown::title(key)}
                    <td data-label="Owner" class="table__optional">{key.owner.clone()}</td>
                    <td class="table__state" data-label="Status">{shown::state(key)}</td>
                    <td data-label="Created" class="table__optional">{ui::time_ago(key.created_at, now)}</td>
                    <td data-label="Last used">{shown::last_used(key, now)}</td>
                    <td data-label="Expires">{shown::expires(key, now)}</td>
                    <td class="table__actions">
                        {(open && (manages || own)).then(|| shown::menu(key, &at))}
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"API keys"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col" class="table__optional">"Owner"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col" class="table__optional">"Created"</th>
                        <th scope="col">"Last used"</th>
                        <th scope="col">"Expires"</th>
                        <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {ui::pagination(list.items.len(), list.total, "key", list.previous.clone(), list.next.clone(), |cursor| {
            format!("{}?keys={cursor}#keys", here.path)
        })}
    }
    .into_any()
}

/// The question before a key of the page is rotated or revoked.
pub(super) fn dialog(here: &Here<'_>, keys: &[Key], now: DateTime<Utc>) -> Option<AnyView> {
    let action = Action::asked()?;
    let id = ssr::query("key")?;
    let key = keys.iter().find(|key| key.id.to_string() == id)?;
    let mut fields = here.fields();
    fields.push(("key", id));
    shown::dialog(action, key, fields, shown::address(&here.path, "keys"), now)
}
