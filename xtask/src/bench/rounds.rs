//! A and B in turns: on a machine that others use too only the ratio of neighbours means something.

use std::path::Path;

use super::processes::{CONNECTIONS, Load, Running, load};

/// Median, smallest and largest.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// Of at least one value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            at(middle)
        } else {
            f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
        };
        Self {
            median,
            min: at(0),
            max: at(values.len().wrapping_sub(1)),
        }
    }
}

/// Ours beside its ceiling.
pub struct Pair {
    pub ours: Spread,
    pub ceiling: Spread,
    /// Of rounds that followed each other.
    pub ratio: Spread,
    /// The slowest hundredth of answers, in milliseconds.
    pub ours_p99: Spread,
    /// That of the ceiling.
    pub ceiling_p99: Spread,
    pub errors: u64,
}

/// How long a round takes, in milliseconds.
const ROUND: u32 = 1500;

/// Rounds of both in turns, after one of each that does not count.
pub fn alternate(rounds: usize, ours: (&Running, &Path), ceiling: (&Running, &Path)) -> anyhow::Result<Pair> {
    alternate_for(ROUND, rounds, ours, ceiling)
}

/// The same with rounds of another length, in milliseconds.
pub fn alternate_for(
    milliseconds: u32,
    rounds: usize,
    ours: (&Running, &Path),
    ceiling: (&Running, &Path),
) -> anyhow::Result<Pair> {
    let round = |(running, requests): (&Running, &Path)| load(running, requests, CONNECTIONS, milliseconds);
    let mut pairs: Vec<(Load, Load)> = Vec::new();
    for turn in 0..=rounds {
        let pair = (round(ours)?, round(ceiling)?);
        if turn > 0 {
            pairs.push(pair);
        }
    }
    Ok(Pair {
        ours: Spread::of(pairs.iter().map(|(ours, _)| ours.rate)),
        ceiling: Spread::of(pairs.iter().map(|(_, ceiling)| ceiling.rate)),
        ratio: Spread::of(pairs.iter().map(|(ours, ceiling)| ours.rate / ceiling.rate)),
        ours_p99: Spread::of(pairs.iter().map(|(ours, _)| ours.p99)),
        ceiling_p99: Spread::of(pairs.iter().map(|(_, ceiling)| ceiling.p99)),
        errors: pairs.iter().map(|(ours, ceiling)| ours.errors + ceiling.errors).sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        let spread = Spread::of([4.0, 1.0, 2.0, 3.0]);
        assert!((spread.median - 2.5).abs() < 1e-9 && spread.min < 1.1 && spread.max > 3.9);
        assert!((Spread::of([7.0]).median - 7.0).abs() < 1e-9);
    }
}
