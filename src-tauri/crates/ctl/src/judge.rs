//! `judge replay`: the evidence after each unit of a file, without a plan, a clock or a target.
//!
//! The file is read and checked whole before the first line is printed: whoever reads the output reads it of all units or of
//! none. Verdicts are the rows of JUDGE.md's table that need nothing but units. Deliberately not here: rules, gates and
//! time, so never `go`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use timonel_bridge::words::Words;
use timonel_judge::{Arm, Bounds, Over, Prior, Restart, Unit, Versus};

use crate::Failure;
use crate::args::JudgeCommand;

/// Probabilities of error of JUDGE.md, "Budget", for one metric.
const ALPHA_ROLLBACK: f64 = 0.01;
const ALPHA_ALERT: f64 = 0.05;

pub(crate) fn judge(command: JudgeCommand, words: &Words) -> Result<(), Failure> {
    match command {
        JudgeCommand::Replay {
            file,
            p0,
            restart_every,
        } => {
            let Ok(over) = Over::new(p0) else {
                complain!("timonelctl: {}", words.say("judge-limit", &[("limit", p0.to_string())]));
                return Err(Failure::BadInput);
            };
            let unreadable = |why| Failure::Unreadable {
                path: file.display().to_string(),
                why,
            };
            let lines = BufReader::new(File::open(&file).map_err(unreadable)?);
            let units = match read(lines) {
                Ok(units) => units,
                Err(Refused::Unreadable(why)) => return Err(unreadable(why)),
                Err(Refused::Line { line, why }) => {
                    let values = [
                        ("file", file.display().to_string()),
                        ("line", line.to_string()),
                        ("why", told(&why, words)),
                    ];
                    complain!("timonelctl: {}", words.say("judge-line", &values));
                    return Err(Failure::BadInput);
                }
            };
            let mut to = BufWriter::new(std::io::stdout().lock());
            for told in readings(&units, over, restart_every) {
                let written = serde_json::to_writer(&mut to, &told).map_err(std::io::Error::from);
                // A reader that has gone wants no more of it.
                if written.and_then(|()| to.write_all(b"\n")).is_err() {
                    return Ok(());
                }
            }
            drop(to.flush());
            Ok(())
        }
    }
}

/// A line of the file as it is written.
#[derive(Deserialize)]
struct Written {
    arm: Arm,
    failed: bool,
    /// In percent.
    weight: f64,
    #[serde(default)]
    id: Option<Id>,
    #[serde(default)]
    latency_ms: Option<f64>,
}

#[derive(Deserialize, PartialEq, Eq, Hash)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(i64),
}

/// One line: a unit, or again the unit of an earlier line.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Line {
    Unit(Unit),
    Again,
}

#[derive(Debug)]
enum Refused {
    Unreadable(std::io::Error),
    Line { line: usize, why: Why },
}

#[derive(Debug)]
enum Why {
    /// No JSON, or not of this form.
    Form(serde_json::Error),
    Weight(f64),
    Latency(f64),
    /// A unit that was in `line` already, and otherwise.
    Otherwise {
        line: usize,
    },
}

/// Every unit of the file, in its order; lines that are blank are none.
fn read(mut from: impl BufRead) -> Result<Vec<Line>, Refused> {
    let mut lines = Vec::new();
    let mut seen: HashMap<Id, (usize, Unit)> = HashMap::new();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        if from.read_until(b'\n', &mut bytes).map_err(Refused::Unreadable)? == 0 {
            break;
        }
        let text = bytes.trim_ascii();
        let text = if line == 1 {
            text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
        } else {
            text
        };
        if text.is_empty() {
            continue;
        }
        let refused = |why| Refused::Line { line, why };
        let written: Written = serde_json::from_slice(text).map_err(|e| refused(Why::Form(e)))?;
        let unit = unit(&written).map_err(refused)?;
        // A call counts once, however often it is delivered.
        let earlier = written.id.as_ref().and_then(|id| seen.get(id).copied());
        match (earlier, written.id) {
            (Some((_, same)), _) if same == unit => lines.push(Line::Again),
            (Some((earlier, _)), _) => return Err(refused(Why::Otherwise { line: earlier })),
            (None, id) => {
                lines.push(Line::Unit(unit));
                seen.extend(id.map(|id| (id, (line, unit))));
            }
        }
    }
    Ok(lines)
}

fn unit(written: &Written) -> Result<Unit, Why> {
    if !(0.0..=100.0).contains(&written.weight) {
        return Err(Why::Weight(written.weight));
    }
    match written.latency_ms {
        Some(latency) if latency < 0.0 => return Err(Why::Latency(latency)),
        Some(_) | None => {}
    }
    Ok(Unit {
        arm: written.arm,
        bad: written.failed,
        weight: written.weight / 100.0,
    })
}

fn told(why: &Why, words: &Words) -> String {
    match why {
        Why::Form(error) => told_form(error, words, "judge-form"),
        Why::Weight(weight) => words.say("judge-weight", &[("weight", weight.to_string())]),
        Why::Latency(latency) => words.say("judge-latency", &[("latency", latency.to_string())]),
        Why::Otherwise { line } => words.say("judge-otherwise", &[("earlier", line.to_string())]),
    }
}

/// A line that cannot be parsed; `key` says how one is written.
pub(crate) fn told_form(error: &serde_json::Error, words: &Words, key: &str) -> String {
    // The parser sees one line at a time, so its "line 1" would be another one than ours.
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default().to_owned();
    let column = error.column().to_string();
    words.say(key, &[("column", column), ("why", text)])
}

/// What is printed of a unit.
#[derive(Debug, Serialize)]
struct Reading {
    n: u64,
    canary_n: u64,
    log10_t: f64,
    log10_r: f64,
    log10_o: f64,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// The canary exceeds the limit, and so does stable.
    CommonIncident,
    Rollback,
    Alert,
    Hold,
}

fn readings(lines: &[Line], mut over: Over, every: Option<NonZeroU32>) -> impl Iterator<Item = Reading> {
    let mut versus = Versus::new(Prior::default(), Restart { every });
    let bounds = Bounds::for_gates(ALPHA_ALERT).ok();
    let mut whole = false;
    lines.iter().map(move |line| {
        if let Line::Unit(unit) = line {
            versus.take(unit);
            if unit.arm == Arm::Canary {
                over.take(unit.bad);
            }
            whole = unit.weight >= 1.0;
        }
        let counts = versus.counts();
        let log10 = |ln: f64| ln / std::f64::consts::LN_10;
        let (t, r, o) = (log10(versus.ln_t()), log10(versus.ln_r()), log10(over.ln_o()));
        let stable_is_bad =
            bounds.is_some_and(|bounds| bounds.above(counts.stable_bad, counts.stable_total, over.p0()));
        Reading {
            n: counts.units(),
            canary_n: counts.canary_total,
            log10_t: t,
            log10_r: r,
            log10_o: o,
            verdict: verdict(t, r, o, stable_is_bad, whole),
        }
    })
}

/// The table's rows in their order. `whole` is a weight of 100 %, where T and R say nothing and O stands in.
fn verdict(t: f64, r: f64, o: f64, stable_is_bad: bool, whole: bool) -> Verdict {
    let rollback = -ALPHA_ROLLBACK.log10();
    let alert = -ALPHA_ALERT.log10();
    // O speaks against the canary only where stable keeps the limit.
    let against = if stable_is_bad { 0.0 } else { o };
    if o >= rollback && stable_is_bad && t < alert && r < alert {
        Verdict::CommonIncident
    } else if !stable_is_bad && (r >= rollback || (whole && against >= rollback)) {
        Verdict::Rollback
    } else if r >= alert || against >= alert {
        Verdict::Alert
    } else {
        Verdict::Hold
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &[u8]) -> Result<Vec<Reading>, Refused> {
        let lines = read(text)?;
        Ok(readings(&lines, Over::new(0.05).unwrap(), None).collect())
    }

    #[test]
    fn a_call_that_is_delivered_twice_counts_once() {
        let twice = br#"{"arm":"canary","failed":true,"weight":5.0,"id":"a"}
{"arm":"canary","failed":true,"weight":5,"id":"a","at":"2026-11-22T08:00:00Z"}
{"arm":"canary","failed":true,"weight":5,"id":7}
"#;
        let readings = all(twice).unwrap();
        assert_eq!(readings.iter().map(|r| r.n).collect::<Vec<_>>(), [1, 1, 2]);
        assert_eq!(readings[0].log10_r, readings[1].log10_r);
        let otherwise = br#"{"arm":"canary","failed":true,"weight":5.0,"id":"a"}

{"arm":"stable","failed":true,"weight":5,"id":"a"}"#;
        let Err(Refused::Line {
            line: 3,
            why: Why::Otherwise { line: 1 },
        }) = all(otherwise)
        else {
            panic!("another outcome of the same call is refused");
        };
    }

    #[test]
    fn what_needs_no_plan_is_told_by_the_table() {
        assert_eq!(verdict(0.1, 0.2, 2.5, true, false), Verdict::CommonIncident);
        assert_eq!(verdict(2.5, 2.1, 2.5, false, false), Verdict::Rollback);
        assert_eq!(verdict(2.5, 2.1, 2.5, true, false), Verdict::Alert);
        assert_eq!(verdict(0.0, 0.0, 2.5, false, true), Verdict::Rollback);
        assert_eq!(verdict(0.0, 0.0, 2.5, false, false), Verdict::Alert);
        assert_eq!(verdict(1.4, 1.4, 0.0, false, false), Verdict::Alert);
        assert_eq!(verdict(1.2, 1.2, 1.2, false, false), Verdict::Hold);
    }

    /// Lines that are nearly right: each part may be spoiled.
    fn line() -> impl Strategy<Value = String> {
        let arm = prop_oneof![8 => Just("\"canary\""), 8 => Just("\"stable\""), 1 => Just("\"new\""), 1 => Just("3")];
        let failed = prop_oneof![8 => Just("true"), 8 => Just("false"), 1 => Just("null"), 1 => Just("\"yes\"")];
        let weight = prop_oneof![
            8 => (0.0f64..=100.0).prop_map(|w| w.to_string()),
            2 => prop_oneof![Just("0"), Just("100"), Just("5e-324"), Just("99.999999999999999")].prop_map(str::to_owned),
            1 => prop_oneof![Just("-1"), Just("100.1"), Just("1e999"), Just("NaN"), Just("\"5\"")].prop_map(str::to_owned),
        ];
        let more = prop_oneof![
            6 => Just(""),
            1 => Just(",\"id\":\"a\""),
            1 => Just(",\"latency_ms\":-4"),
            1 => Just(",\"tenant\":[{}]}"),
            1 => Just(",\"arm\":\"stable\""),
        ];
        let made = (arm, failed, weight, more).prop_map(|(arm, failed, weight, more)| {
            format!("{{\"arm\":{arm},\"failed\":{failed},\"weight\":{weight}{more}}}")
        });
        prop_oneof![20 => made, 1 => any::<String>(), 1 => Just(String::new()), 1 => Just("[".repeat(5_000))]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_read_gives_numbers_or_a_line(lines in proptest::collection::vec(line(), 0..12)) {
            let text = lines.join("\n");
            match all(text.as_bytes()) {
                Ok(readings) => {
                    for reading in &readings {
                        prop_assert!([reading.log10_t, reading.log10_r, reading.log10_o].iter().all(|e| e.is_finite()));
                    }
                    prop_assert_eq!(readings.len(), text.split('\n').filter(|line| !line.trim_ascii().is_empty()).count());
                }
                Err(Refused::Line { line, .. }) => {
                    // The first line that cannot be read by itself, or one that contradicts an earlier one.
                    let before = text.split('\n').take(line - 1).collect::<Vec<_>>().join("\n");
                    prop_assert!(all(before.as_bytes()).is_ok(), "line {} of {}", line, text);
                    prop_assert!(line <= text.split('\n').count());
                }
                Err(Refused::Unreadable(why)) => prop_assert!(false, "{}", why),
            }
        }

        #[test]
        fn bytes_that_are_no_text_too(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Err(Refused::Line { line, .. }) = all(&bytes) {
                prop_assert!((1..=bytes.split(|b| *b == b'\n').count()).contains(&line));
            }
        }
    }
}
