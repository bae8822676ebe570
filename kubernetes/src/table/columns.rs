//! The columns of `kubectl get`, kind by kind (SPEC A8), and what stands in them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{Kind, Object, duration};

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its title; kubectl prints it in capitals.
    pub name: &'static str,
    /// `string`, `integer`, `boolean` or `date`.
    pub kind: &'static str,
    /// What it tells.
    pub description: &'static str,
    /// 0 is shown always, 1 with `-o wide`.
    pub priority: i32,
    from: From,
}

/// Where a cell comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Name,
    /// The status of a condition.
    Condition(&'static str),
    /// What is, or what is wanted as long as nobody said what is.
    Field(&'static str),
    /// The first of two that is there: a field, or the name in a reference.
    Reference(&'static str, &'static str),
    /// A list with commas.
    List(&'static str),
    /// How many entries a list has.
    Count(&'static str),
    /// An age, of a time in `status`.
    Since(&'static str),
    /// The age of the object.
    Age,
}

const fn column(name: &'static str, kind: &'static str, description: &'static str, from: From) -> Column {
    Column {
        name,
        kind,
        description,
        priority: 0,
        from,
    }
}

const NAME: Column = column(
    "Name",
    "string",
    "The name of the object, unique in its namespace.",
    From::Name,
);
const READY: Column = column(
    "Ready",
    "string",
    "Whether LiteLLM has what is wanted: True, False or Unknown.",
    From::Condition("Ready"),
);
const BLOCKED: Column = column(
    "Blocked",
    "boolean",
    "Whether it is deactivated.",
    From::Field("blocked"),
);
const BUDGET: Column = column(
    "Budget",
    "string",
    "What may be spent in a period, in US dollars.",
    From::Field("maxBudget"),
);
const SPEND: Column = column(
    "Spend",
    "string",
    "What was spent in this period, in US dollars.",
    From::Field("spend"),
);
const AGE: Column = column("Age", "date", "How long ago the object was made.", From::Age);

const TEAM: &[Column] = &[
    NAME,
    READY,
    column("Alias", "string", "The team's name.", From::Field("teamAlias")),
    column(
        "Organisation",
        "string",
        "The organization's id.",
        From::Field("organizationID"),
    ),
    BLOCKED,
    column(
        "Members",
        "integer",
        "How many people are in the team.",
        From::Count("membersWithRole"),
    ),
    BUDGET,
    SPEND,
    AGE,
];

const USER: &[Column] = &[
    NAME,
    READY,
    column(
        "Email",
        "string",
        "The person's email address.",
        From::Field("userEmail"),
    ),
    column(
        "Role",
        "string",
        "The role at LiteLLM; it grants nothing here.",
        From::Field("userRole"),
    ),
    BLOCKED,
    BUDGET,
    SPEND,
    AGE,
];

const ASSOCIATION: &[Column] = &[
    NAME,
    READY,
    column("Team", "string", "The team.", From::Reference("teamAlias", "teamRef")),
    column("User", "string", "The person.", From::Reference("userEmail", "userRef")),
    column(
        "Role",
        "string",
        "The role in the team: admin or member.",
        From::Field("role"),
    ),
    column(
        "Budget",
        "string",
        "What the person may spend in the team, in US dollars.",
        From::Field("maxBudgetInTeam"),
    ),
    AGE,
];

const VIRTUAL_KEY: &[Column] = &[
    NAME,
    column("Key ID", "string", "Guildhall's id of the key.", From::Field("keyID")),
    column("Key Alias", "string", "The key's name.", From::Field("keyAlias")),
    column("User ID", "string", "The owner.", From::Field("userID")),
    column(
        "Team ID",
        "string",
        "The team that the key is for.",
        From::Field("teamID"),
    ),
    column(
        "Blocked",
        "boolean",
        "Whether the key is revoked.",
        From::Field("blocked"),
    ),
    column(
        "Max Budget",
        "string",
        "What the key may spend in a period, in US dollars.",
        From::Field("maxBudget"),
    ),
    column("RPM Limit", "integer", "Requests a minute.", From::Field("rpmLimit")),
    column("TPM Limit", "integer", "Tokens a minute.", From::Field("tpmLimit")),
    column(
        "Models",
        "string",
        "The models that the key may use.",
        From::List("models"),
    ),
    column(
        "Duration",
        "string",
        "How long the key is valid.",
        From::Field("duration"),
    ),
    column(
        "Spend",
        "string",
        "What was spent, in US dollars.",
        From::Field("spend"),
    ),
    column(
        "Created",
        "string",
        "How long ago the key was made.",
        From::Since("createdAt"),
    ),
    column("Expires", "string", "When the key ends.", From::Field("expires")),
    AGE,
];

/// The columns of a kind.
pub const fn columns(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Team => TEAM,
        Kind::User => USER,
        Kind::TeamMemberAssociation => ASSOCIATION,
        Kind::VirtualKey => VIRTUAL_KEY,
    }
}

impl Column {
    /// As a `TableColumnDefinition`.
    pub(super) fn definition(&self) -> Value {
        let format = if self.from == From::Name { "name" } else { "" };
        json!({
            "name": self.name,
            "type": self.kind,
            "format": format,
            "description": self.description,
            "priority": self.priority,
        })
    }

    /// What stands in it for an object; null is an empty cell.
    pub(super) fn cell(&self, object: &Object, now: DateTime<Utc>) -> Value {
        let field = |name: &str| object.status.get(name).or_else(|| object.spec.get(name));
        match self.from {
            From::Name => object.metadata.name.clone().into(),
            From::Condition(kind) => condition(object, kind).unwrap_or_else(|| "Unknown".into()),
            From::Field(name) => field(name).cloned().unwrap_or_default(),
            From::Reference(name, reference) => {
                let named = || object.spec.get(reference).map(|reference| reference["name"].clone());
                field(name).cloned().or_else(named).unwrap_or_default()
            }
            From::List(name) => field(name).and_then(Value::as_array).map_or(Value::Null, |entries| {
                let words: Vec<&str> = entries.iter().filter_map(Value::as_str).collect();
                words.join(",").into()
            }),
            From::Count(name) => field(name)
                .and_then(Value::as_array)
                .map_or(Value::Null, |entries| entries.len().into()),
            From::Since(name) => {
                let time = field(name)
                    .and_then(Value::as_str)
                    .and_then(|text| text.parse::<DateTime<Utc>>().ok());
                time.map_or(Value::Null, |time| duration::age(time, now).into())
            }
            From::Age => {
                let made = object.metadata.creation_timestamp;
                made.map_or_else(|| "<unknown>".into(), |made| duration::age(made, now).into())
            }
        }
    }
}

fn condition(object: &Object, kind: &str) -> Option<Value> {
    let conditions = object.status.get("conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
        .map(|condition| condition["status"].clone())
}
