//! `/admin/explain`: why somebody may use something, or may not.

use backend::{
    authz::{self, About, Explain, Subject},
    teams::{self, Found, TeamKey},
};
use domain::{
    Fields, Invalid, Label, TeamId, UserRef,
    authz::{Explanation, Outcome, Step},
};
use leptos::prelude::*;

use crate::{
    forms::FormState,
    icon::icon,
    layout::{Rendered, capitalised, page as console_page},
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
        let state = FormState::found(errors, refusal.map(|error| error.detail()));
        let teams: Vec<(String, String)> = own
            .teams
            .iter()
            .map(|team| (team.slug.clone(), team.name.clone()))
            .collect();
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
            <div class="explain">{form(&asked, &state, &teams)} {result}</div>
        };
        Ok(Rendered::new("Why?", body))
    })
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

fn form(asked: &Asked, state: &FormState, teams: &[(String, String)]) -> AnyView {
    let kinds = [("service", "Service"), ("label", "Runner label"), ("model", "Model")];
    let team_error = state.error("team");
    let options = teams
        .iter()
        .map(|(slug, name)| view! { <option value=slug.clone()>{name.clone()}</option> })
        .collect_view();
    view! {
        <form class="card" method="get" action="/admin/explain" aria-label="Question">
            <div class="card__body stack">
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
                    {Field {
                        name: "name",
                        label: "Name",
                        current: &asked.name,
                        required: true,
                        placeholder: "llm-service",
                        ..Field::default()
                    }
                        .view(state)}
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
                    <h2 class="callout__title" id="answer-title">{word}</h2>
                    <p>{answer.reason.clone()}</p>
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
                <p class="why__rule">{capitalised(&step.rule)}" "<span class="why__word">{word}</span></p>
                <p>{detail}</p>
                {reached.then(|| view! { <p class="why__who">{format!("Who can change it: {}.", step.who_can_change)}</p> })}
            </div>
        </li>
    }
    .into_any()
}
