//! The page for browsers, which a proxy shows at the service's own address: every link leads to the console.

use std::{fmt::Write as _, sync::LazyLock};

use backend::authz::Refused;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::authz::Outcome;
use http::{HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::page::escaped;

/// The page's style. It stands in the page, as the console's style sheet may not be used by other origins.
const STYLE: &str = "\
:root{color-scheme:light dark;--line:light-dark(#e2e4e9,#2c2f36);--muted:light-dark(#5a6070,#a3a8b5);--bad:light-dark(#a61b1b,#ff9d94)}\
body{margin:0;padding:8vh 16px;background:light-dark(#f6f7f9,#101216);color:light-dark(#14161a,#eceef2);font:15px/1.5 system-ui,sans-serif}\
main{max-width:560px;margin:auto;padding:32px;border:1px solid var(--line);border-radius:12px;background:light-dark(#fff,#181b20)}\
h1{margin:4px 0 12px;font-size:22px;line-height:1.25;overflow-wrap:anywhere}p{margin:0 0 12px}\
.status,footer,li span{color:var(--muted);font-size:13px}.status,code{font-family:ui-monospace,monospace}\
ol{margin:16px 0;padding:0;list-style:none;border:1px solid var(--line);border-radius:8px;font-size:14px}\
li{padding:10px 14px;overflow-wrap:anywhere}li+li{border-top:1px solid var(--line)}li.no b{color:var(--bad)}\
a{display:inline-block;padding:8px 14px;border-radius:6px;background:#3451c6;color:#fff;text-decoration:none}\
a:focus-visible{outline:2px solid #3451c6;outline-offset:2px}footer{margin-top:16px}";

/// What the page may load: nothing but its own style.
pub(super) fn policy() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    });
    POLICY.clone()
}

/// The page.
pub(super) fn document(
    public_url: &str,
    status: StatusCode,
    reason: &str,
    service: &str,
    refused: Option<&Refused>,
    request_id: Option<&str>,
) -> String {
    let (number, words) = (status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let (reason, service, public_url) = (escaped(reason), escaped(service), escaped(public_url));
    let mut body = format!("<p class=\"status\">{number}</p><h1>{reason}</h1>");
    // Writing into a String cannot fail.
    let _ = match status {
        StatusCode::UNAUTHORIZED => write!(
            body,
            "<p>To use <code>{service}</code>, sign in to Guildhall, then open this address again.</p>\
             <a href=\"{public_url}/login\">Sign in</a>"
        ),
        StatusCode::FORBIDDEN => {
            chain(&mut body, refused);
            let team = refused
                .and_then(|refused| refused.team)
                .map_or(String::new(), |team| format!("&amp;team={team}"));
            write!(
                body,
                "<a href=\"{public_url}/admin/explain?service={service}{team}\">Ask why</a>"
            )
        }
        _ => Ok(()),
    };
    if let Some(id) = request_id {
        let _ = write!(body, "<footer>Request id <code>{}</code></footer>", escaped(id));
    }
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{words} · Guildhall</title>\
         <style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )
}

/// The rules up to the one that decided, and who can change that one.
fn chain(body: &mut String, refused: Option<&Refused>) {
    let steps = refused.map_or(&[][..], |refused| &refused.explanation.chain);
    let asked = steps.iter().filter(|step| step.outcome != Outcome::NotReached);
    let items: Vec<String> = asked
        .map(|step| {
            let (rule, detail) = (escaped(&step.rule), escaped(&step.detail));
            if step.outcome == Outcome::Failed {
                let who = escaped(&step.who_can_change);
                format!("<li class=\"no\">✗ <b>{rule}: no.</b> {detail} <span>Who can change it: {who}.</span></li>")
            } else {
                format!("<li>✓ <b>{rule}: yes.</b> {detail}</li>")
            }
        })
        .collect();
    if !items.is_empty() {
        *body += "<ol>";
        *body += &items.concat();
        *body += "</ol>";
    }
}
