//! One service: what it is, who may use it; change and delete it.

use backend::services as rules;
use domain::{
    ServiceId,
    views::{Catalogue, Service, ServiceUser},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{broken_keys, fields, kind_label, losses};
use crate::{
    forms::{self, FormState},
    icon::icon,
    layout::{Rendered, page},
    ssr::{self, Ctx, Error, Result},
    ui::{self, Confirm},
};

/// `/admin/services/{service}`. A name leads to the service, or to what is called so.
pub fn edit() -> impl IntoView {
    let key = use_params_map().with_untracked(|params| params.get("service").unwrap_or_default());
    page(async move {
        let mut ctx = ssr::read().await?;
        let catalogues = rules::catalogues(&mut ctx).await?;
        let Ok(id) = key.parse::<ServiceId>() else {
            return by_name(&mut ctx, &catalogues, &key).await;
        };
        let service = rules::find(&mut ctx, id).await?;
        let catalogue = catalogues
            .iter()
            .find(|catalogue| catalogue.organization_id == service.organization_id)
            .ok_or_else(|| Error::not_found("Service", &key))?;
        let now = ctx.now;
        let (users, dialog) = if catalogue.may_change {
            let users = rules::users(&mut ctx, &service).await?;
            (Some(users), delete_dialog(&mut ctx, &service, catalogue).await?)
        } else {
            (None, None)
        };
        drop(ctx);
        let state = forms::take("edit-service").await;
        let deletion = forms::take("delete-service").await;
        let badge = view! { <span class="badge">{kind_label(service.kind)}</span> }.into_any();
        let body = view! {
            {ui::page_header(&service.name, Some(badge), service.description.clone(), ().into_any())}
            {ui::refusal(deletion.refusal())}
            {if catalogue.may_change { edit_form(&service, &state) } else { facts(&service, catalogue) }}
            {users.map(|users| users_card(&service, &users, now))}
            {catalogue.may_change.then(|| danger_zone(&service))}
            {dialog}
        };
        let list = format!("/admin/services?organization={}", catalogue.slug);
        Ok(Rendered::new(service.name.clone(), body)
            .under("Services", list)
            .narrow())
    })
}

/// Leads from a name to the one service that has it; to the search, when several organizations have one.
async fn by_name(ctx: &mut Ctx, catalogues: &[Catalogue], name: &str) -> Result<Rendered> {
    let to = match rules::named(ctx, catalogues, name).await?.as_slice() {
        [] => return Err(Error::not_found("Service", name)),
        [id] => format!("/admin/services/{id}"),
        _ => {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("q", name)
                .finish();
            format!("{}?{query}", crate::pages::search::PAGE)
        }
    };
    ssr::redirect(&to);
    Ok(Rendered::new("Service", ()))
}

fn edit_form(service: &Service, state: &FormState) -> AnyView {
    let fixed = (service.team_count > 0).then(|| {
        let verb = if service.team_count == 1 { "uses" } else { "use" };
        format!(
            "Stays while {} {verb} it: proxies ask for it at /authz/{}.",
            ui::plural(service.team_count, "team"),
            service.name
        )
    });
    let description = service.description.clone().unwrap_or_default();
    view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <form class="card" method="post" action="/actions/services/update">
            <header class="card__header"><h2 class="card__title">"Service"</h2></header>
            <div class="card__body stack">
                <input type="hidden" name="organization" value=service.organization_id.to_string() />
                <input type="hidden" name="service" value=service.id.to_string() />
                {fields(state, &service.name, &description, service.kind, &service.path_prefixes.join("\n"), fixed)}
            </div>
            <footer class="card__footer"><button class="button button--primary">"Save Changes"</button></footer>
        </form>
    }
    .into_any()
}

fn facts(service: &Service, catalogue: &Catalogue) -> AnyView {
    let paths = service.path_prefixes.clone();
    view! {
        <section class="card" aria-labelledby="facts-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="facts-title">"Service"</h2>
                    <p class="card__description">
                        {format!("To change it, ask {}.", ui::who(domain::Permission::TeamAdminister))}
                    </p>
                </div>
            </header>
            <div class="card__body">
                <dl class="facts">
                    <div><dt>"Organization"</dt><dd>{catalogue.name.clone()}</dd></div>
                    <div>
                        <dt>"Paths"</dt>
                        <dd>
                            {if paths.is_empty() {
                                "all".into_any()
                            } else {
                                paths.into_iter().map(|path| view! { <code>{path}</code>" " }).collect_view().into_any()
                            }}
                        </dd>
                    </div>
                    <div><dt>"Teams"</dt><dd>{service.team_count}</dd></div>
                    <div>
                        <dt>"Created"</dt>
                        <dd>{ui::time(service.created_at)}{service.created_by.clone().map(|by| format!(" by {by}"))}</dd>
                    </div>
                </dl>
            </div>
        </section>
    }
    .into_any()
}

fn users_card(service: &Service, users: &[ServiceUser], now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let more = service.team_count - i64::try_from(users.len()).unwrap_or_default();
    let rows = users
        .iter()
        .map(|user| {
            view! {
                <li class="row">
                    <div class="row__main">
                        <a class="row__title" href=format!("/admin/teams/{}/policy", user.team_id)>{user.team.clone()}</a>
                        <span class="row__text">{user.reason.clone()}</span>
                    </div>
                    <span class="muted nowrap">
                        {ui::time_ago(user.allowed_at, now)}{user.allowed_by.clone().map(|by| format!(" by {by}"))}
                    </span>
                </li>
            }
        })
        .collect_view();
    let body = if users.is_empty() {
        view! { <div class="card__body"><p class="muted">"No team. Allow it on a team's Policy tab."</p></div> }
            .into_any()
    } else {
        view! {
            <ul class="rows">
                {rows} {(more > 0).then(|| view! { <li class="row muted">{format!("and {more} more")}</li> })}
            </ul>
        }
        .into_any()
    };
    view! {
        <section class="card" aria-labelledby="users-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="users-title">"Teams that may use it"</h2>
                    <p class="card__description">"Each with the reason why. Review them when the service changes."</p>
                </div>
            </header>
            {body}
        </section>
    }
    .into_any()
}

fn danger_zone(service: &Service) -> AnyView {
    view! {
        <section class="card danger-zone" aria-labelledby="danger-title">
            <header class="card__header"><h2 class="card__title" id="danger-title">"Danger zone"</h2></header>
            <ul class="rows">
                <li class="row">
                    <div class="row__main">
                        <span class="row__title">"Delete service"</span>
                        <span class="row__text">"Every team loses it at once. Proxies that ask for it are refused."</span>
                    </div>
                    <a class="button button--danger-quiet" href=format!("/admin/services/{}?confirm=delete", service.id)>
                        {icon("trash")}"Delete…"
                    </a>
                </li>
            </ul>
        </section>
    }
    .into_any()
}

/// The question before a service is deleted, with what is lost.
async fn delete_dialog(ctx: &mut Ctx, service: &Service, catalogue: &Catalogue) -> Result<Option<AnyView>> {
    if ssr::query("confirm").as_deref() != Some("delete") {
        return Ok(None);
    }
    let deletion = rules::preview_delete(ctx, service.organization_id, service.id).await?;
    let mut names = deletion.team_names.join(", ");
    let more = deletion.teams - i64::try_from(deletion.team_names.len()).unwrap_or_default();
    if more > 0 {
        names.push_str(" and more");
    }
    let verb = if deletion.teams == 1 { "loses" } else { "lose" };
    let mut consequences = if deletion.teams == 0 {
        vec![("No team uses it".to_owned(), false)]
    } else {
        vec![(
            format!("{} {verb} it: {names}", ui::plural(deletion.teams, "team")),
            true,
        )]
    };
    consequences.extend(losses(&deletion.broken));
    Ok(Some(ui::confirm(Confirm {
        id: "delete-service",
        title: format!("Delete {}?", service.name),
        text: "It leaves the catalogue and the policy of every team, at once. This cannot be undone.".to_owned(),
        consequences,
        action: "/actions/services/delete",
        fields: vec![
            ("organization", service.organization_id.to_string()),
            ("slug", catalogue.slug.clone()),
            ("service", service.id.to_string()),
        ],
        input: broken_keys(&deletion.broken, ctx.now, true),
        button: "Delete service",
        danger: true,
        cancel: format!("/admin/services/{}", service.id),
    })))
}
