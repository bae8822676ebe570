//! Forms that lose nothing: what was typed and what is wrong with it wait in the session for the
//! page that shows the form again.

use domain::Invalid;
use serde::{Deserialize, Serialize};
use server_fn::error::{FromServerFnError, ServerFnErrorErr};

use crate::ssr::{self, Code, Ctx, Error, Result};

/// What a server function answers in the rare case that it can not redirect: the browser's
/// form data made no sense at all.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApiError {
    /// The words.
    pub message: String,
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl FromServerFnError for ApiError {
    type Encoder = server_fn::codec::JsonEncoding;

    fn from_server_fn_error(_: ServerFnErrorErr) -> Self {
        // Only a body that is no form gets here: fields that are missing are taken for empty ones.
        ssr::set_status(400);
        Self {
            message: "The form could not be read.".to_owned(),
        }
    }
}

/// A form between two requests.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FormState {
    /// Which form: a page may have several.
    form: String,
    /// What was typed, by field. Never a password or key.
    values: Vec<(String, String)>,
    /// What is wrong, by field.
    errors: Vec<Invalid>,
    /// What is wrong with the whole.
    refusal: Option<String>,
    /// The same, for the page: an error's code.
    #[serde(default)]
    code: Option<String>,
}

const KEY: &str = "form";

impl FormState {
    /// Of a form that only asks: nothing is kept between requests, and what is wrong is known at once.
    pub fn found(errors: Vec<Invalid>, refusal: Option<String>) -> Self {
        Self {
            errors,
            refusal,
            ..Self::default()
        }
    }

    /// What was typed into a field, else `default`.
    pub fn value(&self, field: &str, default: &str) -> String {
        let typed = self
            .values
            .iter()
            .find(|(name, _)| name == field)
            .map(|(_, value)| value.as_str());
        typed.unwrap_or(default).to_owned()
    }

    /// What is wrong with a field.
    pub fn error(&self, field: &str) -> Option<String> {
        self.errors
            .iter()
            .find(|invalid| invalid.field == field)
            .map(|invalid| invalid.message.to_string())
    }

    /// All that is wrong with fields.
    pub fn errors(&self) -> &[Invalid] {
        &self.errors
    }

    /// The code of what is wrong with the whole.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// What is wrong with the whole.
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// Says at each field whose end was not kept that it is missing, so that nobody sends it again without.
    fn tell_of_cuts(&mut self, typed: &[(&'static str, &str)]) {
        for (field, text) in typed {
            let is_cut = (self.values.iter()).any(|(name, value)| name == field && value.len() < text.len());
            if is_cut && self.error(field).is_none() {
                let words = "is too long to come back whole: its end is missing here";
                self.errors.push(Invalid::new(*field, words));
            }
        }
    }
}

/// Takes what an earlier request left for this form.
pub async fn take(form: &str) -> FormState {
    let session = ssr::visit().session;
    match session.get::<FormState>(KEY).await {
        Ok(Some(state)) if state.form == form => {
            let _ = session.remove::<FormState>(KEY).await;
            state
        }
        _ => FormState::default(),
    }
}

/// Keeps what was typed into a form for the page that shows it next, with nothing wrong.
pub async fn keep(form: &str, values: &[(&str, &str)]) {
    let state = FormState {
        form: form.to_owned(),
        values: (values.iter())
            .map(|(name, value)| ((*name).to_owned(), kept(value)))
            .collect(),
        ..FormState::default()
    };
    if let Err(error) = ssr::visit().session.insert(KEY, state).await {
        tracing::warn!(%error, "a form's values were lost");
    }
}

/// A form that was sent.
pub struct Sent<'a> {
    /// Which form.
    pub form: &'static str,
    /// What was typed, to be shown again when something is wrong.
    pub values: &'a [(&'static str, &'a str)],
    /// The page with the form.
    pub back: &'a str,
}

/// Where to go after a form was accepted, and what to say there.
pub struct Done {
    /// A path on this host.
    pub to: String,
    /// The message.
    pub message: String,
    /// What is left to do, after the message: words and a path on this host.
    pub link: Option<(String, String)>,
}

impl Done {
    /// A page and a message.
    pub fn new(to: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            to: to.into(),
            message: message.into(),
            link: None,
        }
    }

    /// With a link after the message.
    #[must_use]
    pub fn with_link(mut self, words: impl Into<String>, href: impl Into<String>) -> Self {
        self.link = Some((words.into(), href.into()));
        self
    }
}

impl Sent<'_> {
    /// Runs a change in one transaction and redirects: onwards with a message, or back to the form
    /// with what was typed and what is wrong.
    ///
    /// # Errors
    /// Never; the type is what server functions have.
    pub async fn run(self, change: impl AsyncFnOnce(&mut Ctx) -> Result<Done>) -> std::result::Result<(), ApiError> {
        let result = async {
            let mut ctx = ssr::write().await?;
            let done = change(&mut ctx).await?;
            ctx.commit().await?;
            Ok(done)
        };
        match result.await {
            Ok(done) => {
                // What leaves by itself would take its link along.
                let kind = if done.link.is_some() { "warning" } else { "success" };
                ssr::set_flash_with(kind, done.message, done.link).await;
                ssr::redirect(&done.to);
            }
            Err(error) => self.refuse(error).await,
        }
        Ok(())
    }

    /// Sends the form back with what is wrong. Of a text that is very long only the beginning comes back, and the form
    /// says so.
    pub async fn refuse(self, error: Error) {
        self.send_back(error, kept).await;
    }

    /// The same, with all that was typed: for texts that are worth nothing without their end. Whoever calls this knows
    /// that they are not endless.
    pub async fn refuse_whole(self, error: Error) {
        self.send_back(error, storable).await;
    }

    async fn send_back(self, error: Error, kept: fn(&str) -> String) {
        if error.code() == Code::NotAuthenticated {
            ssr::set_flash("warning", "Your session has ended. Sign in again; nothing was changed.").await;
            ssr::redirect(&login(self.back));
            return;
        }
        let error = on_its_field(error, self.values);
        let values: Vec<(String, String)> = (self.values.iter())
            .map(|(name, value)| ((*name).to_owned(), kept(value)))
            .collect();
        let mut state = FormState {
            form: self.form.to_owned(),
            values,
            code: (!matches!(error, Error::Invalid(_))).then(|| error.code().as_str().to_owned()),
            refusal: (!matches!(error, Error::Invalid(_))).then(|| storable(&describe(&error))),
            errors: if let Error::Invalid(fields) = error {
                fields
                    .into_iter()
                    .map(|invalid| {
                        // The parts of a request's value are fields of their own in its form.
                        let field = invalid.field.strip_prefix("value.").map(str::to_owned);
                        let words = domain::roles::in_words(&invalid.message);
                        Invalid::new(field.unwrap_or(invalid.field.into_owned()), storable(&words))
                    })
                    .collect()
            } else {
                Vec::new()
            },
        };
        state.tell_of_cuts(self.values);
        if let Err(error) = ssr::visit().session.insert(KEY, state).await {
            tracing::warn!(%error, "a form's values were lost");
        }
        ssr::redirect(self.back);
    }
}

/// A name that is taken is wrong with the field that it was typed into, if the form has one.
fn on_its_field(error: Error, values: &[(&'static str, &str)]) -> Error {
    if error.code() != Code::NameTaken {
        return error;
    }
    let detail = error.detail();
    // The words repeat what was typed, and an organization is called by its short name.
    let says = |value: &str| {
        let value = value.trim();
        !value.is_empty()
            && [format!("'{value}'"), format!(" {value} ")]
                .iter()
                .any(|said| detail.contains(said))
    };
    let by_slug = detail.starts_with("Organization ") || detail.contains(" slug ");
    let fields = if by_slug {
        ["slug", "name", "email", "domain"]
    } else {
        ["name", "slug", "email", "domain"]
    };
    let typed = |field: &str| (values.iter()).find(|(name, value)| *name == field && says(value));
    match fields.into_iter().find_map(typed) {
        Some(&(field, _)) => Error::invalid(field, detail),
        None => error,
    }
}

/// Text as the session can keep it: PostgreSQL's JSON holds no NUL, and HTML shows none either.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The most bytes of one text that a form keeps between two requests: sessions are read with each of them.
const LONGEST: usize = 8 * 1024;

/// The same of what anybody may type, as long as they like: no more of it than [`LONGEST`].
fn kept(text: &str) -> String {
    let mut text = storable(text);
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}

/// An error in words for people; a fault of ours is logged here, once, and named by its request.
pub fn describe(error: &Error) -> String {
    if let Error::Internal(_) = error {
        let id = ssr::visit().request.id.unwrap_or_default();
        tracing::error!(%error, request_id = id, "internal error");
        return format!("Something went wrong on our side. The log has it under request {id}.");
    }
    domain::roles::in_words(&error.detail())
}

/// The sign-in page, with the way back.
pub fn login(next: &str) -> String {
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("/login?next={next}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_kept_up_to_eight_kibibytes() {
        assert_eq!(kept("a\0b"), "a\u{fffd}b");
        let fits = "x".repeat(LONGEST);
        assert_eq!(kept(&fits), fits);
        assert_eq!(kept(&"x".repeat(1024 * 1024)), fits);
        // A character of three bytes that would stand across the end is not cut in two.
        let long = kept(&format!("x{}", "\u{20ac}".repeat(LONGEST)));
        assert_eq!(long.len(), LONGEST - 1);
        assert!(long.ends_with('\u{20ac}'));
    }

    #[test]
    fn a_name_that_is_taken_is_wrong_with_its_field() {
        let taken = || Error::refused(Code::NameTaken, "Project 'Billing' already exists in this team");
        let field = |values: &[(&'static str, &str)]| match on_its_field(taken(), values) {
            Error::Invalid(fields) => Some(fields[0].field.to_string()),
            _ => None,
        };
        assert_eq!(field(&[("slug", ""), ("name", " Billing ")]).as_deref(), Some("name"));
        assert_eq!(
            field(&[("slug", "Billing"), ("name", "Billing")]).as_deref(),
            Some("name")
        );
        assert_eq!(
            field(&[("slug", "ing"), ("name", "Bill")]),
            None,
            "a part of the name is another"
        );
        assert_eq!(field(&[("group_id", "Billing")]), None, "a form without such a field");
        let other = Error::refused(Code::WrongState, "Project 'Billing' is archived");
        assert!(!matches!(
            on_its_field(other, &[("name", "Billing")]),
            Error::Invalid(_)
        ));
    }

    #[test]
    fn a_field_says_that_its_end_is_missing() {
        let long = "x".repeat(2 * LONGEST);
        let typed = [("name", "Ops"), ("description", long.as_str())];
        let mut state = FormState {
            values: typed
                .iter()
                .map(|(name, text)| ((*name).to_owned(), kept(text)))
                .collect(),
            ..FormState::default()
        };
        state.tell_of_cuts(&typed);
        assert_eq!(state.error("name"), None);
        let words = "is too long to come back whole: its end is missing here";
        assert_eq!(state.error("description").as_deref(), Some(words));
        let mut told = FormState {
            errors: vec![Invalid::new("description", "must be at most 500 characters")],
            ..state
        };
        told.tell_of_cuts(&typed);
        assert_eq!(told.errors().len(), 1, "what is wrong with it is enough");
    }
}
