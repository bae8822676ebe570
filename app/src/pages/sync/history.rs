//! The history of passes.

use backend::sync::Passes;
use chrono::{DateTime, Utc};
use domain::views::{Page, SyncRun};
use leptos::prelude::*;

use crate::ui;

/// The word of the address for the passes that did something.
const NOTABLE: &str = "notable";

/// Which passes the address asks for.
pub(super) fn which(word: Option<&str>) -> Passes {
    if word == Some(NOTABLE) {
        Passes::Notable
    } else {
        Passes::All
    }
}

/// The page with these passes.
pub(super) fn href(which: Passes, cursor: Option<&str>) -> String {
    let parts = [
        (which == Passes::Notable).then(|| format!("passes={NOTABLE}")),
        cursor.map(|cursor| format!("cursor={cursor}")),
    ];
    let query: Vec<String> = parts.into_iter().flatten().collect();
    if query.is_empty() {
        super::PAGE.to_owned()
    } else {
        format!("{}?{}", super::PAGE, query.join("&"))
    }
}

fn segments(current: Passes) -> AnyView {
    let segment = |which: Passes, label: &'static str| {
        view! { <a href=href(which, None) aria-current=(which == current).then_some("true")>{label}</a> }
    };
    view! {
        <div class="toolbar">
            <nav class="segmented" aria-label="Passes">
                {segment(Passes::All, "All")} {segment(Passes::Notable, "With changes or errors")}
            </nav>
        </div>
    }
    .into_any()
}

/// The passes of the last 30 days.
pub(super) fn passes(history: &Page<SyncRun>, which: Passes, now: DateTime<Utc>) -> AnyView {
    let body = if history.items.is_empty() && which == Passes::Notable {
        ui::empty(
            "search",
            "Nothing fits",
            "No pass of the last 30 days changed anything, failed or was asked for.",
            Some(("Show all", super::PAGE)),
        )
    } else if history.items.is_empty() {
        ui::empty(
            "sync",
            "No passes yet",
            "Each comparison with GitHub is kept here for 30 days, with what it changed.",
            None,
        )
    } else {
        let rows = history.items.iter().map(|run| row(run, now)).collect_view();
        view! {
            <div class="table-wrap">
                <table class="table">
                    <caption class="visually-hidden">"Passes, newest first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Began"</th>
                            <th scope="col">"Result"</th>
                            <th scope="col" class="table__number">"Runners"</th>
                            <th scope="col" class="table__number">"Updated"</th>
                            <th scope="col" class="table__number">"Deleted"</th>
                            <th scope="col" class="table__number">"Drifts"</th>
                            <th scope="col" class="table__number table__optional">"Pages"</th>
                            <th scope="col" class="table__number">"Took"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {ui::pagination(
                history.items.len(),
                history.total,
                "run",
                history.previous.clone(),
                history.next.clone(),
                |cursor| href(which, Some(cursor)),
            )}
        }
        .into_any()
    };
    let empty = history.items.is_empty() && which == Passes::All;
    view! {
        <section class="section" aria-labelledby="passes-title">
            <h2 class="section__title" id="passes-title">"History"</h2>
            {(!empty).then(|| segments(which))} {body}
        </section>
    }
    .into_any()
}

fn row(run: &SyncRun, now: DateTime<Utc>) -> AnyView {
    let (class, result) = match (&run.error, run.ended_at) {
        (Some(error), _) => ("badge badge--failed", error.clone()),
        (None, None) => ("badge badge--pending", "Under way".to_owned()),
        (None, Some(_)) if run.counts.errors > 0 => {
            let errors = ui::plural(run.counts.errors.into(), "error");
            ("badge badge--warning", errors)
        }
        (None, Some(_)) if run.counts.updated + run.counts.deleted == 0 => ("badge", "No changes".to_owned()),
        (None, Some(_)) => ("badge badge--active", "Completed".to_owned()),
    };
    // What did not happen is not what one looks for.
    let changed = |label: &'static str, count: i32| {
        let class = if count == 0 {
            "table__number muted"
        } else {
            "table__number"
        };
        view! { <td class=class data-label=label>{count}</td> }
    };
    let asked = run
        .requested_by
        .clone()
        .map(|who| view! { " "<small class="table__sub">{format!("asked for by {who}")}</small> });
    let counts = run.counts;
    view! {
        <tr>
            <th scope="row" class="table__title">{ui::time_ago(run.started_at, now)} {asked}</th>
            <td class="table__state" data-label="Result"><span class=class>{result}</span></td>
            <td class="table__number" data-label="Runners">{counts.total}</td>
            {changed("Updated", counts.updated)} {changed("Deleted", counts.deleted)}
            {changed("Drifts", counts.label_drifts)}
            <td class="table__number table__optional" data-label="Pages">{run.pages}</td>
            <td class="table__number" data-label="Took">{ui::or_dash(took(run).as_deref())}</td>
        </tr>
    }
    .into_any()
}

/// How long a pass took.
fn took(run: &SyncRun) -> Option<String> {
    let milliseconds = (run.ended_at? - run.started_at).num_milliseconds().max(0);
    Some(match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds % 60_000 / 1000),
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::{RunnerId, views::SyncCounts};

    use super::*;

    #[test]
    fn durations_read_well() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let run = |milliseconds| SyncRun {
            id: "00000000-0000-4000-8000-000000000001".parse::<RunnerId>().unwrap().0,
            started_at: start,
            ended_at: Some(start + TimeDelta::milliseconds(milliseconds)),
            worker: String::new(),
            requested_by: None,
            pages: 1,
            counts: SyncCounts::default(),
            error: None,
        };
        for (milliseconds, words) in [(7, "7 ms"), (1_240, "1.2 s"), (125_000, "2 min 5 s")] {
            assert_eq!(took(&run(milliseconds)).as_deref(), Some(words));
        }
        assert_eq!(
            took(&SyncRun {
                ended_at: None,
                ..run(1)
            }),
            None
        );
    }
}
