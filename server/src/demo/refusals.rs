//! What the demo's people were refused: the security events begin with something.

use std::sync::Arc;

use backend::{Backend, Caller, Ctx, Method, Principal, RequestInfo, Result, identity, runners};
use domain::{Email, TeamId, UserRef};

/// Who asked for which label, in which team.
const REFUSED: &[(&str, &str, &str)] = &[
    ("max@acme.example", "Backend Team", "gpu-a100"),
    ("pat@partner.example", "External Partner", "prod-db"),
];

/// Asks for what the policies do not admit.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn seed(backend: &Backend) -> Result<()> {
    for (email, team, label) in REFUSED {
        let mut ctx = Ctx::system(backend, super::data::NAME, Method::System).await?;
        let (id, _) = identity::find(&mut ctx, &UserRef::Email(Email::parse(email)?)).await?;
        drop(ctx);
        let person = Arc::new(Principal::load(&backend.pool, id).await?);
        let Some(team) = person
            .teams
            .iter()
            .find(|known| known.name == *team)
            .map(|known| known.team_id)
        else {
            continue;
        };
        ask(backend, person, team, label).await;
    }
    Ok(())
}

async fn ask(backend: &Backend, person: Arc<Principal>, team: TeamId, label: &str) {
    let input = runners::JitInput {
        labels: vec![label.to_owned()],
        team_id: Some(team),
        ..runners::JitInput::default()
    };
    if let Ok(request) = input.parse() {
        let caller = Caller::Person(person, Method::System);
        // That it is refused is the point.
        if runners::provision(backend, caller, RequestInfo::default(), request)
            .await
            .is_ok()
        {
            tracing::warn!(label, "the demo's policies admit a label that they should refuse");
        }
    }
}
