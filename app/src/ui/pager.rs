//! The foot of a list: how many there are, and the pages beside this one.

use leptos::prelude::*;

use super::{plural, text::many};

/// Counts and links. `link` gives the address of a page by its cursor.
pub fn pagination(
    shown: usize,
    total: i64,
    noun: &str,
    previous: Option<String>,
    next: Option<String>,
    link: impl Fn(&str) -> String,
) -> AnyView {
    let side = |cursor: Option<String>, label: &'static str, rel: &'static str| match cursor {
        Some(cursor) => view! { <a class="button button--small" href=link(&cursor) rel=rel>{label}</a> }.into_any(),
        None => view! { <span class="button button--small" aria-disabled="true">{label}</span> }.into_any(),
    };
    let alone = previous.is_none() && next.is_none();
    view! {
        <nav class="pagination" aria-label=format!("Pages of {}", many(noun))>
            <p class="pagination__count">
                {if alone {
                    view! { <b>{plural(total, noun)}</b> }.into_any()
                } else {
                    view! { <b>{shown}</b>" of "<b>{plural(total, noun)}</b> }.into_any()
                }}
            </p>
            {(!alone)
                .then(|| {
                    view! {
                        <div class="pagination__links">
                            {side(previous, "Previous", "prev")} {side(next, "Next", "next")}
                        </div>
                    }
                })}
        </nav>
    }
    .into_any()
}
