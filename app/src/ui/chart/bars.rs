//! Bars against a limit: a table whose rows draw themselves, so that its numbers need no table behind them.

use leptos::prelude::*;

/// Something that is used up to a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaBar {
    /// What.
    pub name: String,
    /// More of its name, small.
    pub detail: String,
    /// Where it leads.
    pub href: String,
    /// How much is used.
    pub used: i32,
    /// Of how much; none is no limit.
    pub max: Option<i32>,
}

impl QuotaBar {
    /// How much of the bar is full, in percent: one that is used at all is not empty.
    fn percent(&self) -> Option<i32> {
        let max = i64::from(self.max?);
        let used = i64::from(self.used.max(0));
        let percent = if max == 0 { 100 } else { used.saturating_mul(100) / max };
        let least = if used > 0 { 2 } else { 0 };
        i32::try_from(percent.clamp(least, 100)).ok()
    }

    fn tone(&self) -> &'static str {
        match self.max {
            Some(max) if self.used >= max => "bars__row bars__row--full",
            Some(max) if i64::from(self.used) * 5 >= i64::from(max) * 4 => "bars__row bars__row--near",
            _ => "bars__row",
        }
    }

    fn left(&self) -> String {
        match self.max {
            None => "no limit".to_owned(),
            Some(max) if self.used > max => format!("{} too many", self.used - max),
            Some(max) if self.used == max => "full".to_owned(),
            Some(max) => format!("{} free", max - self.used),
        }
    }
}

/// Bars, one below another. `noun` is what is counted: runners.
pub fn quota_bars(caption: &'static str, noun: &'static str, bars: Vec<QuotaBar>) -> AnyView {
    let rows = bars.into_iter().map(|bar| {
        let (class, left, percent) = (bar.tone(), bar.left(), bar.percent());
        let count = match bar.max {
            Some(max) => format!("{} of {max}", bar.used),
            None => bar.used.to_string(),
        };
        view! {
            <tr class=class>
                <th scope="row" class="bars__name">
                    <a href=bar.href>{bar.name}</a>
                    <small>{bar.detail}</small>
                </th>
                <td class="bars__bar">
                    {percent
                        .map(|percent| {
                            view! {
                                <svg class="bars__svg" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                                    <rect class="bars__track" width="100" height="8"></rect>
                                    <rect class="bars__fill" width=percent height="8"></rect>
                                </svg>
                            }
                        })}
                </td>
                <td class="bars__count"><b>{count}</b></td>
                <td class="bars__left">{left}</td>
            </tr>
        }
    });
    view! {
        <table class="bars">
            <caption class="visually-hidden">{caption}</caption>
            <thead class="visually-hidden">
                <tr>
                    <th scope="col">"Team"</th>
                    <td></td>
                    <th scope="col">{noun}</th>
                    <th scope="col">"Left"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </table>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(used: i32, max: Option<i32>) -> QuotaBar {
        QuotaBar {
            name: "Backend Team".to_owned(),
            detail: String::new(),
            href: String::new(),
            used,
            max,
        }
    }

    #[test]
    fn b28_a_bar_is_as_full_as_its_quota() {
        for (used, max, percent, left) in [
            (0, Some(10), Some(0), "10 free"),
            (5, Some(10), Some(50), "5 free"),
            (10, Some(10), Some(100), "full"),
            (12, Some(10), Some(100), "2 too many"),
            (1, Some(1000), Some(2), "999 free"),
            (0, Some(0), Some(100), "full"),
            (3, None, None, "no limit"),
            (i32::MAX, Some(i32::MAX), Some(100), "full"),
        ] {
            let bar = bar(used, max);
            assert_eq!(
                (bar.percent(), bar.left().as_str()),
                (percent, left),
                "{used} of {max:?}"
            );
        }
        assert_eq!(bar(8, Some(10)).tone(), "bars__row bars__row--near");
        assert_eq!(bar(7, Some(10)).tone(), "bars__row");
    }
}
