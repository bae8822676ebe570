//! The questions before lines are decided, and before a review ends.

use domain::{
    Silence,
    views::{Page, ReviewLine, ReviewPage},
};
use leptos::prelude::*;

use super::Address;
use crate::{
    forms::FormState,
    ssr,
    ui::{self, Confirm},
};

/// The most lines that a question names one by one.
const NAMED: usize = 10;

/// What the address asks, if its reader may be asked that.
pub(super) fn asked(
    page: &ReviewPage,
    list: &Page<ReviewLine>,
    address: &Address,
    state: &FormState,
) -> Option<AnyView> {
    if !page.review.is_open() {
        return None;
    }
    match ssr::query("confirm")?.as_str() {
        "keep" => Some(decide(page, list, address, state, false)),
        "remove" => Some(decide(page, list, address, state, true)),
        "remind" if page.manages => Some(end(page, address, "remind")),
        "cancel" if page.manages => Some(end(page, address, "cancel")),
        "close" if page.manages => Some(close(page, address)),
        _ => None,
    }
}

fn decide(page: &ReviewPage, list: &Page<ReviewLine>, address: &Address, state: &FormState, remove: bool) -> AnyView {
    let chosen = ssr::query_all("id");
    let selected: Vec<&ReviewLine> = (list.items.iter())
        .filter(|line| line.decides && chosen.contains(&line.id.to_string()))
        .collect();
    if selected.is_empty() {
        return ui::callout(
            "warning",
            "Nothing is selected",
            view! { <p>"Tick the lines to decide first."</p> }.into_any(),
        );
    }
    let count = ui::plural(i64::try_from(selected.len()).unwrap_or(i64::MAX), "line");
    let ids: Vec<String> = selected.iter().map(|line| line.id.to_string()).collect();
    let mut consequences: Vec<(String, bool)> = (selected.iter().take(NAMED))
        .map(|line| {
            let words = if remove {
                format!("{}: {}", line.what(), line.removal())
            } else {
                line.what()
            };
            (words, remove)
        })
        .collect();
    if selected.len() > NAMED {
        consequences.push((format!("and {} more", selected.len() - NAMED), remove));
    }
    let (title, text, hint, button, decision) = if remove {
        (
            format!("Mark {count} for removal?"),
            "Nothing happens before the review closes, and until then you may decide otherwise. The report says why.",
            "The report says it.",
            "Remove at the close",
            "remove",
        )
    } else {
        (
            format!("Keep {count}?"),
            "You may decide otherwise until the review closes.",
            "The report says it; may be empty.",
            "Keep",
            "keep",
        )
    };
    ui::confirm(Confirm {
        id: "decide-lines",
        title,
        text: text.to_owned(),
        consequences,
        action: "/actions/access-reviews/decide",
        fields: vec![
            ("review", page.review.id.to_string()),
            ("at", address.carried()),
            ("ids", ids.join(",")),
            ("decision", decision.to_owned()),
        ],
        input: Some(if remove {
            ui::required_text_area(state, "reason", "Reason", hint, "")
        } else {
            ui::text_area(state, "reason", "Reason", hint, "")
        }),
        button,
        danger: remove,
        cancel: address.here(),
    })
}

/// What closing does, in numbers.
fn close(page: &ReviewPage, address: &Address) -> AnyView {
    let review = &page.review;
    let undecided = review.undecided();
    let (kept, removed) = match review.silence {
        Silence::Keep => (review.keep + undecided, review.remove),
        Silence::Remove => (review.keep, review.remove + undecided),
    };
    let mut consequences = Vec::new();
    if undecided > 0 {
        let fate = match review.silence {
            Silence::Keep => "kept",
            Silence::Remove => "removed",
        };
        consequences.push((
            format!(
                "{} undecided: {fate}, as was chosen at the start",
                ui::plural(undecided, "line")
            ),
            review.silence == Silence::Remove,
        ));
    }
    consequences.push((format!("{} made now", ui::plural(removed, "removal")), removed > 0));
    consequences.push((format!("{} kept", ui::plural(kept, "line")), false));
    ui::confirm(Confirm {
        id: "close-review",
        title: "Close this review?".to_owned(),
        text: "Removals are made at once, by the same rules as everywhere: a team keeps its last admin, and who left and came back meanwhile stays. Then the report is signed, and nothing in it changes any more.".to_owned(),
        consequences,
        action: "/actions/access-reviews/end",
        fields: fields(page, address, "close"),
        input: None,
        button: "Close review",
        danger: removed > 0,
        cancel: address.here(),
    })
}

fn end(page: &ReviewPage, address: &Address, what: &'static str) -> AnyView {
    let (title, text, button, danger) = if what == "cancel" {
        (
            "Cancel this review?",
            "Nothing is removed, all decisions are dropped, and there is no report.",
            "Cancel review",
            true,
        )
    } else {
        (
            "Remind the reviewers?",
            "Their start page says already that lines wait for them. This review will say that you reminded them, and the audit log, too. Nothing is mailed.",
            "Remind",
            false,
        )
    };
    ui::confirm(Confirm {
        id: "end-review",
        title: title.to_owned(),
        text: text.to_owned(),
        consequences: vec![(
            format!(
                "{} of {} lines decided",
                page.review.keep + page.review.remove,
                page.review.lines
            ),
            false,
        )],
        action: "/actions/access-reviews/end",
        fields: fields(page, address, what),
        input: None,
        button,
        danger,
        cancel: address.here(),
    })
}

fn fields(page: &ReviewPage, address: &Address, what: &'static str) -> Vec<(&'static str, String)> {
    vec![
        ("review", page.review.id.to_string()),
        ("at", address.carried()),
        ("what", what.to_owned()),
    ]
}
