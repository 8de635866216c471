//! How many tests passed, failed and could not run, as the runners themselves say it.
//!
//! A test that cannot run on this machine prints a line that begins with `skipped: ` and its reason, and returns;
//! its runner takes it for passed, and here it is counted for what it is.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

/// Sums over tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
}

impl Counts {
    /// Moves `n` tests that said they could not run from passed to skipped.
    pub(crate) fn said_skipped(self, n: usize) -> Self {
        let n = u32::try_from(n).unwrap_or(u32::MAX).min(self.passed);
        Self {
            passed: self.passed - n,
            failed: self.failed,
            skipped: self.skipped + n,
        }
    }
}

impl Add for Counts {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// From cargo-nextest's summary line; `None` where it never came to one, as when something did not compile.
///
/// `Summary [   1.2s] 9 tests run: 6 passed (1 slow), 1 failed, 1 timed out, 2 skipped`
pub(crate) fn of_nextest(output: &str) -> Option<Counts> {
    let line = output
        .lines()
        .rev()
        .find(|line| line.trim_start().starts_with("Summary ["))?;
    let (_, sums) = line.split_once(" run: ")?;
    let mut counts = Counts::default();
    for part in outside_parentheses(sums).split(',') {
        let (number, word) = part.trim().split_once(' ')?;
        let number: u32 = number.parse().ok()?;
        match word.trim() {
            "passed" => counts.passed += number,
            "skipped" => counts.skipped += number,
            // "failed", "timed out", "exec failed", and whatever a later version adds.
            _ => counts.failed += number,
        }
    }
    Some(counts)
}

/// From the result lines of `cargo test`, one a test binary; `None` where there is not one.
///
/// `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`
pub(crate) fn of_cargo_test(output: &str) -> Option<Counts> {
    let lines = output.lines().filter_map(|line| line.strip_prefix("test result: "));
    let all: Vec<Counts> = lines
        .map(|line| Counts {
            passed: before(line, " passed"),
            failed: before(line, " failed"),
            skipped: before(line, " ignored"),
        })
        .collect();
    (!all.is_empty()).then(|| all.into_iter().sum())
}

/// From vitest's JSON report.
pub(crate) fn of_vitest(report: &str) -> Option<Counts> {
    let number = |name: &str| -> Option<u32> {
        let (_, rest) = report.split_once(&format!("\"{name}\":"))?;
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    Some(Counts {
        passed: number("numPassedTests")?,
        failed: number("numFailedTests")?,
        skipped: number("numPendingTests")? + number("numTodoTests")?,
    })
}

/// What vitest says of failed tests: everything from its heading of that name on.
pub(crate) fn failures_of_vitest(output: &str) -> Option<String> {
    let heading = |line: &&str| line.contains("⎯⎯") && line.contains(" Failed ");
    let lines: Vec<&str> = output.lines().skip_while(|line| !heading(line)).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The reasons of the tests that said they could not run, from what tests printed (plain, or nextest's JUnit report).
pub(crate) fn skip_reasons(printed: &str) -> Vec<String> {
    let reason = |line: &str| {
        // The harness may have begun the line with the test's name, the report with its tag.
        let (before, reason) = line.split_once("skipped: ")?;
        let begins = before.is_empty() || before.ends_with(" ... ") || before.ends_with('>');
        let reason = reason.split("</system-").next().unwrap_or(reason).trim();
        (begins && !reason.is_empty()).then(|| plain(reason))
    };
    printed.lines().filter_map(reason).collect()
}

/// Undoes the escapes of XML.
fn plain(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

fn before(line: &str, word: &str) -> u32 {
    let head = line.split(word).next().unwrap_or_default();
    head.rsplit(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

fn outside_parentheses(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|c| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => return depth == 0,
            }
            false
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Counts, failures_of_vitest, of_cargo_test, of_nextest, of_vitest, skip_reasons};

    fn counts(passed: u32, failed: u32, skipped: u32) -> Option<Counts> {
        Some(Counts {
            passed,
            failed,
            skipped,
        })
    }

    #[test]
    fn nextest_summaries() {
        let check = |line: &str, expect| assert_eq!(of_nextest(line), expect, "{line}");
        check(
            "     Summary [   0.010s] 13 tests run: 13 passed, 0 skipped",
            counts(13, 0, 0),
        );
        check(
            "     Summary [   0.010s] 1 test run: 1 passed, 7 skipped",
            counts(1, 0, 7),
        );
        check(
            "  Summary [ 9.0s] 9 tests run: 6 passed (1 slow, 2 leaky), 1 failed, 2 timed out, 3 skipped",
            counts(6, 3, 3),
        );
        check(
            "  Summary [ 9.0s] 5/9 tests run: 4 passed, 1 failed, 0 skipped",
            counts(4, 1, 0),
        );
        check("error: could not compile `timonel-judge`", None);
    }

    #[test]
    fn cargo_test_sums_over_binaries() {
        let output = "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
                      noise\n\
                      test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
        assert_eq!(of_cargo_test(output), counts(7, 3, 1));
        assert_eq!(of_cargo_test("error: could not compile"), None);
    }

    #[test]
    fn vitest_report() {
        let report = r#"{"numTotalTests":6,"numPassedTests":3,"numFailedTests":1,"numPendingTests":2,"numTodoTests":0,"success":false}"#;
        assert_eq!(of_vitest(report), counts(3, 1, 2));
        assert_eq!(of_vitest("{}"), None);
    }

    #[test]
    fn what_failed_in_vitest_is_found_behind_all_that_passed() {
        let output = " ✓ page | one\n\n⎯⎯⎯⎯ Failed Tests 1 ⎯⎯⎯⎯\n\n FAIL  two\nAssertionError: expected 1";
        let said = failures_of_vitest(output).expect("one failed");
        assert!(
            said.starts_with("⎯⎯⎯⎯ Failed Tests 1") && said.ends_with("expected 1"),
            "{said}"
        );
        assert_eq!(failures_of_vitest(" ✓ page | Failed orders are told\n"), None);
    }

    #[test]
    fn a_test_that_says_it_is_skipped_is_not_passed() {
        let printed = "skipped: no promtool on PATH\n\
                       test loads ... skipped: no kubectl\n\
                       <system-out>skipped: &quot;seeds&quot; are not here</system-out>\n\
                       the row was skipped: twice\n\
                       skipped: \n";
        let reasons = skip_reasons(printed);
        assert_eq!(reasons, ["no promtool on PATH", "no kubectl", "\"seeds\" are not here"]);
        assert_eq!(counts(5, 0, 0).map(|c| c.said_skipped(reasons.len())), counts(2, 0, 3));
    }
}
