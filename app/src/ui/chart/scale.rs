//! The geometry of charts: where things are, in the units of the picture's view box.

/// The picture's width.
pub(super) const WIDTH: f64 = 640.0;
/// The picture's height.
pub(super) const HEIGHT: f64 = 210.0;
/// Where the plot begins, right of the axis' numbers.
pub(super) const LEFT: f64 = 46.0;
/// Where it ends.
pub(super) const RIGHT: f64 = WIDTH - 4.0;
/// Its top.
pub(super) const TOP: f64 = 14.0;
/// Its bottom, above the days.
pub(super) const BOTTOM: f64 = HEIGHT - 30.0;

/// How large values are drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    /// Round numbers from zero to one that no value is above.
    pub(super) ticks: Vec<f64>,
}

impl Scale {
    /// A scale from zero for values up to `largest`: about four round steps of 1, 2 or 5. With `whole`, no tick is a
    /// part of one.
    pub(super) fn to(largest: f64, whole: bool) -> Self {
        let largest = if largest.is_finite() && largest > 0.0 {
            largest
        } else {
            1.0
        };
        let rough = largest / 4.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            // What is a hair too small by rounding alone is large enough.
            .find(|step| *step >= rough * (1.0 - 1e-9))
            .unwrap_or(10.0 * power);
        let step = if whole { step.max(1.0) } else { step };
        let mut ticks = vec![0.0];
        let mut count = 0_u8;
        while ticks.last().is_some_and(|last| *last < largest * (1.0 - 1e-9)) && count < 20 {
            count += 1;
            ticks.push(step * f64::from(count));
        }
        Self { ticks }
    }

    /// The largest tick.
    pub(super) fn top(&self) -> f64 {
        self.ticks.last().copied().unwrap_or(1.0)
    }

    /// How high a value is drawn.
    pub(super) fn height(&self, value: f64) -> f64 {
        let share = (value / self.top()).clamp(0.0, 1.0);
        share * (BOTTOM - TOP)
    }

    /// Where a value is.
    pub(super) fn y(&self, value: f64) -> f64 {
        BOTTOM - self.height(value)
    }
}

/// The place of a column: its left edge and its width.
pub(super) fn column(index: usize, count: usize) -> (f64, f64) {
    let band = (RIGHT - LEFT) / small(count.max(1));
    let width = (band * 0.74).min(40.0);
    (LEFT + band * small(index) + (band - width) / 2.0, width)
}

/// The middle of a column.
pub(super) fn middle(index: usize, count: usize) -> f64 {
    let (x, width) = column(index, count);
    x + width / 2.0
}

/// The places that get a word when there is room for `most`: evenly, the last one among them. The last one first.
pub(super) fn labelled(count: usize, most: usize) -> Vec<usize> {
    let step = count.div_ceil(most.max(1)).max(1);
    (0..count).rev().step_by(step).collect()
}

/// A number on the axis: 0, 5, 250, 1.5k, 2M.
pub(super) fn short(number: f64) -> String {
    let (number, unit) = if number >= 1e6 {
        (number / 1e6, "M")
    } else if number >= 1e3 {
        (number / 1e3, "k")
    } else {
        (number, "")
    };
    // At most three decimals, none of them a zero at the end.
    let text = format!("{number:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{unit}")
}

/// A count of what is on one picture.
fn small(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(largest: f64, whole: bool) -> Vec<String> {
        Scale::to(largest, whole).ticks.into_iter().map(short).collect()
    }

    #[test]
    fn b28_ticks_are_round_and_reach_the_largest_value() {
        assert_eq!(ticks(7.0, true), ["0", "2", "4", "6", "8"]);
        assert_eq!(ticks(1.0, true), ["0", "1"]);
        assert_eq!(ticks(3.0, true), ["0", "1", "2", "3"]);
        assert_eq!(ticks(100.0, true), ["0", "50", "100"]);
        assert_eq!(ticks(80.0, true), ["0", "20", "40", "60", "80"]);
        assert_eq!(ticks(1234.0, false), ["0", "500", "1k", "1.5k"]);
        assert_eq!(ticks(0.03, false), ["0", "0.01", "0.02", "0.03"]);
        assert_eq!(ticks(0.0, true), ["0", "1"], "nothing is drawn against one");
        assert_eq!(ticks(f64::NAN, false).first().map(String::as_str), Some("0"));
    }

    #[test]
    fn b28_any_largest_value_has_few_ticks_and_fits() {
        let mut largest = 0.001;
        while largest < 1e9 {
            for whole in [true, false] {
                let scale = Scale::to(largest, whole);
                assert!((2..=6).contains(&scale.ticks.len()), "{largest}: {:?}", scale.ticks);
                assert!(scale.top() >= largest * 0.999_999, "{largest}: {:?}", scale.ticks);
                assert!(
                    !whole || scale.ticks.iter().all(|tick| tick.fract() == 0.0),
                    "{:?}",
                    scale.ticks
                );
            }
            largest *= 1.37;
        }
    }

    #[test]
    fn b28_values_are_drawn_in_proportion() {
        let scale = Scale::to(100.0, true);
        assert!((scale.y(0.0) - BOTTOM).abs() < 1e-9 && (scale.y(100.0) - TOP).abs() < 1e-9);
        assert!((scale.height(50.0) * 2.0 - scale.height(100.0)).abs() < 1e-9);
        assert!(scale.height(-5.0).abs() < 1e-9, "never below the axis");
    }

    #[test]
    fn b28_columns_stand_side_by_side_within_the_plot() {
        for count in [1, 2, 7, 30, 31, 366] {
            let mut end = LEFT;
            for index in 0..count {
                let (x, width) = column(index, count);
                assert!(x >= end && width > 0.0, "{index} of {count}");
                end = x + width;
            }
            assert!(end <= RIGHT);
        }
    }

    #[test]
    fn b28_the_last_day_always_has_its_word() {
        assert_eq!(labelled(30, 7), [29, 24, 19, 14, 9, 4]);
        assert_eq!(labelled(3, 7), [2, 1, 0]);
        assert_eq!(labelled(0, 7), Vec::<usize>::new());
        assert!(labelled(366, 7).len() <= 7);
    }

    #[test]
    fn b28_numbers_on_the_axis_are_short() {
        for (number, text) in [
            (0.0, "0"),
            (5.0, "5"),
            (250.0, "250"),
            (1500.0, "1.5k"),
            (20_000.0, "20k"),
            (2e6, "2M"),
            (0.005, "0.005"),
        ] {
            assert_eq!(short(number), text);
        }
    }
}
