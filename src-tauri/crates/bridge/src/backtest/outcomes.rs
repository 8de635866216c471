//! A file of finished calls, one JSON object a line, as the readings that counters would have given.
//!
//! Lines may stand in any order: only sums are kept, of each side of each signal for each of its intervals, so memory
//! grows with the time that the file spans and with the ids that it names, not with its lines. A call that is delivered
//! again counts once. The first line that cannot be read refuses the file.
//!
//! Deliberately not here: when such a reading would have been late, which a file cannot tell.

mod series;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, Read};

use serde::Deserialize;
use timonel_domain::backtest::{Backtest, Standing};
use timonel_domain::plan::Plan;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, SignalId, Weight};
use timonel_inbox::{BadCall, Call};
use timonel_plan::Parsed;

use self::series::Series;
use super::{LONGEST, Missing, Tried, feeds};

/// Bytes that a line may have.
const LONGEST_LINE: u64 = 64 * 1024;
/// Calls with an id that a file may have: what is kept of them to know one again takes some 20 bytes each.
const MOST_IDS: usize = 20_000_000;

/// A line of the file as it is written: what `judge replay` reads, with the time, and what else a call may tell.
#[derive(Deserialize)]
struct Written {
    arm: Arm,
    failed: bool,
    /// In percent.
    weight: f64,
    /// When the call ended.
    at: Timestamp,
    #[serde(default)]
    id: Option<Id>,
    #[serde(default)]
    latency_ms: Option<f64>,
    #[serde(default)]
    duration_ms: Option<f64>,
    #[serde(default)]
    abandoned: Option<bool>,
    #[serde(default)]
    turns: Option<u32>,
    #[serde(default)]
    recognised: Option<u32>,
}

#[derive(Deserialize, Hash)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(i64),
}

/// Why a file of calls cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeError {
    /// It cannot be read.
    #[error("cannot read the file: {0}")]
    Unreadable(#[from] std::io::Error),
    /// A line is not one of a finished call.
    #[error("line {line}: {why}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        why: BadLine,
    },
    /// There is no call in it.
    #[error("there is no call in the file")]
    Empty,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum BadLine {
    /// No JSON, or not of this form.
    #[error("{0}")]
    Form(serde_json::Error),
    /// More bytes than a line may have.
    #[error("it is longer than {LONGEST_LINE} bytes")]
    TooLong,
    /// No percentage.
    #[error("weight is {0}: write a percentage from 0 to 100")]
    Weight(f64),
    /// Its numbers are none.
    #[error("{0}")]
    Call(#[from] BadCall),
    /// The same call as in an earlier line, with another outcome.
    #[error("the same call is in line {earlier} with another outcome")]
    Otherwise {
        /// That line.
        earlier: u32,
    },
    /// Further from the rest than a backtest reaches.
    #[error("{at} is more than 31 days from other calls of the file")]
    Far {
        /// Its time.
        at: Timestamp,
    },
    /// More calls with an id than can be told apart.
    #[error("there are more than {MOST_IDS} calls with an id: split the file by time")]
    TooMany,
}

/// What the calls of one arm were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calls {
    /// All.
    pub total: u64,
    /// Those that failed.
    pub failed: u64,
}

/// A file of finished calls, summed up for a plan.
#[derive(Debug)]
pub struct Outcomes {
    series: Vec<Series>,
    unfed: BTreeMap<SignalId, Missing>,
    /// Every weight above zero, and the first call under it.
    weights: BTreeMap<Weight, Timestamp>,
    from: Timestamp,
    to: Timestamp,
    /// Stable's calls.
    pub stable: Calls,
    /// The canary's.
    pub canary: Calls,
    /// Lines that told of a call again.
    pub again: u64,
}

impl Outcomes {
    /// Reads a file to its end.
    pub fn read(from: impl BufRead, plan: &Parsed) -> Result<Self, OutcomeError> {
        let mut reader = Reader::new(plan);
        let mut from = from;
        let mut bytes = Vec::new();
        for line in 1.. {
            bytes.clear();
            if from.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            reader
                .take(line, &bytes)
                .map_err(|why| OutcomeError::Line { line, why })?;
        }
        reader.done()
    }

    /// Tries the plan: where `standing` says, else in the phase of the highest weight that the calls have had so far.
    pub fn tried(&self, plan: &Plan, standing: Option<Standing>) -> Tried {
        let standings = match standing {
            Some(standing) => vec![(self.from, standing)],
            None => self.standings(plan),
        };
        let fed: BTreeSet<SignalId> = self.series.iter().map(|series| series.signal.clone()).collect();
        let mut backtest = Backtest::new(plan, &fed, standings[0].1, self.from);
        let mut ahead = standings[1..].iter().peekable();
        let mut feeds = feeds(plan);
        let mut ends: Vec<_> = self.series.iter().map(|series| series.first_end(self.from)).collect();
        while let Some(at) = ends.iter().copied().min().filter(|at| *at <= self.to) {
            let mut samples = Vec::new();
            for (series, end) in self.series.iter().zip(&mut ends).filter(|(_, end)| **end == at) {
                samples.extend(series.samples(at));
                *end = at + series.interval;
            }
            while let Some((since, standing)) = ahead.next_if(|(since, _)| *since < at) {
                backtest.moves(*since, *standing);
            }
            for sample in &samples {
                let of_it = |feed: &&mut super::Feed| feed.signal == sample.signal && feed.side == sample.side;
                if let Some(feed) = feeds.iter_mut().find(of_it) {
                    feed.readings += 1;
                    feed.units += sample.value.units().unwrap_or_default();
                }
            }
            backtest.hears(at, &samples);
        }
        for feed in &mut feeds {
            feed.missing = self.unfed.get(&feed.signal).cloned();
        }
        Tried {
            report: backtest.ends(self.to),
            standings,
            feeds,
        }
    }

    /// A higher weight than any before is the next phase. A lower one is a call that was assigned before it, or a rollout
    /// that was put back, and says nothing about where a plan would stand.
    fn standings(&self, plan: &Plan) -> Vec<(Timestamp, Standing)> {
        let mut first: Vec<_> = self.weights.iter().map(|(weight, at)| (*at, *weight)).collect();
        first.sort_unstable();
        let mut highest = Weight::ZERO;
        let mut out = Vec::new();
        for (at, weight) in first {
            if weight > highest {
                highest = weight;
                let since = if out.is_empty() { self.from } else { at };
                out.push((since, Standing::at_weight(plan, weight)));
            }
        }
        if out.is_empty() {
            out.push((self.from, Standing::at_weight(plan, Weight::ZERO)));
        }
        out
    }
}

struct Reader {
    series: Vec<Series>,
    unfed: BTreeMap<SignalId, Missing>,
    weights: BTreeMap<Weight, Timestamp>,
    seen: HashMap<u64, (u32, u32)>,
    during: Option<(Timestamp, Timestamp)>,
    stable: Calls,
    canary: Calls,
    again: u64,
}

impl Reader {
    fn new(plan: &Parsed) -> Self {
        let (mut series, mut unfed) = (Vec::new(), BTreeMap::new());
        for config in &plan.signals {
            match Series::of(config, &plan.plan) {
                Some(fed) => series.push(fed),
                None => drop(unfed.insert(config.id.clone(), Missing::NotOfCalls)),
            }
        }
        Self {
            series,
            unfed,
            weights: BTreeMap::new(),
            seen: HashMap::new(),
            during: None,
            stable: Calls::default(),
            canary: Calls::default(),
            again: 0,
        }
    }

    fn take(&mut self, line: usize, bytes: &[u8]) -> Result<(), BadLine> {
        if bytes.len() as u64 > LONGEST_LINE {
            return Err(BadLine::TooLong);
        }
        let text = bytes.trim_ascii();
        let text = if line == 1 {
            text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
        } else {
            text
        };
        if text.is_empty() {
            return Ok(());
        }
        let written: Written = serde_json::from_slice(text).map_err(BadLine::Form)?;
        let (weight, call) = call(&written)?;
        if let Some(id) = &written.id
            && self.knows(id, line, &written)?
        {
            self.again += 1;
            return Ok(());
        }
        let (first, last) = self.during.unwrap_or((call.at, call.at));
        let (first, last) = (first.min(call.at), last.max(call.at));
        if last.since(first) > LONGEST {
            return Err(BadLine::Far { at: call.at });
        }
        self.during = Some((first, last));
        if weight > Weight::ZERO {
            let known = self.weights.entry(weight).or_insert(call.at);
            *known = call.at.min(*known);
        }
        let calls = match call.arm {
            Arm::Stable => &mut self.stable,
            Arm::Canary => &mut self.canary,
        };
        calls.total += 1;
        calls.failed += u64::from(call.failed);
        for series in &mut self.series {
            series.take(&call);
        }
        Ok(())
    }

    /// Whether the call was in an earlier line already. Kept are hashes: two ids of ten million fall together once in
    /// 350,000 files, and then with another outcome, which is refused.
    fn knows(&mut self, id: &Id, line: usize, written: &Written) -> Result<bool, BadLine> {
        let mut name = DefaultHasher::new();
        id.hash(&mut name);
        let mut rest = DefaultHasher::new();
        let bits = |value: Option<f64>| value.map(f64::to_bits);
        let numbers = (
            written.weight.to_bits(),
            bits(written.latency_ms),
            bits(written.duration_ms),
        );
        (Arm::Canary == written.arm, written.failed, written.at, numbers).hash(&mut rest);
        (written.abandoned, written.turns, written.recognised).hash(&mut rest);
        let outcome = rest.finish() as u32;
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        match self.seen.get(&name.finish()) {
            Some((_, same)) if *same == outcome => Ok(true),
            Some((earlier, _)) => Err(BadLine::Otherwise { earlier: *earlier }),
            None if self.seen.len() >= MOST_IDS => Err(BadLine::TooMany),
            None => {
                self.seen.insert(name.finish(), (line, outcome));
                Ok(false)
            }
        }
    }

    fn done(mut self) -> Result<Outcomes, OutcomeError> {
        let (first, last) = self.during.ok_or(OutcomeError::Empty)?;
        let unfed = &mut self.unfed;
        self.series.retain(|series| match series.missing_field() {
            Some(field) => {
                unfed.insert(series.signal.clone(), Missing::NoField(field));
                false
            }
            None => true,
        });
        let starts = self.series.iter().map(|series| series.end_of(first) - series.interval);
        let ends = self.series.iter().map(|series| series.end_of(last));
        Ok(Outcomes {
            from: starts.min().unwrap_or(first),
            to: ends.max().unwrap_or(last),
            series: self.series,
            unfed: self.unfed,
            weights: self.weights,
            stable: self.stable,
            canary: self.canary,
            again: self.again,
        })
    }
}

fn call(written: &Written) -> Result<(Weight, Call), BadLine> {
    // Parts of a hundredth of a percent say nothing about the phase.
    let weight = (written.weight * 100.0).round();
    if !(0.0..=100.0).contains(&written.weight) {
        return Err(BadLine::Weight(written.weight));
    }
    let weight = Weight::from_hundredths(weight as u16).ok_or(BadLine::Weight(written.weight))?;
    let call = Call {
        arm: written.arm,
        at: written.at,
        failed: written.failed,
        abandoned: written.abandoned,
        latency_ms: written.latency_ms,
        duration_ms: written.duration_ms,
        turns: Call::both(written.turns, written.recognised)?,
    };
    Ok((weight, call.checked()?))
}

#[cfg(test)]
mod tests;
