//! Domains: whose addresses count as being in the organization.

use backend::organizations::domains as rules;
use domain::{EmailDomain, Permission, VerifiedHow, views::OrganizationDomain};
use leptos::prelude::*;

use super::{Place, Tab, tab_page};
use crate::{
    forms::{self, FormState},
    icon::icon,
    layout::page,
    ssr::{self, Code, Ctx, Error, Result},
    ui::{self, Confirm},
};

/// `/admin/organizations/{organization}/domains`.
pub fn domains() -> impl IntoView {
    page(tab_page(Tab::Domains, async |ctx, place| {
        let administers = place.may(Permission::TeamAdminister) && !place.is_default();
        let dialog = if administers { dialog(ctx, place).await? } else { None };
        let state = forms::take("add-domain").await;
        let verify_state = forms::take("verify-domain").await;
        let removal_state = forms::take("remove-domain").await;
        let now = ctx.now;
        let list = &place.page.domains;
        let body = if list.is_empty() {
            ui::empty(
                "mail",
                "No email domains",
                "Without a verified domain, anyone can be added. With one, only people with an address there can be added; others as guests.",
                None,
            )
        } else {
            list.iter()
                .enumerate()
                .map(|(index, known)| card(place, index, known, administers, now))
                .collect_view()
                .into_any()
        };
        Ok(view! {
            {ui::refusal(verify_state.refusal())}
            {ui::refusal(removal_state.refusal())}
            {administers.then(|| add_form(place, &state))}
            {body}
            {dialog}
        }
        .into_any())
    }))
}

fn add_form(place: &Place, state: &FormState) -> AnyView {
    let error = state.error("domain");
    view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <section class="card" aria-labelledby="add-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="add-title">"Add domain"</h2>
                    <p class="card__description">
                        "Who has an address at a verified domain counts as being in the organization. A domain counts as soon as it is verified."
                    </p>
                </div>
            </header>
            <form class="card__body inline-form" method="post" action="/actions/organizations/domains/add">
                {place.hidden()}
                <div class="field">
                    <label class="field__label" for="domain">"Domain"</label>
                    <input
                        class="input"
                        id="domain"
                        name="domain"
                        required
                        autocomplete="off"
                        placeholder="example.com"
                        value=state.value("domain", "")
                        aria-invalid=error.is_some().then_some("true")
                        aria-describedby=error.is_some().then_some("domain-error")
                    />
                    {error.map(|text| view! { <p class="field__error" id="domain-error">{icon("error")}{text}</p> })}
                </div>
                <button class="button button--primary">"Add domain"</button>
            </form>
        </section>
    }
    .into_any()
}

fn card(
    place: &Place,
    index: usize,
    known: &OrganizationDomain,
    administers: bool,
    now: chrono::DateTime<chrono::Utc>,
) -> AnyView {
    let title = format!("domain-{index}");
    let labelled_by = title.clone();
    let badge = if known.verified.is_some() {
        view! { <span class="badge badge--active">"Verified"</span> }.into_any()
    } else {
        view! { <span class="badge badge--pending">"Not verified"</span> }.into_any()
    };
    // Verified ones are a super_admin's to give up.
    let removes = administers && (known.verified.is_none() || place.page.standing.super_admin);
    let by = known.created_by.clone().map(|by| format!(" by {by}"));
    view! {
        <section class="card" aria-labelledby=labelled_by>
            <header class="card__header">
                <div>
                    <h2 class="card__title" id=title>{known.domain.clone()}" "{badge}</h2>
                    <p class="card__description">{state(known, now)}"Added "{ui::time_ago(known.created_at, now)}{by}"."</p>
                </div>
                {removes
                    .then(|| {
                        let href = format!("{}?confirm=remove&domain={}", place.tab(Tab::Domains), known.domain);
                        view! {
                            <div class="card__actions">
                                <a class="button button--small button--danger-quiet" href=href>
                                    "Remove…"<span class="visually-hidden">{format!(" {}", known.domain)}</span>
                                </a>
                            </div>
                        }
                    })}
            </header>
            {(known.verified.is_none() && administers).then(|| proof(place, index, known))}
        </section>
    }
    .into_any()
}

fn state(known: &OrganizationDomain, now: chrono::DateTime<chrono::Utc>) -> Option<AnyView> {
    let (at, how) = known.verified?;
    let how = match how {
        VerifiedHow::Word => "by the word of ",
        VerifiedHow::Dns => "by its TXT record, asked for by ",
    };
    let by = known.verified_by.clone().unwrap_or_else(|| "a super admin".to_owned());
    Some(view! { "Verified "{ui::time_ago(at, now)}" "{how}{by}". " }.into_any())
}

/// What to publish, and the buttons that look for it.
fn proof(place: &Place, index: usize, known: &OrganizationDomain) -> AnyView {
    let id = format!("record-{index}");
    let text = known.record.clone().unwrap_or_default();
    let form = |how: VerifiedHow, label: &'static str, class: &'static str| {
        view! {
            <form method="post" action="/actions/organizations/domains/verify">
                {place.hidden()}
                <input type="hidden" name="domain" value=known.domain.clone() />
                <input type="hidden" name="how" value=how.as_str() />
                <button class=class>{label}<span class="visually-hidden">{format!(" {}", known.domain)}</span></button>
            </form>
        }
        .into_any()
    };
    view! {
        <div class="card__body">
            <p>"Publish this TXT record at "<code>{known.domain.clone()}</code>", then verify:"</p>
            <div class="code code--wrap">
                <pre class="code__text" id=id.clone() tabindex="0"><code>{text}</code></pre>
                <button class="button button--small code__copy" type="button" data-copy=id>{icon("copy")}<span>"Copy"</span></button>
            </div>
            <div class="button-row">
                {form(VerifiedHow::Dns, "Verify now", "button button--primary")}
                {place
                    .page
                    .standing
                    .super_admin
                    .then(|| form(VerifiedHow::Word, "Verify by my word", "button"))}
            </div>
        </div>
    }
    .into_any()
}

/// The question before a domain is removed.
async fn dialog(ctx: &mut Ctx, place: &Place) -> Result<Option<AnyView>> {
    if ssr::query("confirm").as_deref() != Some("remove") {
        return Ok(None);
    }
    let Some(domain) = ssr::query("domain").and_then(|text| EmailDomain::parse(&text).ok()) else {
        return Ok(None);
    };
    let people = match rules::people_at(ctx, &place.key, &domain).await {
        Ok(people) => people,
        Err(error @ (Error::Forbidden(_) | Error::Refused(Code::NotFound, _))) => {
            return Ok(ui::refusal(Some(&forms::describe(&error))));
        }
        Err(error) => return Err(error),
    };
    let verified = |known: &&OrganizationDomain| known.verified.is_some();
    let last = place
        .page
        .domains
        .iter()
        .filter(verified)
        .all(|known| known.domain == domain.as_str())
        && place.page.domains.iter().filter(verified).count() == 1;
    let mut fields = place.fields();
    fields.push(("domain", domain.to_string()));
    let mut consequences = vec![(
        format!(
            "Leaves {} with such an address in the organization",
            ui::plural(people, "person")
        ),
        false,
    )];
    if last {
        consequences.push(("Without another verified domain, anyone can be added".to_owned(), true));
    }
    Ok(Some(ui::confirm(Confirm {
        id: "remove-domain",
        title: format!("Remove {domain}?"),
        text: "New people with an address there do not count as being in the organization any more. Adding the domain again needs a new TXT record."
            .to_owned(),
        consequences,
        action: "/actions/organizations/domains/remove",
        fields,
        input: None,
        button: "Remove domain",
        danger: true,
        cancel: place.tab(Tab::Domains),
    })))
}
