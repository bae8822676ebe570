//! `/admin/explain`: why somebody may use something, or may not.

use backend::{
    Principal,
    authz::{self, About, Explain, Subject},
    services,
    teams::{self, Found, TeamKey},
};
use domain::{
    Fields, Invalid, Label, OrganizationId, TeamId, TeamStatus, UserRef,
    authz::{Explanation, Outcome, Step},
    roles::in_words,
};
use leptos::prelude::*;

use crate::{
    forms::{self, FormState},
    icon::icon,
    layout::{Rendered, page as console_page},
    ssr::{self, Ctx, Error, Result},
    ui::{self, Field},
};

/// What the address asks.
struct Asked {
    team: String,
    who: String,
    kind: String,
    name: String,
    request: String,
}

impl Asked {
    /// Reads the address. A link may also say `service=`, `label=` or `model=`.
    fn read(own: &str) -> Self {
        let query = |name| ssr::query(name).map(|text| text.trim().to_owned());
        let short = ["service", "label", "model"]
            .into_iter()
            .find_map(|kind| Some((kind, query(kind)?)));
        let (kind, name) = short.map_or_else(
            || (query("kind").unwrap_or_default(), query("name").unwrap_or_default()),
            |(kind, name)| (kind.to_owned(), name),
        );
        Self {
            team: query("team").unwrap_or_default(),
            who: query("who").unwrap_or_else(|| own.to_owned()),
            kind: if kind.is_empty() { "service".to_owned() } else { kind },
            name,
            request: query("request").unwrap_or_default(),
        }
    }

    /// Whether there is a whole question, and not only the beginning of one.
    fn is_whole(&self) -> bool {
        !self.team.is_empty() && !self.name.is_empty()
    }

    fn subject(&self) -> std::result::Result<Subject, Invalid> {
        if self.who.starts_with("sk-") {
            return Ok(Subject::KeyPrefix(self.who.clone()));
        }
        let user = UserRef::parse("who", &self.who);
        user.map(Subject::Person)
            .map_err(|_| Invalid::new("who", "must be an email address, a UUID, or how a key begins: sk-…"))
    }

    fn about(&self) -> std::result::Result<About, Invalid> {
        let name = self.name.clone();
        if name.chars().count() > 200 || name.chars().any(char::is_control) {
            return Err(Invalid::new(
                "name",
                "must be at most 200 characters without control characters",
            ));
        }
        match self.kind.as_str() {
            "label" => Label::parse(&name)
                .map(About::Label)
                .map_err(|invalid| invalid.on("name")),
            "model" => Ok(About::Model(name)),
            _ => {
                let (method, path) = match self.request.split_once(char::is_whitespace) {
                    Some((method, path)) => (Some(method.to_ascii_uppercase()), Some(path.trim().to_owned())),
                    None => (None, Some(self.request.clone()).filter(|path| !path.is_empty())),
                };
                Ok(About::Service { name, method, path })
            }
        }
    }
}

/// `/admin/explain`.
pub fn page() -> impl IntoView {
    console_page(async {
        let mut ctx = ssr::read().await?;
        let own = ctx.person()?.clone();
        let asked = Asked::read(&own.email);
        let mut errors = Vec::new();
        let mut refusal = None;
        let mut answer = None;
        if asked.is_whole() {
            match explain(&mut ctx, &asked).await {
                Ok(explained) => answer = Some(explained),
                Err(Error::Invalid(fields)) => errors = fields,
                Err(error) if error.code().status() < 500 => refusal = Some(error),
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = &refusal {
            ssr::set_status(error.code().status());
        }
        let state = FormState::found(errors, refusal.map(|error| forms::describe(&error)));
        let choices = choices(&mut ctx, &own).await;
        // Who sees no other team chooses among their own; who sees more may have to name one.
        let sees_more = own.super_admin || own.auditor || !own.organizations_seen_whole().is_empty();
        let known = asked.team.is_empty() || choices.teams.iter().any(|team| team.is(&asked.team));
        let chooses = !sees_more && known && (1..=MOST_TEAMS).contains(&choices.teams.len());
        let backend = ctx.backend.clone();
        drop(ctx);
        let models = backend::api_keys::offered(&backend).await;
        let header = ui::page_header(
            "Why?",
            None,
            Some(
                "May this person or key, in this team, use this service, label or model? Every rule that decides, in order, and who can change it."
                    .to_owned(),
            ),
            ().into_any(),
        );
        let nothing_yet = !asked.is_whole();
        let result = match answer {
            Some(answer) => result(&answer),
            None if nothing_yet => ui::empty(
                "info",
                "Nothing asked yet",
                "The answer comes with every rule that decides, in the order in which they are asked.",
                None,
            ),
            None => ().into_any(),
        };
        let body = view! {
            {header}
            {ui::refusal(state.refusal())}
            {ui::error_summary(&state)}
            <div class="explain">{form(&asked, &state, &choices, chooses, &models)} {result}</div>
        };
        Ok(Rendered::new("Why?", body))
    })
}

/// More teams than this are not chosen from a list, but named.
const MOST_TEAMS: usize = 500;

/// A team to choose.
struct Choice {
    id: String,
    slug: String,
    name: String,
}

impl Choice {
    fn is(&self, typed: &str) -> bool {
        self.id == typed || self.slug == typed
    }
}

/// What can be chosen.
struct Choices {
    teams: Vec<Choice>,
    services: Vec<String>,
}

/// The viewer's own teams by name, and the services of their organizations: of three at most, so that nobody's page asks for more.
async fn choices(ctx: &mut Ctx, own: &Principal) -> Choices {
    let open = own.teams.iter().filter(|team| team.status != TeamStatus::Archived);
    let mut organizations: Vec<OrganizationId> = open.clone().map(|team| team.organization_id).collect();
    organizations.sort_unstable();
    organizations.dedup();
    let mut teams: Vec<Choice> = open
        .map(|team| Choice {
            id: team.team_id.to_string(),
            slug: team.slug.clone(),
            name: team.name.clone(),
        })
        .collect();
    teams.sort_by_key(|team| team.name.to_lowercase());
    let mut names = Vec::new();
    for organization in organizations.into_iter().take(3) {
        // They are help with writing a name: whoever may not read them writes it.
        if let Ok(list) = services::list(ctx, organization).await {
            names.extend(list.into_iter().map(|service| service.name));
        }
    }
    Choices { teams, services: names }
}

async fn explain(ctx: &mut Ctx, asked: &Asked) -> Result<Explanation> {
    let mut fields = Fields::default();
    let subject = fields.take(asked.subject());
    let about = fields.take(asked.about());
    let (subject, about) = fields.with(subject.zip(about))?;
    let team = team(ctx, &asked.team).await?;
    authz::explain(ctx, &Explain { subject, team, about }).await
}

/// The team that was typed: an id, the slug of an own team, or of any team that may be seen.
async fn team(ctx: &mut Ctx, typed: &str) -> Result<TeamId> {
    let key = TeamKey::parse(typed);
    if let TeamKey::Id(id) = key {
        return Ok(id);
    }
    let own = ctx.person()?.teams.clone();
    let mut own = own.iter().filter(|team| team.slug == typed || team.name == typed);
    if let (Some(team), None) = (own.next(), own.next()) {
        return Ok(team.team_id);
    }
    match teams::find(ctx, &key).await? {
        Found::One(page) => Ok(page.team.id),
        Found::Several(_) => Err(Error::invalid(
            "team",
            "is the name of several teams: take the UUID, which stands on the team's page",
        )),
    }
}

fn form(asked: &Asked, state: &FormState, choices: &Choices, chooses: bool, models: &[String]) -> AnyView {
    let kinds = [("service", "Service"), ("label", "Runner label"), ("model", "Model")];
    let team_error = state.error("team");
    let options = (choices.teams.iter())
        .map(|team| {
            let twice = choices.teams.iter().filter(|other| other.slug == team.slug).count() > 1;
            let value = if twice { &team.id } else { &team.slug };
            let selected = team.is(&asked.team);
            view! { <option value=value.clone() selected=selected>{team.name.clone()}</option> }
        })
        .collect_view();
    let known = choices.services.iter().map(|name| (name, "service"));
    let known = (known.chain(models.iter().map(|name| (name, "model"))))
        .map(|(name, what)| view! { <option value=name.clone()>{what}</option> })
        .collect_view();
    let name_error = state.error("name");
    let team_field = if chooses {
        view! {
            <div class="field">
                <label class="field__label" for="team">"Team "<span class="field__mark">"required"</span></label>
                <select class="select" id="team" name="team" required aria-invalid=team_error.is_some().then_some("true")>
                    {(choices.teams.len() > 1).then(|| view! { <option value="">"Choose a team"</option> })}
                    {options}
                </select>
                {ui::error_line("team", team_error)}
            </div>
        }
        .into_any()
    } else {
        view! {
            <div class="field">
                <label class="field__label" for="team">"Team "<span class="field__mark">"required"</span></label>
                <p class="field__hint" id="team-hint">"Its short name as in its address, or its UUID."</p>
                <input
                    class="input"
                    id="team"
                    name="team"
                    value=asked.team.clone()
                    list="own-teams"
                    required
                    autocomplete="off"
                    placeholder="engineering"
                    aria-invalid=team_error.is_some().then_some("true")
                    aria-describedby="team-hint"
                />
                <datalist id="own-teams">{options}</datalist>
                {ui::error_line("team", team_error)}
            </div>
        }
        .into_any()
    };
    view! {
        // The answer is where the page goes: on a phone it lies below the form.
        <form class="card" method="get" action="/admin/explain#answer-title" aria-label="Question">
            <div class="card__body stack">
                {team_field}
                {Field {
                    name: "who",
                    label: "Person or key",
                    hint: "An email address, a UUID, or how a key begins. About others you may ask where you manage the members.",
                    current: &asked.who,
                    required: true,
                    placeholder: "ada@example.com or sk-…",
                    ..Field::default()
                }
                    .view(state)}
                <div class="field-row">
                    <div class="field">
                        <label class="field__label" for="kind">"What"</label>
                        <select class="select" id="kind" name="kind">
                            {kinds
                                .into_iter()
                                .map(|(value, label)| {
                                    view! { <option value=value selected=value == asked.kind>{label}</option> }
                                })
                                .collect_view()}
                        </select>
                    </div>
                    <div class="field">
                        <label class="field__label" for="name">"Name "<span class="field__mark">"required"</span></label>
                        <input
                            class="input"
                            id="name"
                            name="name"
                            value=asked.name.clone()
                            list="known-names"
                            required
                            autocomplete="off"
                            placeholder="llm-service"
                            aria-invalid=name_error.is_some().then_some("true")
                            aria-describedby=name_error.is_some().then_some("name-error")
                        />
                        <datalist id="known-names">{known}</datalist>
                        {ui::error_line("name", name_error)}
                    </div>
                </div>
                {Field {
                    name: "request",
                    label: "Request",
                    hint: "Of a service that admits some requests only: which one.",
                    current: &asked.request,
                    placeholder: "GET /v1/chat",
                    ..Field::default()
                }
                    .view(state)}
            </div>
            <footer class="card__footer"><button class="button button--primary">"Explain"</button></footer>
        </form>
    }
    .into_any()
}

fn result(answer: &Explanation) -> AnyView {
    let (class, mark, word) = if answer.allowed {
        ("callout callout--success", "check-circle", "Allowed")
    } else {
        ("callout callout--danger", "blocked", "Not allowed")
    };
    view! {
        <section class="explain__answer" aria-labelledby="answer-title">
            <div class=class role="status">
                {icon(mark)}
                <div class="callout__body">
                    <h2 class="callout__title" id="answer-title" tabindex="-1">{word}</h2>
                    <p>{in_words(&answer.reason)}</p>
                </div>
            </div>
            <ol class="why">{answer.chain.iter().map(step).collect_view()}</ol>
        </section>
    }
    .into_any()
}

fn step(step: &Step) -> AnyView {
    let (class, mark, word) = match step.outcome {
        Outcome::Passed => ("why__step why__step--passed", "✓", "Yes"),
        Outcome::Bypassed => ("why__step why__step--passed", "✓", "Bypassed"),
        Outcome::Failed => ("why__step why__step--failed", "✗", "No"),
        Outcome::NotReached => ("why__step why__step--open", "–", "Not reached"),
    };
    let reached = step.outcome != Outcome::NotReached;
    let detail = if reached {
        step.detail.clone()
    } else {
        "A rule before this one has decided.".to_owned()
    };
    view! {
        <li class=class>
            <span class="why__mark" aria-hidden="true">{mark}</span>
            <div class="why__text">
                <p class="why__rule">{ui::capitalised(&step.rule)}" "<span class="why__word">{word}</span></p>
                <p>{in_words(&detail)}</p>
                {reached.then(|| view! { <p class="why__who">{format!("Who can change it: {}.", in_words(&step.who_can_change))}</p> })}
            </div>
        </li>
    }
    .into_any()
}
