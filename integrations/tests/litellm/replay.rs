//! The simulator answers like LiteLLM: each recorded session, request by request, against one simulator whose state
//! grows as the real one's did.
//!
//! Compared are the status; of refusals the whole envelope with its message; of successes, for every field that the
//! simulator gives, that LiteLLM gives it too with the same kind of value, and the same value where it is not one that
//! differs from run to run. Fields that only LiteLLM gives are not compared: nobody reads them.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Map, Value};
use simulators::litellm::{LiteLlmSimulator, SimulatedOrganization, Version};

use crate::users::http;

/// What is not compared, and why.
const NOT_COVERED: [(&str, &str); 7] = [
    (
        "028_",
        "/v2/user/info: the client asks /user/info, which all versions have",
    ),
    (
        "029_",
        "/v2/user/info: the client asks /user/info, which all versions have",
    ),
    (
        "057_",
        "an unknown e-mail address in an organization: a Prisma message that nobody reads",
    ),
    (
        "089_",
        "team_member_budget: the metadata names a budget; what it does shows in 095",
    ),
    (
        "124_",
        "/team/bulk_member_add: the client has /team/member_add, which does the same here",
    ),
    (
        "170_",
        "a user's key on an admin route while in organizations: the message lists them; 171 is the general case",
    ),
    (
        "192_",
        "/team/model/add: the client replaces the list with /team/update",
    ),
];

/// Answers whose lists PostgreSQL gave in no order.
const UNORDERED: [&str; 9] = ["063_", "064_", "095_", "096_", "098_", "131_", "132_", "174_", "198_"];

/// Fields whose values differ from run to run, or depend on a clock.
const VOLATILE: [&str; 10] = [
    "created_at",
    "updated_at",
    "budget_reset_at",
    "expires",
    "budget_id",
    "id",
    "created",
    "litellm_budget_table",
    "key_name",
    "token",
];

struct Session {
    simulator: LiteLlmSimulator,
    http: reqwest::Client,
    /// Recorded secrets and ids, and what the simulator made in their place.
    ours: BTreeMap<String, String>,
}

#[tokio::test]
async fn the_simulator_answers_as_1_108_7_did() {
    replay(Version::V1_108_7, include_str!("recorded/1.108.7.jsonl")).await;
}

#[tokio::test]
async fn the_simulator_answers_as_1_101_6_did() {
    replay(Version::V1_101_6, include_str!("recorded/1.101.6.jsonl")).await;
}

/// 1.75.9's one recorded answer.
#[tokio::test]
async fn the_simulator_tells_an_unknown_user_as_1_75_9_did() {
    let simulator = LiteLlmSimulator::start(Version::V1_75_9).await.expect("a free port");
    let url = format!("{}/user/info?user_id=nobody", simulator.url());
    let response = http().get(url).bearer_auth("sk-1234").send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let expected = r#"{"user_id":"nobody","user_info":{"spend":0},"keys":[],"teams":[]}"#;
    let expected: Value = serde_json::from_str(expected).unwrap();
    assert_eq!(response.json::<Value>().await.unwrap(), expected);
}

async fn replay(version: Version, recorded: &str) {
    let mut session = Session {
        simulator: LiteLlmSimulator::start(version).await.expect("a free port"),
        http: http(),
        ours: BTreeMap::new(),
    };
    // The recorded mock cost nothing.
    session.simulator.set_call_spend(0.0);
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for line in recorded.lines() {
        let case: Value = serde_json::from_str(line).expect("a recorded case");
        let name = case["case"].as_str().expect("a name").to_owned();
        if version == Version::V1_108_7 && name.starts_with("066_") {
            organizations(&session.simulator);
        }
        if name.starts_with("189_") {
            session.simulator.advance(std::time::Duration::from_secs(2));
        }
        let mut request = case["request"].clone();
        if name.starts_with("124_") {
            request["path"] = "/team/member_add".into();
            request["body"]["member"] = request["body"]["members"].take();
        }
        let (status, body) = session.send(&request).await;
        session.learn(&case["body"], &body);
        let unordered = UNORDERED.iter().any(|prefix| name.starts_with(prefix));
        if NOT_COVERED.iter().any(|(prefix, _)| name.starts_with(prefix)) {
            continue;
        }
        compared += 1;
        if case["status"] != status {
            wrong.push(format!("{name}: status {status} instead of {}: {body}", case["status"]));
        } else if status >= 400 {
            let (theirs, ours) = (session.normal(&case["body"]), session.normal(&body));
            if theirs != ours {
                wrong.push(format!("{name}: {ours} instead of {theirs}"));
            }
        } else {
            session.compare(&name, &case["body"], &body, unordered, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 190, "only {compared} cases were compared");
}

/// `/organization/new` is closed in 1.108.7; the recording put these there with SQL.
fn organizations(simulator: &LiteLlmSimulator) {
    let put = |id: &str, models: &[&str], max_budget: Option<f64>| {
        simulator.put_organization(SimulatedOrganization {
            id: id.to_owned(),
            alias: id.to_owned(),
            models: models.iter().map(|&model| model.to_owned()).collect(),
            max_budget,
            ..SimulatedOrganization::default()
        });
    };
    put("org-1", &["fake-gpt"], Some(90.0));
    put("org-open", &[], Some(50.0));
    put("org-all", &["all-proxy-models"], None);
}

impl Session {
    /// Recorded names of things, as the simulator calls them.
    fn translate(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (theirs, ours) in &self.ours {
            text = text.replace(theirs, ours);
        }
        text
    }

    async fn send(&self, request: &Value) -> (u16, Value) {
        let method: Method = request["method"].as_str().unwrap().parse().unwrap();
        let path = self.translate(request["path"].as_str().unwrap());
        let mut call = self.http.request(method, format!("{}{path}", self.simulator.url()));
        for (name, value) in request["headers"].as_object().into_iter().flatten() {
            call = call.header(name, self.translate(value.as_str().unwrap()));
        }
        call = match &request["body"] {
            Value::Null => call,
            Value::String(raw) => call.body(raw.clone()),
            body => call.body(self.translate(&body.to_string())),
        };
        let response = call.send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.json().await.expect("JSON"))
    }

    /// Remembers what the simulator calls the things that were made.
    fn learn(&mut self, theirs: &Value, ours: &Value) {
        if let (Value::Array(theirs), Value::Array(ours)) = (theirs, ours) {
            for (theirs, ours) in theirs.iter().zip(ours) {
                self.learn(theirs, ours);
            }
        }
        let (Value::Object(theirs), Value::Object(ours)) = (theirs, ours) else {
            return;
        };
        for (field, theirs) in theirs {
            let Some(ours) = ours.get(field) else { continue };
            let is_name = matches!(
                field.as_str(),
                "key" | "token" | "user_id" | "team_id" | "organization_id"
            );
            match (theirs, ours) {
                // Names that people chose are shorter, and the same on both sides.
                (Value::String(theirs), Value::String(ours)) if is_name && theirs.len() > 22 && theirs != ours => {
                    self.ours.entry(theirs.clone()).or_insert_with(|| ours.clone());
                }
                (theirs, ours) => self.learn(theirs, ours),
            }
        }
    }

    /// What tells a thing in a list from its neighbours.
    fn identity(&self, item: &Value) -> String {
        let fields = ["token", "team_id", "user_id"].map(|field| item[field].as_str().unwrap_or_default());
        self.translate(&fields.join(" "))
    }

    /// A refusal without what differs from run to run: masked keys, hashes, times, ids.
    fn normal(&self, body: &Value) -> Value {
        match body {
            Value::Object(map) => {
                // 1.101.6 says more about what pydantic did not like.
                let kept = map
                    .iter()
                    .filter(|(field, _)| !matches!(field.as_str(), "input" | "ctx"));
                Value::Object(kept.map(|(field, value)| (field.clone(), self.normal(value))).collect())
            }
            Value::Array(list) => list.iter().map(|item| self.normal(item)).collect(),
            Value::String(text) => Value::String(normal_text(&self.translate(text))),
            other => other.clone(),
        }
    }

    fn compare(&self, place: &str, theirs: &Value, ours: &Value, unordered: bool, wrong: &mut Vec<String>) {
        match (theirs, ours) {
            (Value::Object(theirs), Value::Object(ours)) => {
                for (field, value) in ours {
                    let place = format!("{place}.{field}");
                    match theirs.get(field) {
                        None => wrong.push(format!("{place}: LiteLLM has no such field")),
                        Some(_) if VOLATILE.contains(&field.as_str()) => {}
                        Some(known) => self.compare(&place, known, value, unordered, wrong),
                    }
                }
            }
            (Value::Array(theirs), Value::Array(ours)) => {
                if theirs.len() != ours.len() {
                    wrong.push(format!("{place}: {} items instead of {}", ours.len(), theirs.len()));
                }
                let (mut theirs, mut ours): (Vec<_>, Vec<_>) = (theirs.iter().collect(), ours.iter().collect());
                if unordered {
                    theirs.sort_by_key(|item| self.identity(item));
                    ours.sort_by_key(|item| self.identity(item));
                }
                for (index, (theirs, ours)) in theirs.into_iter().zip(ours).enumerate() {
                    self.compare(&format!("{place}[{index}]"), theirs, ours, unordered, wrong);
                }
            }
            (Value::String(theirs), Value::String(ours)) => {
                if normal_text(&self.translate(theirs)) != normal_text(ours) {
                    wrong.push(format!("{place}: {ours:?} instead of {theirs:?}"));
                }
            }
            (theirs, ours) if theirs == ours => {}
            // An empty map, and what was never blocked, is null here and there.
            (Value::Null, other) | (other, Value::Null)
                if other == &Value::Object(Map::new()) || other == &Value::Bool(false) => {}
            (theirs, ours) => wrong.push(format!("{place}: {ours} instead of {theirs}")),
        }
    }
}

fn normal_text(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let is_hex = |part: &str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let masked = word.find("sk-...");
        words.push(match masked {
            Some(at) => {
                let rest: String = word[at + 6..]
                    .chars()
                    .skip_while(|c| c.is_alphanumeric() || "-_".contains(*c))
                    .collect();
                format!("{}sk-...{rest}", &word[..at])
            }
            None if word.split(['=', '.']).any(is_hex) => "(hash)".to_owned(),
            None if is_time(word) => "(time)".to_owned(),
            None => word.to_owned(),
        });
    }
    words.join(" ")
}

/// `2026-11-20` or `15:50:43.731000+00:00`.
fn is_time(word: &str) -> bool {
    let date = word.len() == 10 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    date || word.ends_with("+00:00")
}
