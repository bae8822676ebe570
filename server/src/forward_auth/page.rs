//! The page for browsers, which a proxy shows at the service's own address: every link leads to the console.

use std::fmt::Write as _;

use backend::authz::Refused;
use domain::authz::Outcome;
use http::{HeaderValue, StatusCode};

use crate::page::escaped;

/// What the page may load: the console's style sheet and icon.
pub(super) fn policy(public_url: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; style-src {public_url}; img-src {public_url}; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// The page.
pub(super) fn document(
    public_url: &str,
    assets: &str,
    status: StatusCode,
    reason: &str,
    service: &str,
    refused: Option<&Refused>,
    request_id: Option<&str>,
) -> String {
    let (number, words) = (status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let (reason, service) = (escaped(reason), escaped(service));
    let mut body = format!("<p class=\"error-page__status\">{number}</p><h1 class=\"error-page__title\">{reason}</h1>");
    let button = match status {
        StatusCode::UNAUTHORIZED => {
            let _ = write!(
                body,
                "<p class=\"lead\">To use <code>{service}</code>, sign in to Guildhall, then open this address again.</p>"
            );
            format!("<a class=\"button button--primary\" href=\"{public_url}/login\">Sign in</a>")
        }
        StatusCode::FORBIDDEN => {
            let team = refused
                .and_then(|refused| refused.team)
                .map_or(String::new(), |team| format!("&amp;team={team}"));
            format!(
                "<a class=\"button button--primary\" href=\"{public_url}/admin/explain?service={service}{team}\">Ask why</a>"
            )
        }
        _ => String::new(),
    };
    if let Some(refused) = refused {
        body += "<ol class=\"why\">";
        for step in &refused.explanation.chain {
            if step.outcome == Outcome::NotReached {
                continue;
            }
            let (mark, word) = match step.outcome {
                Outcome::Failed => ("✗", "no"),
                _ => ("✓", "yes"),
            };
            let who = if step.outcome == Outcome::Failed {
                format!(" <span>Who can change it: {}.</span>", escaped(&step.who_can_change))
            } else {
                String::new()
            };
            let _ = write!(
                body,
                "<li><span aria-hidden=\"true\">{mark}</span> <b>{}: {word}.</b> {}{who}</li>",
                escaped(&step.rule),
                escaped(&step.detail),
            );
        }
        body += "</ol>";
    }
    if let Some(id) = request_id {
        let _ = write!(
            body,
            "<dl class=\"facts error-page__facts\"><div><dt>Request id</dt><dd><code>{}</code></dd></div></dl>",
            escaped(id)
        );
    }
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{words} · Guildhall</title><link rel=\"icon\" href=\"{public_url}/{assets}/favicon.svg\" type=\"image/svg+xml\">\
         <link rel=\"stylesheet\" href=\"{public_url}/{assets}/guildhall.css\"></head><body><main class=\"plain\" id=\"content\">\
         <div class=\"error-page\">{body}<div class=\"button-row\">{button}</div></div></main></body></html>"
    )
}
