//! The provisioning form: the final list of labels, while one types.

use domain::{Label, LabelPattern, LabelPolicy, RunnerNamePrefix, UserLabelPolicy, split_list};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    Chip, chip_list,
    label_tester::{field, kind},
};

/// A team in the dropdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamChoice {
    /// Id.
    pub id: String,
    /// Slug, which an empty prefix falls back to.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// Labels on each of its runners.
    pub required: Vec<String>,
    /// Patterns for further ones.
    pub patterns: Vec<String>,
    /// Most runners at a time.
    pub max_runners: Option<i32>,
    /// Runners that count against that.
    pub runner_count: i32,
    /// Whether one can wait for a place.
    pub waiting_list: bool,
}

impl TeamChoice {
    fn policy(&self) -> LabelPolicy {
        LabelPolicy {
            required: self.required.iter().cloned().map(Label::trusted).collect(),
            optional: self.patterns.iter().cloned().map(LabelPattern::trusted).collect(),
        }
    }

    fn is_full(&self) -> bool {
        self.max_runners.is_some_and(|max| self.runner_count >= max)
    }
}

/// The form with a preview beside it.
#[island]
pub fn ProvisionForm(
    /// The viewer's active teams.
    teams: Vec<TeamChoice>,
    /// Without teams: the viewer's own policy.
    own_policy: Option<UserLabelPolicy>,
    /// Whether runners can be provisioned at all; without, there is nothing to send.
    ready: bool,
    /// The chosen team's id.
    team: String,
    /// The prefix.
    prefix: String,
    /// The labels, comma-separated.
    labels: String,
    /// What is wrong with the team, the prefix and the labels.
    errors: (Option<String>, Option<String>, Option<String>),
) -> impl IntoView {
    let (team_error, prefix_error, labels_error) = errors;
    let (team, set_team) = signal(team);
    let (prefix, set_prefix) = signal(prefix);
    let (labels, set_labels) = signal(labels);
    // Runs in the browser only: what was chosen and typed before this ran, or kept by the browser from an earlier visit.
    Effect::new(move || {
        for (id, set) in [
            ("team_id", set_team),
            ("runner_name_prefix", set_prefix),
            ("labels", set_labels),
        ] {
            if let Some(text) = field(id) {
                set.set(text);
            }
        }
    });
    let has_teams = !teams.is_empty();
    let (has_team_error, has_prefix_error, has_labels_error) =
        (team_error.is_some(), prefix_error.is_some(), labels_error.is_some());
    let options = teams
        .iter()
        .map(|choice| {
            let (id, name) = (choice.id.clone(), choice.name.clone());
            let selected = team.get_untracked() == id;
            view! { <option value=id selected=selected>{name}</option> }
        })
        .collect_view();
    let chosen = move || teams.iter().find(|choice| choice.id == team.get()).cloned();
    let chosen_for_use = chosen.clone();
    let chosen_for_name = chosen.clone();
    let preview = move || preview(chosen().as_ref(), has_teams, own_policy.as_ref(), &labels.get());
    let team_field = has_teams
        .then(|| {
            view! {
                <div class="field">
                    <label class="field__label" for="team_id">"Team "<span class="field__mark">"required"</span></label>
                    <p class="field__hint" id="team_id-hint">"Its policy and quota apply."</p>
                    <select
                        class="select"
                        id="team_id"
                        name="team_id"
                        required
                        aria-invalid=has_team_error.then_some("true")
                        aria-describedby="team_id-hint team_id-error"
                        on:change:target=move |event| set_team.set(event.target().value())
                                    >
                        <option value="">"Choose a team"</option>
                        {options}
                    </select>
                    {error_line("team_id-error", team_error)}
                </div>
            }
        })
        .into_any();
    let prefix_field = view! {
        <div class="field">
            <label class="field__label" for="runner_name_prefix">
                "Runner name prefix "<span class="field__mark">"optional"</span>
            </label>
            <p class="field__hint" id="runner_name_prefix-hint">
                {move || match example_name(chosen_for_name().as_ref(), &prefix.get()) {
                    Some(name) => view! { "The name will be "<code>{name}</code>", with six characters drawn at random." }.into_any(),
                    None => "1 to 50 letters, digits, - and _; six characters drawn at random come after it.".into_any(),
                }}
            </p>
            <input
                class="input"
                id="runner_name_prefix"
                name="runner_name_prefix"
                placeholder="backend-runner"
                autocomplete="off"
                value=prefix.get_untracked()
                aria-invalid=has_prefix_error.then_some("true")
                aria-describedby="runner_name_prefix-hint runner_name_prefix-error"
                on:input:target=move |event| set_prefix.set(event.target().value())
            />
            {error_line("runner_name_prefix-error", prefix_error)}
        </div>
    }
    .into_any();
    let labels_field = view! {
        <div class="field">
            <label class="field__label" for="labels">"Custom labels "<span class="field__mark">"optional"</span></label>
            <p class="field__hint" id="labels-hint">"Comma-separated. System and required labels are added by themselves."</p>
            <input
                class="input"
                id="labels"
                name="labels"
                placeholder="backend-api, service-auth"
                autocomplete="off"
                value=labels.get_untracked()
                aria-invalid=has_labels_error.then_some("true")
                aria-describedby="labels-hint labels-error"
                on:input:target=move |event| set_labels.set(event.target().value())
            />
            {error_line("labels-error", labels_error)}
        </div>
    }
    .into_any();
    view! {
        <div class="split">
            <div class="split__main">
                <form class="card" method="post" action="/actions/runners/provision">
                    <div class="card__body stack">
                        {team_field} {prefix_field} {labels_field}
                    </div>
                    {ready
                        .then(|| {
                            view! {
                                <footer class="card__footer">
                                    <button class="button button--primary">"Provision JIT Runner"</button>
                                </footer>
                            }
                        })}
                </form>
            </div>
            <aside class="split__aside" aria-label="Preview">
                <section class="card" aria-labelledby="preview-title">
                    <header class="card__header"><h2 class="card__title" id="preview-title">"What you will get"</h2></header>
                    <div class="card__body stack">
                        {move || chosen_for_use().map(|choice| quota(&choice))}
                        <div class="label-preview" role="status">{move || view_preview(preview())}</div>
                    </div>
                </section>
            </aside>
        </div>
    }
}

fn error_line(id: &'static str, error: Option<String>) -> Option<impl IntoView> {
    error.map(|text| view! { <p class="field__error" id=id>{text}</p> })
}

/// The name that a prefix gives, or what is wrong with it.
fn example_name(team: Option<&TeamChoice>, prefix: &str) -> Option<String> {
    let prefix = match prefix.trim() {
        "" => RunnerNamePrefix::from_slug(team.map(|team| team.slug.as_str())),
        typed => match RunnerNamePrefix::parse(typed) {
            Ok(prefix) => prefix,
            Err(_) => return None,
        },
    };
    Some(format!("{prefix}-······"))
}

fn quota(team: &TeamChoice) -> AnyView {
    let used = team.runner_count;
    let Some(max) = team.max_runners else {
        return view! { <p class="muted">{format!("{used} runners in use; the team has no quota.")}</p> }.into_any();
    };
    let class = if team.is_full() {
        "usage usage--full"
    } else if used * 5 >= max * 4 {
        "usage usage--near"
    } else {
        "usage"
    };
    let note = match (team.is_full(), team.waiting_list) {
        (true, true) => {
            "Team quota exceeded: deprovision idle runners, or send the form to be offered a place in the waiting list."
        }
        (true, false) => "Team quota exceeded: deprovision idle runners or ask for a larger quota.",
        (false, _) => "",
    };
    view! {
        <div class=class>
            <div class="usage__head">
                <span class="usage__label" id="quota-label">"Runners"</span>
                <span class="usage__value"><b>{used}</b>{format!(" of {max}")}</span>
            </div>
            <progress class="usage__bar" value=used max=max.max(1) aria-labelledby="quota-label"></progress>
            {(!note.is_empty()).then(|| view! { <p class="usage__note">{note}</p> })}
        </div>
    }
    .into_any()
}

#[derive(Debug, PartialEq, Eq)]
enum Preview {
    ChooseTeam,
    BadLabel(String),
    Final(Vec<Chip>),
    Refused { chips: Vec<Chip>, message: String },
}

fn preview(team: Option<&TeamChoice>, has_teams: bool, own: Option<&UserLabelPolicy>, labels: &str) -> Preview {
    let custom = match Label::parse_list("labels", &split_list(labels)) {
        Ok(custom) => custom,
        Err(invalid) => return Preview::BadLabel(invalid.message.into_owned()),
    };
    let Some(team) = team else {
        if has_teams {
            return Preview::ChooseTeam;
        }
        let refused = |message: String| Preview::Refused {
            chips: (custom.iter())
                .map(|label| {
                    if own.is_some_and(|own| own.admits(label)) {
                        own_chip(label)
                    } else {
                        Chip::new("refused", label.as_str())
                    }
                })
                .collect(),
            message,
        };
        return match own.map(|own| own.resolve(&custom)) {
            Some(Ok(labels)) => Preview::Final(labels.iter().map(own_chip).collect()),
            Some(Err(message)) => refused(message),
            None => refused("You are in no team and have no label policy of your own.".to_owned()),
        };
    };
    let policy = team.policy();
    let chips = |labels: &[Label]| {
        labels
            .iter()
            .map(|label| Chip::new(kind(&policy, label), label.as_str()))
            .collect()
    };
    match policy.resolve(&custom) {
        Ok(labels) => Preview::Final(chips(&labels)),
        Err(refused) => Preview::Refused {
            chips: chips(&custom),
            message: refused.to_string(),
        },
    }
}

fn own_chip(label: &Label) -> Chip {
    Chip::new(if label.is_system() { "system" } else { "custom" }, label.as_str())
}

fn view_preview(preview: Preview) -> AnyView {
    match preview {
        Preview::ChooseTeam => view! { <p class="muted">"Choose a team to see the labels."</p> }.into_any(),
        Preview::BadLabel(message) => view! { <p class="field__error">{message}</p> }.into_any(),
        Preview::Final(chips) => {
            view! { <p class="muted">"Final labels"</p> {chip_list("Final labels", chips)} }.into_any()
        }
        Preview::Refused { chips, message } => {
            view! { <p class="field__error">{message}</p> {chip_list("Labels", chips)} }.into_any()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team() -> TeamChoice {
        TeamChoice {
            id: "1".into(),
            slug: "backend-team".into(),
            name: "Backend Team".into(),
            required: vec!["docker".into()],
            patterns: vec!["app-.*".into()],
            max_runners: Some(10),
            runner_count: 10,
            waiting_list: false,
        }
    }

    #[test]
    fn the_preview_is_the_servers_rule() {
        let Preview::Final(chips) = preview(Some(&team()), true, None, "app-backend") else {
            panic!()
        };
        assert_eq!(chips.last(), Some(&Chip::new("custom", "app-backend")));
        assert_eq!(chips.len(), 5);
        let Preview::Refused { message, .. } = preview(Some(&team()), true, None, "gpu") else {
            panic!()
        };
        assert!(message.starts_with("Label not permitted by team policy: gpu"));
        assert_eq!(preview(None, true, None, ""), Preview::ChooseTeam);
        assert!(matches!(preview(None, false, None, ""), Preview::Refused { .. }));
    }

    #[test]
    fn b17_without_a_team_the_preview_is_by_ones_own_policy() {
        let own = UserLabelPolicy {
            allowed: vec!["gpu".into()],
            ..UserLabelPolicy::default()
        };
        let Preview::Final(chips) = preview(None, false, Some(&own), "GPU") else {
            panic!()
        };
        assert_eq!(chips.last(), Some(&Chip::new("custom", "GPU")));
        let Preview::Refused { chips, message } = preview(None, false, Some(&own), "gpu, arm, linux") else {
            panic!()
        };
        assert!(
            message.starts_with("Labels {arm} not permitted by policy."),
            "{message}"
        );
        let kinds: Vec<&str> = chips.iter().map(|chip| chip.kind).collect();
        assert_eq!(kinds, ["custom", "refused", "system"]);
    }

    #[test]
    fn names_are_shown_before_they_are_drawn() {
        assert_eq!(example_name(Some(&team()), " ").as_deref(), Some("backend-team-······"));
        assert_eq!(example_name(None, "").as_deref(), Some("runner-······"));
        assert_eq!(example_name(None, "no spaces"), None);
        assert!(team().is_full());
    }
}
