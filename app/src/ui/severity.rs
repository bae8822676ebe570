//! How bad a security event is, the same everywhere.

use domain::Severity;
use leptos::prelude::*;

use crate::icon::icon;

/// How bad it is: a word, and a sign of its own for each.
pub fn severity_badge(severity: Severity) -> AnyView {
    let (class, sign) = match severity {
        Severity::Low => ("badge", "info"),
        Severity::Medium => ("badge badge--info", "eye"),
        Severity::High => ("badge badge--warning", "warning"),
        Severity::Critical => ("badge badge--danger", "blocked"),
    };
    view! { <span class=format!("{class} badge--sign")>{icon(sign)}{severity_word(severity)}</span> }.into_any()
}

/// A severity in a word.
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}
