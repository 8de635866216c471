//! The plan's own Prometheus signals, read again as they were.
//!
//! The adapter of a rollout reads them, by the same selectors and meters, half an hour at a time; each sample is heard when
//! the plan's rhythm would have brought it. What is missing of a signal is missing here as it would have been in a rollout.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use timonel_domain::backtest::{Backtest, Standing};
use timonel_domain::sample::Sample;
use timonel_domain::time::Timestamp;
use timonel_domain::value::SignalId;
use timonel_http::{Client, Limits};
use timonel_plan::Parsed;
use timonel_plan::model::SourceKind;
use timonel_ports::clock::SharedClock;
use timonel_ports::signal::{Reading, SignalError};
use timonel_prometheus::{Endpoint, Past, Timing};

use super::{Feed, LONGEST, Missing, Tried, feeds};
use crate::BridgeError;
use crate::connect::signal_specs;

/// What one question may take and bring: half an hour of raw samples of every series of a counter.
const LIMITS: Limits = Limits {
    deadline: Duration::from_secs(60),
    body: 64 * 1024 * 1024,
};

/// What is asked of which Prometheus.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Its address, without `/api/v1`; in place of every Prometheus of the plan.
    pub url: String,
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub to: Timestamp,
    /// Where the rollout is assumed to have stood.
    pub standing: Standing,
}

/// Why the past cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// It ends before it begins.
    #[error("the past from {from} to {to} is empty: --from has to come before --to")]
    Empty {
        /// The first moment.
        from: Timestamp,
        /// The last moment.
        to: Timestamp,
    },
    /// It has not passed yet.
    #[error("{to} has not passed yet: choose an earlier --to")]
    Ahead {
        /// The last moment.
        to: Timestamp,
    },
    /// More than is tried at once.
    #[error("that is more than 31 days: try it in pieces")]
    TooLong,
    /// The plan reads nothing from a Prometheus.
    #[error("the plan has no source of kind `prometheus`: use --outcomes with a file of finished calls")]
    NoSource,
    /// It cannot be asked at all.
    #[error("{0}")]
    Connect(#[from] BridgeError),
    /// It does not answer, or not as one.
    #[error("{0}")]
    Source(#[from] SignalError),
}

/// A source of the plan under way through the past.
struct Way {
    past: Past,
    every: Duration,
    /// Read so far.
    until: Timestamp,
    end: Timestamp,
    spans: u64,
}

/// Tries a plan on what a Prometheus kept.
pub async fn of_prometheus(plan: &Parsed, asking: &Asking, clock: &SharedClock) -> Result<Tried, PastError> {
    let &Asking { from, to, standing, .. } = asking;
    if from >= to {
        return Err(PastError::Empty { from, to });
    }
    if to > clock.now() {
        return Err(PastError::Ahead { to });
    }
    if to.since(from) > LONGEST {
        return Err(PastError::TooLong);
    }
    let (mut ways, fed) = ways(plan, asking, clock)?;
    for way in &ways {
        way.past.preflight().await?;
        way.past.begin(from).await;
    }
    let mut told = Told {
        feeds: feeds(&plan.plan),
        silent: BTreeMap::new(),
    };
    let mut backtest = Backtest::new(&plan.plan, &fed, standing, from);
    let mut coming: BTreeMap<Timestamp, Vec<Sample>> = BTreeMap::new();
    // The source that is least far goes on, so that no more than a span of each waits for the others.
    while let Some(way) = ways
        .iter_mut()
        .filter(|way| way.until < way.end)
        .min_by_key(|way| way.until)
    {
        let (since, until) = (way.until, (way.until + way.past.span()).min(way.end));
        for reading in way.past.read(since, until).await {
            for sample in told.hear(reading) {
                coming.entry(way.heard(from, sample.as_of)).or_default().push(sample);
            }
        }
        way.until = until;
        way.spans += 1;
        let reached = ways
            .iter()
            .map(|way| if way.until < way.end { way.until } else { to })
            .min()
            .unwrap_or(to);
        let later = coming.split_off(&(reached + Duration::from_micros(1)));
        for (at, samples) in std::mem::replace(&mut coming, later) {
            backtest.hears(at, &samples);
        }
    }
    let spans = |signal: &SignalId| {
        let config = plan.signals.iter().find(|config| config.id == *signal);
        let source = config.and_then(|config| plan.sources.iter().position(|source| source.name == config.source));
        let among = plan
            .sources
            .iter()
            .enumerate()
            .filter(|(_, source)| source.kind == SourceKind::Prometheus);
        let nth = among.map(|(index, _)| index).position(|index| Some(index) == source);
        nth.and_then(|nth| ways.get(nth)).map(|way| way.spans)
    };
    Ok(Tried {
        feeds: told.done(spans),
        report: backtest.ends(to),
        standings: vec![(from, standing)],
    })
}

/// Every Prometheus of the plan, and the signals that it serves.
fn ways(plan: &Parsed, asking: &Asking, clock: &SharedClock) -> Result<(Vec<Way>, BTreeSet<SignalId>), PastError> {
    let failed = |error: &dyn std::fmt::Display| {
        PastError::Connect(BridgeError::Connect {
            what: "Prometheus".to_owned(),
            why: error.to_string(),
        })
    };
    let http = Client::new(clock.clone(), LIMITS).map_err(|error| failed(&error))?;
    let endpoint = Endpoint::new(&asking.url).map_err(|error| failed(&error))?;
    let (mut ways, mut fed) = (Vec::new(), BTreeSet::new());
    for source in plan
        .sources
        .iter()
        .filter(|source| source.kind == SourceKind::Prometheus)
    {
        let mut specs = Vec::new();
        for signal in plan.signals.iter().filter(|signal| signal.source == source.name) {
            specs.extend(signal_specs(signal)?);
            fed.insert(signal.id.clone());
        }
        let every = source.interval;
        let timing = Timing {
            interval: every,
            gap: every * 10,
        };
        let past = Past::new(http.clone(), endpoint.clone(), timing, specs).map_err(|error| failed(&error))?;
        let readings = asking.to.since(asking.from).as_micros() / every.as_micros().max(1);
        let end = asking.from + every * u32::try_from(readings).unwrap_or(u32::MAX);
        ways.push(Way {
            past,
            every,
            until: asking.from,
            end,
            spans: 0,
        });
    }
    if fed.is_empty() {
        return Err(PastError::NoSource);
    }
    Ok((ways, fed))
}

impl Way {
    /// The first reading at or after `as_of`.
    fn heard(&self, from: Timestamp, as_of: Timestamp) -> Timestamp {
        let (passed, every) = (as_of.since(from).as_micros(), self.every.as_micros().max(1));
        from + self.every * u32::try_from(passed.div_ceil(every)).unwrap_or(u32::MAX)
    }
}

/// What was read of each signal, and what was not.
struct Told {
    feeds: Vec<Feed>,
    /// Spans without a reading, and why the first time; by the place in `feeds`.
    silent: BTreeMap<usize, (u64, String)>,
}

impl Told {
    fn hear(&mut self, reading: Reading) -> Vec<Sample> {
        let place = self
            .feeds
            .iter()
            .position(|feed| feed.signal == reading.signal && feed.side == reading.side);
        let Some(place) = place else { return Vec::new() };
        match reading.outcome {
            Ok(samples) => {
                let feed = &mut self.feeds[place];
                feed.readings += samples.len() as u64;
                feed.units += samples.iter().filter_map(|sample| sample.value.units()).sum::<u64>();
                samples
            }
            Err(error) => {
                let (spans, _) = self.silent.entry(place).or_insert_with(|| (0, error.to_string()));
                *spans += 1;
                Vec::new()
            }
        }
    }

    fn done(mut self, spans: impl Fn(&SignalId) -> Option<u64>) -> Vec<Feed> {
        for (place, feed) in self.feeds.iter_mut().enumerate() {
            feed.missing = match (spans(&feed.signal), self.silent.remove(&place)) {
                (None, _) => Some(Missing::Elsewhere),
                (Some(of), Some((spans, why))) => Some(Missing::Spans { spans, of, why }),
                (Some(_), None) => None,
            };
        }
        self.feeds
    }
}
