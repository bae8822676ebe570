//! `/admin/identity-links/{id}`: a link, what it did, and what it would do.

use backend::identity_links;
use chrono::{DateTime, Utc};
use domain::{
    LinkId,
    directory::{Mode, Provider},
    views::{IdentityLink, LinkEvent, LinkPreview, Page},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{ONE, PAGE, gives, link_page, mode_badge, place, state_badge};
use crate::{
    forms::{self, FormState},
    icon::icon,
    layout::{Rendered, page as console_page},
    ssr::{self, Error},
    ui::{self, Confirm, Field},
};

/// `/admin/identity-links/{id}`.
pub fn page() -> impl IntoView {
    let text = use_params_map()
        .with_untracked(|params| params.get("link"))
        .unwrap_or_default();
    console_page(async move {
        let id: LinkId = text.parse().map_err(|_| Error::not_found("Identity link", &text))?;
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let link = identity_links::get(&mut ctx, id).await?;
        let events = identity_links::events(&mut ctx, id, ssr::query("cursor").as_deref(), 50).await?;
        let caller = ctx.caller.clone();
        drop(ctx);
        let state = forms::take(ONE).await;
        let asks = ssr::query("preview").is_some() || ssr::query("confirm").is_some_and(|what| what != "delete");
        let preview = if asks && link.may_change {
            let visit = ssr::visit();
            Some(identity_links::preview_now(&visit.backend, caller, visit.request, id).await)
        } else {
            None
        };
        let (preview, failure) = match preview {
            Some(Ok(preview)) => (Some(preview), None),
            Some(Err(error)) => (None, Some(forms::describe(&error))),
            None => (None, None),
        };
        let path = link_page(&id.to_string());
        let body = view! {
            {ui::page_header(link.group(), Some(state_badge(&link)), Some(gives(&link)), actions(&link, &path))}
            {ui::error_summary(&state)}
            {ui::refusal(state.refusal().or(failure.as_deref()))}
            {notices(&link, &path, now)}
            {preview.as_ref().map(|preview| shown(&link, preview))}
            {facts(&link, now)}
            {link.may_change.then(|| form(&link, &state, &path))}
            {history(&events, &path, now)}
            {link.may_change.then(|| dialog(&link, preview.as_ref(), &path))}
        };
        Ok(Rendered::new(link.group().to_owned(), body)
            .under("Identity links", PAGE)
            .at(link.group().to_owned()))
    })
}

fn actions(link: &IdentityLink, path: &str) -> AnyView {
    if !link.may_change {
        return ().into_any();
    }
    let hidden = link.id.to_string();
    view! {
        <a class="button" href=format!("{path}?preview=1")>{icon("search")}"Preview"</a>
        {(link.provider == Provider::Entra)
            .then(|| {
                view! {
                    <form class="inline-form" method="post" action="/actions/identity-links/sync" data-busy>
                        <input type="hidden" name="link" value=hidden />
                        <button class="button button--primary">{icon("sync")}"Sync now"</button>
                    </form>
                }
            })}
    }
    .into_any()
}

fn notices(link: &IdentityLink, path: &str, now: DateTime<Utc>) -> AnyView {
    let held = link.held_at.map(|at| {
        let words = format!(
            "{} left the group, which is more than the limit of {} %. Nobody is removed until somebody says so.",
            ui::plural(link.leaving, "person"),
            link.removal_limit,
        );
        let review = link.may_change.then(|| {
            view! { <p><a class="button button--small" href=format!("{path}?confirm=removals")>"Review removals…"</a></p> }
        });
        let body = view! { <p>{words}" Since "{ui::time_ago(at, now)}"."</p> {review} };
        ui::callout("warning", "Removals wait for you", body.into_any())
    });
    let missing = link.missing_since.map(|at| {
        let body = view! {
            <p>"The directory has no group with this id since "{ui::time_ago(at, now)}". Nobody lost anything by it; delete the link when the group is not coming back."</p>
        };
        ui::callout("danger", "Group not found", body.into_any())
    });
    let failed = link.failed.as_ref().map(|(at, why)| {
        let body = view! { <p>{why.clone()}</p> <p>"Last tried "{ui::time_ago(*at, now)}". Nobody lost anything by it, and it is tried again."</p> };
        ui::callout("danger", "The directory could not be read", body.into_any())
    });
    view! { {held} {missing} {failed} }.into_any()
}

fn facts(link: &IdentityLink, now: DateTime<Utc>) -> AnyView {
    let given = match place(link) {
        Some(href) => view! { <a class="link" href=href>{gives(link)}</a> }.into_any(),
        None => gives(link).into_any(),
    };
    let maker = link.created_by.clone().unwrap_or_else(|| match link.provider {
        Provider::Scim => "SCIM".to_owned(),
        Provider::Entra | Provider::Oidc => "a sign-in or the sync".to_owned(),
    });
    view! {
        <section class="card" aria-label="Facts">
            <div class="card__body"><dl class="facts">
                <div><dt>"Directory"</dt><dd>{link.provider.name()}</dd></div>
                <div><dt>"Group’s id"</dt><dd class="mono">{link.group_id.clone()}</dd></div>
                <div><dt>"Gives"</dt><dd>{given}</dd></div>
                <div><dt>"Mode"</dt><dd>{mode_badge(link.mode)}</dd></div>
                <div><dt>"People in it"</dt><dd>{link.members}</dd></div>
                <div>
                    <dt>"Last read"</dt>
                    <dd>
                        {match link.checked_at {
                            Some(at) => ui::time_ago(at, now),
                            None => "with each sign-in".into_any(),
                        }}
                    </dd>
                </div>
                <div><dt>"Made"</dt><dd>{ui::time_ago(link.created_at, now)}" by "{maker}</dd></div>
            </dl></div>
        </section>
    }
    .into_any()
}

fn form(link: &IdentityLink, state: &FormState, path: &str) -> AnyView {
    let id = link.id.to_string();
    let limit = link.removal_limit.to_string();
    let switch = match link.mode {
        Mode::Additive => view! {
            <a class="button" href=format!("{path}?confirm=authoritative")>"Make authoritative…"</a>
        }
        .into_any(),
        Mode::Authoritative => view! {
            <button class="button" name="mode" value="additive">"Make additive"</button>
        }
        .into_any(),
    };
    view! {
        <form class="card" method="post" action="/actions/identity-links/update" data-busy>
            <header class="card__header">
                <div>
                    <h2 class="card__title">"Removals"</h2>
                    <p class="card__description">
                        {match link.mode {
                            Mode::Additive => "Who leaves the group keeps what the link gave.",
                            Mode::Authoritative => "Who leaves the group loses what the link gave; never what people gave by hand, and never a last admin.",
                        }}
                    </p>
                </div>
            </header>
            <div class="card__body stack">
                <input type="hidden" name="link" value=id />
                {Field {
                    name: "removal_limit",
                    label: "Ask before removing more than (percent)",
                    hint: "Of those who are in it, in one pass. Three are always free.",
                    current: &limit,
                    kind: "number",
                    required: true,
                    ..Field::default()
                }
                .view(state)}
            </div>
            <footer class="card__footer">
                <a class="button button--danger-quiet" href=format!("{path}?confirm=delete")>"Delete link…"</a>
                {switch}
                <button class="button button--primary">"Save Changes"</button>
            </footer>
        </form>
    }
    .into_any()
}

/// What it would do, with names.
fn shown(link: &IdentityLink, preview: &LinkPreview) -> AnyView {
    let source = if preview.fresh {
        "As the directory says now."
    } else {
        "As was last known: this directory cannot be asked from here."
    };
    let adds = (preview.adds_total > 0).then(|| {
        let more = preview.adds_total - preview.adds.len();
        view! {
            <p><b>{ui::plural(i64::try_from(preview.adds_total).unwrap_or(i64::MAX), "person")}</b>" would get it:"</p>
            <ul class="plain-list">
                {preview.adds.iter().map(|email| view! { <li>{email.clone()}</li> }).collect_view()}
                {(more > 0).then(|| view! { <li class="muted">{format!("and {more} more")}</li> })}
            </ul>
        }
    });
    let leaving = (!preview.leaving.is_empty()).then(|| {
        view! {
            <p><b>{ui::plural(i64::try_from(preview.removes_total).unwrap_or(i64::MAX), "person")}</b>" would lose something:"</p>
            <ul class="plain-list">
                {preview
                    .leaving
                    .iter()
                    .map(|fate| {
                        let what = match (fate.loses, fate.detail) {
                            (true, None) => "loses it".to_owned(),
                            (true, Some(detail)) => format!("loses it, {detail}"),
                            (false, detail) => format!("keeps it, {}", detail.unwrap_or("as it is")),
                        };
                        view! { <li>{fate.email.clone()}" "<span class="muted">{what}</span></li> }
                    })
                    .collect_view()}
            </ul>
        }
    });
    let nothing =
        (preview.adds_total == 0 && preview.leaving.is_empty()).then(|| view! { <p>"Nothing would change."</p> });
    let title = match link.mode {
        Mode::Additive => "If this link were authoritative",
        Mode::Authoritative => "What the next pass would do",
    };
    let body = view! { {adds} {leaving} {nothing} <p class="muted">{source}</p> };
    ui::callout("info", title, body.into_any())
}

fn history(events: &Page<LinkEvent>, path: &str, now: DateTime<Utc>) -> AnyView {
    let rows = (events.items.iter())
        .map(|event| {
            let class = match event.kind.as_str() {
                "added" | "found" | "released" => "badge badge--active",
                "removed" | "missing" | "failed" => "badge badge--failed",
                "held" | "kept" => "badge badge--warning",
                _ => "badge badge--member",
            };
            let who = event.user.as_ref().map(|(_, email)| email.as_str());
            view! {
                <tr>
                    <td class="table__title" data-label="When">{ui::time_ago(event.at, now)}</td>
                    <td class="table__state" data-label="What"><span class=class>{event.kind_in_words().to_owned()}</span></td>
                    <td data-label="Who">{ui::or_dash(who)}</td>
                    {ui::text_cell("Details", event.detail.as_deref(), false)}
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="section" aria-labelledby="history-title">
            <h2 class="section__title" id="history-title">"What it did"</h2>
            <div class="table-wrap">
                <table class="table">
                    <caption class="visually-hidden">"What the link did, newest first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"When"</th>
                            <th scope="col">"What"</th>
                            <th scope="col">"Who"</th>
                            <th scope="col">"Details"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {ui::pagination(events.items.len(), events.total, "event", events.previous.clone(), events.next.clone(), |cursor| {
                format!("{path}?cursor={cursor}")
            })}
        </section>
    }
    .into_any()
}

fn dialog(link: &IdentityLink, preview: Option<&LinkPreview>, path: &str) -> Option<AnyView> {
    let what = ssr::query("confirm")?;
    let field = ("link", link.id.to_string());
    let cancel = path.to_owned();
    if what == "delete" {
        return Some(ui::confirm(Confirm {
            id: "delete-link",
            title: format!("Delete the link of {}?", link.group()),
            text: "The group gives nothing any more. A group that is assigned to the Entra application is linked to its own team again at the next sign-in.".to_owned(),
            consequences: vec![(format!("{} keep what it gave, as if by hand", ui::plural(link.members, "person")), false)],
            action: "/actions/identity-links/delete",
            fields: vec![field],
            input: None,
            button: "Delete link",
            danger: true,
            cancel,
        }));
    }
    let preview = preview?;
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let removes = format!("removes {}", ui::plural(count(preview.removes_total), "person"));
    let mut consequences = vec![(removes, preview.removes_total > 0)];
    match what.as_str() {
        "authoritative" => {
            consequences.insert(
                0,
                (
                    format!("adds {}", ui::plural(count(preview.adds_total), "person")),
                    false,
                ),
            );
            if preview.waits {
                consequences.push((
                    format!("waits for your word, since that is more than {}%", link.removal_limit),
                    false,
                ));
            }
            Some(ui::confirm(Confirm {
                id: "make-authoritative",
                title: format!("Let {} decide who is in?", link.group()),
                text: "From now on, who leaves the group loses what this link gave, with project roles and keys there. What people gave by hand stays.".to_owned(),
                consequences,
                action: "/actions/identity-links/update",
                fields: vec![field, ("mode", "authoritative".to_owned())],
                input: None,
                button: "Make authoritative",
                danger: preview.removes_total > 0,
                cancel,
            }))
        }
        "removals" if link.held_at.is_some() => Some(ui::confirm(Confirm {
            id: "confirm-removals",
            title: format!("Remove those who left {}?", link.group()),
            text: "They lose what this link gave, with project roles and keys there.".to_owned(),
            consequences,
            action: "/actions/identity-links/confirm",
            fields: vec![field],
            input: None,
            button: "Remove them",
            danger: true,
            cancel,
        })),
        _ => None,
    }
}
