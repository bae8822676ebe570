//! The demo's Microsoft Entra ID: everybody who can sign in, two people whom only the directory knows yet, and groups.

use domain::{BudgetDuration, Limits, Money};
use integrations::graph;
use simulators::{
    graph::{GraphOptions, SimulatedGroup, SimulatedPerson, by_oidc, directory_id},
    oidc::{OidcSimulator, Person},
};

use super::data;
use crate::config::Entra;

const EMMA: &str = "emma@acme.example";
const NOAH: &str = "noah@acme.example";

/// People whose first sign-in makes their account, and puts them where their groups are linked to.
const NEW_HERE: [(&str, &str, &str); 2] = [
    (EMMA, "Emma Entra", "new here, in two groups of Entra ID"),
    (NOAH, "Noah Nested", "new here, in one group of Entra ID"),
];

/// The groups that are assigned to Guildhall in the directory. The rest of Acme is in none of them: their teams are
/// given by hand.
const GROUPS: [(&str, &[&str]); 2] = [("Production LLM Team", &[EMMA]), ("Data Science EU", &[EMMA, NOAH])];

/// Everybody whom the provider knows, with their id in the directory.
pub(super) fn people() -> Vec<Person> {
    let seeded = data::PEOPLE.iter().map(|who| (who.email, who.name, who.hint));
    seeded
        .chain(NEW_HERE)
        .map(|(email, name, hint)| {
            let mut person = Person::new(email, name, hint);
            person.claims.insert("oid".to_owned(), directory_id(email).into());
            person
        })
        .collect()
}

/// The directory of those people.
pub(super) fn options(provider: &OidcSimulator) -> GraphOptions {
    let people = people();
    let groups: Vec<SimulatedGroup> = GROUPS
        .iter()
        .map(|(name, members)| SimulatedGroup::new(&directory_id(name), name, members))
        .collect();
    GraphOptions {
        people: (people.iter())
            .map(|person| SimulatedPerson::new(&person.email, &person.name))
            .collect(),
        assigned: groups.iter().map(|group| group.id.clone()).collect(),
        groups,
        tenant: "acme".to_owned(),
        who: Some(by_oidc(provider)),
        ..GraphOptions::default()
    }
}

/// Points the configuration at the directory that listens at `url`.
pub(super) fn configure(entra: &mut Entra, url: String, options: &GraphOptions) {
    entra.graph = Some(graph::Config {
        authority_url: url.clone(),
        tenant: Some(options.tenant.clone()),
        client_id: Some(options.client_id.clone()),
        client_secret: Some(options.client_secret.clone().into()),
        service_principal_id: Some(options.service_principal_id.clone()),
        ..graph::Config::at(url)
    });
    // The seed's.
    entra.settings.default_team_params.get_or_insert_with(|| Limits {
        models: ["gpt-4o", "gpt-4o-mini"].map(str::to_owned).to_vec(),
        max_budget: Some(Money::trusted(100.into())),
        budget_duration: BudgetDuration::parse("30d").ok(),
        ..Limits::default()
    });
}
