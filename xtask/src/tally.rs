//! Adding up what the test runners say, for one last line.

use std::{
    fmt,
    io::{BufRead as _, BufReader},
    ops::AddAssign,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Context as _;

/// How many tests passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that did what they should.
    pub passed: u64,
    /// Tests that did not, and steps (a lint, a build) that had to work for tests to run.
    pub failed: u64,
}

impl Tally {
    /// One step that failed as a whole.
    pub const FAILED: Self = Self { passed: 0, failed: 1 };
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Runs a test command, shows what it prints and reads its counts from it. A command that fails without having counted
/// a failure (it did not compile, say) is one.
pub fn run(command: &mut Command) -> anyhow::Result<Tally> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start {name}"))?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.with_context(|| format!("could not read what {name} prints"))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            tally += counts(&line);
        }
    }
    let status = child.wait().with_context(|| format!("lost sight of {name}"))?;
    Ok(or_failed(tally, status.success()))
}

/// Counts a failure when the command failed and no test did.
pub fn or_failed(mut tally: Tally, succeeded: bool) -> Tally {
    if !succeeded && tally.failed == 0 {
        tally += Tally::FAILED;
    }
    tally
}

/// The counts in a summary line: `12 passed, 1 failed` (ours), `test result: ok. 12 passed; 1 failed; …` (Cargo), or
/// `# pass 12` / `# fail 1` (node's test runner, whose default mark is ℹ).
fn counts(line: &str) -> Tally {
    let words: Vec<&str> = line
        .split(|c: char| c.is_whitespace() || ",;".contains(c))
        .filter(|w| !w.is_empty())
        .collect();
    match words.as_slice() {
        ["#" | "ℹ", "pass", count] => Tally {
            passed: count.parse().unwrap_or(0),
            failed: 0,
        },
        ["#" | "ℹ", "fail", count] => Tally {
            passed: 0,
            failed: count.parse().unwrap_or(0),
        },
        ["test", "result:", _, passed, "passed", failed, "failed", ..] | [passed, "passed", failed, "failed"] => {
            Tally {
                passed: passed.parse().unwrap_or(0),
                failed: failed.parse().unwrap_or(0),
            }
        }
        _ => Tally::default(),
    }
}

/// The counts of a JUnit report, from the attributes of its root: `<testsuites … tests="12" failures="1" errors="0">`.
pub fn junit(report: &Path) -> anyhow::Result<Tally> {
    let text = std::fs::read_to_string(report).with_context(|| format!("could not read {}", report.display()))?;
    let root = text
        .split('<')
        .find(|tag| tag.starts_with("testsuites "))
        .context("not a JUnit report")?;
    let attribute = |name: &str| -> Option<u64> {
        let value = root.split_once(&format!(" {name}=\""))?.1;
        value.split('"').next()?.parse().ok()
    };
    let tests = attribute("tests").context("the JUnit report counts no tests")?;
    let failed = attribute("failures").unwrap_or(0) + attribute("errors").unwrap_or(0);
    Ok(Tally {
        passed: tests.saturating_sub(failed),
        failed,
    })
}

#[cfg(test)]
mod tests {
    use super::{Tally, counts, or_failed};

    #[test]
    fn every_runner_is_understood() {
        let expected = Tally { passed: 12, failed: 1 };
        assert_eq!(counts("12 passed, 1 failed"), expected);
        assert_eq!(
            counts("test result: FAILED. 12 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out"),
            expected
        );
        assert_eq!(counts("ℹ pass 12"), Tally { passed: 12, failed: 0 });
        assert_eq!(counts("# fail 1"), Tally { passed: 0, failed: 1 });
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(counts("the user passed 12 failed checks"), Tally::default());
        assert_eq!(counts(""), Tally::default());
    }

    #[test]
    fn a_runner_that_fails_before_it_counts_is_a_failure() {
        assert_eq!(or_failed(Tally::default(), false), Tally::FAILED);
        assert_eq!(
            or_failed(Tally { passed: 3, failed: 2 }, false),
            Tally { passed: 3, failed: 2 }
        );
    }
}
