//! Which AI models a team may use (SPEC E8, X9, C15): what the organization has, what the team chose, and what somebody
//! had to approve first.

use std::fmt;

/// How LiteLLM names all that an organization has.
pub(crate) const OF_THE_PARENT: &str = "all-org-models";
/// How LiteLLM names all that there are.
const ALL: &str = "all-proxy-models";
/// How LiteLLM names none: an empty list there is all.
const NONE: &str = "no-default-models";

/// Why a team may not use a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// The organization's list does not have it.
    NotInOrganization,
    /// The team's list does not have it.
    NotInTeam,
    /// It is restricted, and no request of the team for it was approved.
    Restricted,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotInOrganization => "not in organization's allowed models",
            Self::NotInTeam => "not in team's allowed models",
            Self::Restricted => "restricted: the team needs an approved request for it",
        })
    }
}

/// The models that one team may use; made by [`usable`].
#[derive(Debug, Clone, Copy)]
pub struct Usable<'a> {
    team: &'a [String],
    organization: &'a [String],
    restricted: &'a [String],
    approved: &'a [String],
}

/// The models that a team may use: those of its list, within its organization's, without the `restricted` ones (the
/// organization's and the installation's together) that no `approved` request of this team names. An empty list of a team
/// is all that the organization has, an empty one of the organization is all that there are. Names compare as they are
/// written.
///
/// A key's models are checked one by one with [`Usable::check`]; what `/models` answers is [`Usable::among`].
pub fn usable<'a>(
    team: &'a [String],
    organization: &'a [String],
    restricted: &'a [String],
    approved: &'a [String],
) -> Usable<'a> {
    Usable {
        team,
        organization,
        restricted,
        approved,
    }
}

impl Usable<'_> {
    /// Whether the team may use a model.
    ///
    /// # Errors
    /// The first reason why not, from the organization down.
    pub fn check(&self, model: &str) -> Result<(), Unusable> {
        if !lists(self.organization, model) {
            Err(Unusable::NotInOrganization)
        } else if !lists(self.team, model) {
            Err(Unusable::NotInTeam)
        } else if has(self.restricted, model) && !has(self.approved, model) {
            Err(Unusable::Restricted)
        } else {
            Ok(())
        }
    }

    /// The restricted models that a key would reach without an approved request; without a list of its own it reaches all
    /// that its team has.
    pub fn without_approval<'m>(&'m self, key: &'m [String]) -> Vec<&'m str> {
        let named = |model: &str| key.is_empty() || lists(key, model);
        (self.restricted.iter().map(String::as_str))
            .filter(|model| named(model) && self.check(model) == Err(Unusable::Restricted))
            .collect()
    }

    /// Those of some models that the team may use, in their order.
    pub fn among<'m>(&self, models: impl IntoIterator<Item = &'m str>) -> Vec<&'m str> {
        let may = |model: &&str| self.check(model).is_ok();
        models.into_iter().filter(may).collect()
    }
}

/// The list of models that LiteLLM is told for a team; made by [`told`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// This one.
    List(Vec<String>),
    /// All that there are, [`without`] the blocked ones: LiteLLM has no word for that, so they have to be known.
    AllBut,
}

/// What LiteLLM is told of a team's models: `all-org-models`, and none at all, are what its organization has now (SPEC E8,
/// X9), without the `blocked` ones: those that are restricted, and for which the team has no approved request (SPEC C15).
pub fn told(team: &[String], organization: &[String], blocked: &[String]) -> Told {
    let inherits = team.is_empty() || has(team, OF_THE_PARENT);
    let list = if inherits { organization } else { team };
    if blocked.is_empty() {
        Told::List(list.to_vec())
    } else if list.is_empty() || has(list, ALL) {
        Told::AllBut
    } else {
        Told::List(without(list, blocked))
    }
}

/// A list for LiteLLM without some models. One that has none left says so: an empty one would be all of them.
pub fn without(list: &[String], blocked: &[String]) -> Vec<String> {
    let left: Vec<String> = list.iter().filter(|model| !has(blocked, model)).cloned().collect();
    if left.is_empty() { vec![NONE.to_owned()] } else { left }
}

fn has(list: &[String], model: &str) -> bool {
    list.iter().any(|known| known == model)
}

/// Whether a list of a team or an organization has a model; empty is all (SPEC X9).
fn lists(list: &[String], model: &str) -> bool {
    list.is_empty()
        || list
            .iter()
            .any(|known| known == model || known == ALL || known == OF_THE_PARENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(models: &[&str]) -> Vec<String> {
        models.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn c15_a_restricted_model_needs_an_approved_request_of_this_team() {
        let (none, restricted, approved) = (list(&[]), list(&["gpt-4o"]), list(&["gpt-4o"]));
        assert_eq!(
            usable(&none, &none, &restricted, &none).check("gpt-4o"),
            Err(Unusable::Restricted)
        );
        assert_eq!(usable(&none, &none, &restricted, &approved).check("gpt-4o"), Ok(()));
        let chosen = list(&["gpt-4o"]);
        assert_eq!(
            usable(&chosen, &none, &restricted, &none).check("gpt-4o"),
            Err(Unusable::Restricted),
            "a team's own list does not stand in for the approval"
        );
        assert_eq!(usable(&none, &none, &restricted, &none).check("claude"), Ok(()));
    }

    #[test]
    fn e8_a_team_without_models_of_its_own_has_its_organizations() {
        let told = |team: &[&str], organization: &[&str]| match told(&list(team), &list(organization), &[]) {
            Told::List(list) => list,
            Told::AllBut => panic!("nothing is blocked"),
        };
        assert_eq!(told(&[], &["a"]), ["a"]);
        assert_eq!(told(&["all-org-models"], &["a", "b"]), ["a", "b"]);
        assert_eq!(told(&["b"], &["a", "b"]), ["b"]);
        assert!(told(&[], &[]).is_empty(), "all of them");
    }

    #[test]
    fn c15_litellm_is_not_told_of_models_that_nobody_approved() {
        let blocked = list(&["gpt-4o"]);
        let told = |team: &[&str], organization: &[&str]| told(&list(team), &list(organization), &blocked);
        assert_eq!(told(&["gpt-4o", "claude"], &[]), Told::List(list(&["claude"])));
        assert_eq!(told(&[], &["gpt-4o", "claude"]), Told::List(list(&["claude"])));
        assert_eq!(told(&[], &[]), Told::AllBut);
        assert_eq!(told(&["all-org-models"], &["all-proxy-models"]), Told::AllBut);
        // An empty list would be all of them.
        assert_eq!(told(&["gpt-4o"], &[]), Told::List(list(&["no-default-models"])));
        assert_eq!(without(&[], &blocked), ["no-default-models"]);
    }

    #[test]
    fn c15_a_key_without_a_list_reaches_restricted_models() {
        let (none, restricted) = (list(&[]), list(&["gpt-4o", "o3"]));
        let approved = list(&["o3"]);
        let models = usable(&none, &none, &restricted, &approved);
        assert_eq!(models.without_approval(&none), ["gpt-4o"]);
        assert_eq!(models.without_approval(&list(&["all-proxy-models"])), ["gpt-4o"]);
        assert_eq!(models.without_approval(&list(&["claude", "gpt-4o"])), ["gpt-4o"]);
        assert!(models.without_approval(&list(&["claude", "o3"])).is_empty());
        let team = list(&["claude"]);
        let models = usable(&team, &none, &restricted, &none);
        assert!(models.without_approval(&none).is_empty(), "the team has none of them");
    }

    #[test]
    fn e8_an_approval_does_not_widen_what_the_parents_have() {
        let (none, approved) = (list(&[]), list(&["gpt-4o"]));
        let organization = list(&["claude"]);
        assert_eq!(
            usable(&none, &organization, &approved, &approved).check("gpt-4o"),
            Err(Unusable::NotInOrganization)
        );
        let team = list(&["claude"]);
        assert_eq!(
            usable(&team, &none, &approved, &approved).check("gpt-4o"),
            Err(Unusable::NotInTeam)
        );
        let inherits = list(&["all-org-models"]);
        let models = usable(&inherits, &organization, &none, &none).among(["claude", "gpt-4o"]);
        assert_eq!(models, ["claude"]);
    }
}
