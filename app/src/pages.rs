//! The console's pages: server only.

pub mod access_reviews;
pub mod alerts;
pub mod audit;
mod budget;
pub mod cost;
pub mod dashboard;
pub mod explain;
pub mod guide;
pub mod help;
pub mod home;
pub mod identity_links;
pub mod keys;
pub mod kubectl;
pub mod label_policies;
mod limit_fields;
pub mod machines;
pub mod organizations;
pub mod provision;
pub mod requests;
pub mod restricted_models;
pub mod runners;
pub mod search;
pub mod services;
pub mod sync;
pub mod team;
pub mod teams;
pub mod tokens;
pub mod users;

use backend::{identity, teams as team_rules};
use domain::{TeamStatus, views::Me};
use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    icon::icon,
    layout::{Rendered, page, plain_page},
    navigation,
    ssr::{self, Caller, Error},
    ui,
};

/// The primary action of pages about runners, for those who provision some.
fn provision_button(me: &Me) -> Option<AnyView> {
    navigation::works(me).then(|| {
        view! { <a class="button button--primary" href="/provision">{icon("provision")}"Provision JIT Runner"</a> }
            .into_any()
    })
}

/// Any other address.
pub fn not_found() -> impl IntoView {
    page(async { Err(Error::not_found("Page", ssr::path())) })
}

/// `/login`: always a page, with the way to the provider.
pub fn login() -> impl IntoView {
    plain_page(async {
        let visit = ssr::visit();
        let next = ssr::query("next").unwrap_or_default();
        let encoded: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let href = if next.is_empty() {
            "/auth/login/oidc".to_owned()
        } else {
            format!("/auth/login/oidc?next={encoded}")
        };
        let flash = ssr::take_flash().await;
        let signed_in = matches!(visit.caller, Some(Caller::Person(..)));
        view! {
            <Title text="Sign in · Guildhall" />
            <main class="plain login" id="content">
                <div class="login__card">
                    <a class="brand" href="/">{ui::brand()}</a>
                    <h1>"Sign in"</h1>
                    <p class="muted">"Teams, runners and keys of your company, in one place."</p>
                    {flash.map(|flash| ui::callout(&flash.kind, &flash.text, ().into_any()))}
                    {signed_in.then(|| ui::callout("info", "You are signed in.", view! { <p><a class="link" href="/">"Continue to Guildhall"</a></p> }.into_any()))}
                    {if visit.site.sign_in {
                        view! {
                            <div class="login__providers">
                                <a class="button button--large button--primary" href=href>
                                    {if visit.site.demo { "Pick a demo person" } else { "Continue with your company account" }}
                                </a>
                            </div>
                        }
                            .into_any()
                    } else {
                        ui::callout(
                            "warning",
                            "Sign-in is not configured",
                            view! {
                                <p>
                                    "Set "<code>"GUILDHALL_OIDC_ISSUER"</code>", "<code>"GUILDHALL_OIDC_CLIENT_ID"</code>" and "
                                    <code>"GUILDHALL_OIDC_CLIENT_SECRET"</code>", then restart."
                                </p>
                            }
                                .into_any(),
                        )
                    }}
                    {visit
                        .site
                        .demo
                        .then(|| {
                            view! {
                                <p class="login__foot">
                                    "This is a demo on your own machine: the OpenID provider and GitHub are simulated, and anyone who can open this page can be anybody."
                                </p>
                            }
                        })}
                </div>
            </main>
        }
        .into_any()
    })
}

/// `/teams`: the viewer's own.
pub fn my_teams() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let teams = team_rules::mine(&mut ctx).await?;
        let begin = provision_button(&identity::me(ctx.person()?)).filter(|_| !teams.is_empty());
        let body = if teams.is_empty() {
            ui::empty(
                "teams",
                "You are in no team yet",
                "Teams give you runners, keys and services. Ask to join one; its admins decide.",
                Some(("Request to join a team", "/requests/new?kind=join")),
            )
        } else {
            let rows = teams
                .into_iter()
                .map(|team| {
                    let active = team.status == TeamStatus::Active;
                    view! {
                        <tr class=(!active).then_some("table__row--muted")>
                            <th scope="row" class="table__title">
                                <a href=format!("/admin/teams/{}", team.id)>{team.name.clone()}</a>
                                <small class="table__sub">{team.organization_name.clone()}</small>
                            </th>
                            {ui::text_cell("Description", team.description.as_deref(), true)}
                            <td data-label="Your role">{ui::role_badge(team.role)}</td>
                            <td data-label="Runners">{active.then(|| ui::meter(team.runner_count, team.max_runners))}</td>
                            <td class="table__state" data-label="Status">{ui::status_badge(team.status)}</td>
                            <td class="table__actions">
                                {active
                                    .then(|| {
                                        view! {
                                            <a class="button button--small" href=format!("/provision?team={}", team.id)>
                                                "Provision"<span class="visually-hidden">{format!(" a runner for {}", team.name)}</span>
                                            </a>
                                        }
                                    })}
                            </td>
                        </tr>
                    }
                })
                .collect_view();
            view! {
                <div class="table-wrap">
                    <table class="table">
                        <caption class="visually-hidden">"My teams"</caption>
                        <thead>
                            <tr>
                                <th scope="col">"Name"</th>
                                <th scope="col" class="table__optional">"Description"</th>
                                <th scope="col">"Your role"</th>
                                <th scope="col">"Runners"</th>
                                <th scope="col">"Status"</th>
                                <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            }
            .into_any()
        };
        let header = ui::page_header(
            "My teams",
            None,
            Some("The teams that you belong to, and what you are in them.".to_owned()),
            view! {
                <a class="button" href="/requests/new?kind=join">"Request to join a team"</a>
                {begin}
            }
            .into_any(),
        );
        Ok(Rendered::new("My teams", view! { {header} {body} }))
    })
}
