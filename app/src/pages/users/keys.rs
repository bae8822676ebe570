//! Somebody's keys, on the page of the account: which there are, and what they still do.

use chrono::{DateTime, Utc};
use domain::views::ApiKey;
use leptos::prelude::*;

use crate::{pages::keys as shown, ui};

/// Keys on the page; of more it says how many.
pub(super) const MOST: i64 = 50;

/// The card; nothing where there are none. `total`: how many there are in all.
pub(super) fn card(keys: &[ApiKey], total: i64, now: DateTime<Utc>) -> Option<AnyView> {
    if keys.is_empty() {
        return None;
    }
    let never = || view! { <span class="none">"never"</span> }.into_any();
    let row = |key: &ApiKey| {
        let prefix =
            (!key.prefix.is_empty()).then(|| view! { <span class="mono">{format!("{}…", key.prefix)}</span>" · " });
        let used = key.last_used_at.map_or_else(never, |at| ui::time_ago(at, now));
        view! {
            <tr>
                <th scope="row" class="table__title">
                    <a href=shown::href(key)>{key.name.clone()}</a>
                    <small class="table__sub">
                        {prefix}<a href=format!("/admin/teams/{}", key.team_id)>{key.team_name.clone()}</a>
                    </small>
                </th>
                <td>
                    {used}
                    <small class="table__sub">"expires "{key.expires_at.map_or_else(never, ui::time)}</small>
                </td>
                <td>{shown::status(key)}</td>
            </tr>
        }
    };
    let more = total - i64::try_from(keys.len()).unwrap_or(total);
    let more = (more > 0).then(|| {
        view! { <footer class="card__footer"><span>{format!("And {more} more, created before these.")}</span></footer> }
    });
    Some(
        view! {
            <section class="card" id="keys" aria-labelledby="keys-title">
                <header class="card__header"><h2 class="card__title" id="keys-title">"API keys"</h2></header>
                <div class="card__body card__body--flush">
                    <div class="table-wrap table-wrap--numbers">
                        <table class="table">
                            <caption class="visually-hidden">"API keys"</caption>
                            <thead>
                                <tr>
                                    <th scope="col">"Name"</th>
                                    <th scope="col">"Last used"</th>
                                    <th scope="col">"Status"</th>
                                </tr>
                            </thead>
                            <tbody>{keys.iter().map(row).collect_view()}</tbody>
                        </table>
                    </div>
                </div>
                {more}
            </section>
        }
        .into_any(),
    )
}
