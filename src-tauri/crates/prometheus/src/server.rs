//! A Prometheus server as a source.
//!
//! Counted signals are asked for as raw samples (`selector[range]`), so that every scrape of the server gives one sample
//! with the scrape's own time, and a reading that comes late loses nothing. Levels are whatever expression the plan has;
//! their time is that of the evaluation, and what is stale in them is Prometheus's to know (staleness markers, look-back).

mod past;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use timonel_domain::sample::{Sample, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::Quantity;
use timonel_http::Client;
use timonel_ports::signal::{Reading, SignalError, Source, SourceDescription};

pub use past::Past;

use crate::counters::Point;
use crate::endpoint::{Endpoint, Timing};
use crate::error::Error;
use crate::meter::{Measured, Meter, Step};
use crate::query::{Api, Data, Track};
use crate::selector::Selector;
use crate::signal::SignalSpec;

/// A Prometheus that is asked. What its counters stood at is kept from one reading to the next.
#[derive(Debug)]
pub struct Prometheus {
    api: Api,
    http: Client,
    place: String,
    timing: Timing,
    signals: Vec<Signal>,
}

#[derive(Debug)]
struct Signal {
    spec: SignalSpec,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Counted(Meter),
    Level { expr: String, as_of: Option<Timestamp> },
}

/// What has to be asked for one signal.
enum Question {
    Counted {
        main: Selector,
        other: Option<Selector>,
        as_of: Option<Timestamp>,
    },
    Level {
        expr: String,
        as_of: Option<Timestamp>,
    },
}

/// What a first reading counts.
#[derive(Debug, Clone, Copy)]
enum Counting {
    /// Nothing: it is what later ones are compared with.
    FromNow,
    /// What happened between its moments.
    All,
}

type Fetched = BTreeMap<String, Result<Vec<Track>, Error>>;

impl Prometheus {
    /// A source that asks the Prometheus at `endpoint` (without `/api/v1`). Errors: a distribution that names no buckets.
    pub fn new(http: Client, endpoint: Endpoint, timing: Timing, signals: Vec<SignalSpec>) -> Result<Self, Error> {
        let signals = signals
            .into_iter()
            .map(|spec| {
                let state = match Measured::new(&spec.measure, timing.gap)? {
                    Measured::Counted(meter) => State::Counted(meter),
                    Measured::Level(expr) => State::Level { expr, as_of: None },
                };
                Ok(Signal {
                    spec,
                    state: Mutex::new(state),
                })
            })
            .collect::<Result<_, Error>>()?;
        let place = endpoint.place();
        Ok(Self {
            api: Api::new(http.clone(), endpoint),
            http,
            place,
            timing,
            signals,
        })
    }

    /// Whether the server is there and ready; its version.
    pub async fn preflight(&self) -> Result<String, SignalError> {
        self.api.ready().await.map_err(|error| error.at(&self.place))
    }

    /// How far back raw samples are asked for. One span for all signals, so that those that share a counter share a query.
    fn span(&self, questions: &[Question], now: Timestamp) -> Duration {
        let since = |question: &Question| match question {
            Question::Counted { as_of, .. } => Some(as_of.map_or(self.timing.gap, |as_of| now.since(as_of))),
            Question::Level { .. } => None,
        };
        // At first as far as the gap allows: a series seen then is known, and does not count as new when it comes back.
        let longest = questions.iter().filter_map(since).max().unwrap_or_default();
        longest.min(self.timing.gap).saturating_add(self.timing.interval * 2)
    }

    /// Raw samples, as they stood at `at` or now.
    async fn tracks(&self, query: &str, at: Option<Timestamp>) -> Result<Vec<Track>, Error> {
        let answer = match at {
            Some(at) => self.api.instant_at(query, at).await?,
            None => self.api.instant(query).await?,
        };
        match answer.data {
            Data::Matrix(tracks) => Ok(tracks),
            Data::Vector(_) | Data::Scalar { .. } => Err(Error::Form {
                why: format!("`{query}` gave no raw samples"),
            }),
        }
    }

    /// The values of a level since `as_of`, in the order of their times.
    async fn level(
        &self,
        expr: &str,
        as_of: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Vec<(Timestamp, f64)>, SignalError> {
        let Timing { interval, gap } = self.timing;
        let fail = |error: Error| error.at(&self.place);
        let missed = as_of.filter(|last| {
            let away = now.since(*last);
            away > interval.mul_f64(1.5) && away <= gap
        });
        let data = match missed {
            Some(last) => {
                self.api
                    .range(expr, last + interval, now, interval)
                    .await
                    .map_err(fail)?
                    .data
            }
            None => self.api.instant(expr).await.map_err(fail)?.data,
        };
        match data {
            Data::Scalar { at, value } => Ok(vec![(at, value)]),
            Data::Vector(points) if points.len() > 1 => Err(self.several(expr)),
            Data::Vector(points) => Ok(points.into_iter().map(|point| (point.at, point.value)).collect()),
            Data::Matrix(_) if missed.is_none() => Err(SignalError::Refused {
                place: self.place.clone(),
                detail: format!(
                    "`{expr}` is a range, not a level: leave out the brackets, or put avg_over_time() around it"
                ),
            }),
            Data::Matrix(tracks) if tracks.len() > 1 => Err(self.several(expr)),
            Data::Matrix(tracks) => Ok(tracks.into_iter().flat_map(|track| track.values).collect()),
        }
    }

    fn several(&self, expr: &str) -> SignalError {
        SignalError::Garbled {
            place: self.place.clone(),
            detail: format!("`{expr}` gives several values: make it one, with sum(), max() or avg()"),
        }
    }

    async fn reading(&self, signal: &Signal, question: Question, fetched: &Fetched, now: Timestamp) -> Reading {
        let outcome = match question {
            Question::Counted { main, other, .. } => {
                signal.count(fetched, &main, other.as_ref(), &self.place, Counting::FromNow)
            }
            Question::Level { expr, as_of } => match self.level(&expr, as_of, now).await {
                Ok(values) => signal.levels(values, &self.place),
                Err(error) => Err(error),
            },
        };
        Reading {
            signal: signal.spec.id.clone(),
            side: signal.spec.side,
            outcome,
        }
    }

    /// Asks every raw query once.
    async fn fetch(&self, questions: &[Question], now: Timestamp) -> Fetched {
        let span = self.span(questions, now).as_millis();
        let ask = |name: String| async move {
            let tracks = self.tracks(&format!("{name}[{span}ms]"), None).await;
            (name, tracks)
        };
        join_all(selectors(questions).into_iter().map(ask))
            .await
            .into_iter()
            .collect()
    }
}

/// Every selector that the questions need, once.
fn selectors(questions: &[Question]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for question in questions {
        if let Question::Counted { main, other, .. } = question {
            names.insert(main.to_string());
            names.extend(other.as_ref().map(Selector::to_string));
        }
    }
    names
}

#[async_trait]
impl Source for Prometheus {
    fn describe(&self) -> SourceDescription {
        SourceDescription {
            kind: "prometheus",
            place: self.place.clone(),
            serves: self
                .signals
                .iter()
                .map(|signal| (signal.spec.id.clone(), signal.spec.side))
                .collect(),
        }
    }

    async fn read(&self) -> Vec<Reading> {
        let now = self.http.clock().now();
        let questions: Vec<Question> = self.signals.iter().map(Signal::question).collect();
        let fetched = self.fetch(&questions, now).await;
        let pairs = self.signals.iter().zip(questions);
        join_all(pairs.map(|(signal, question)| self.reading(signal, question, &fetched, now))).await
    }
}

impl Signal {
    fn question(&self) -> Question {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Counted(meter) => Question::Counted {
                main: meter.main().clone(),
                other: meter.other().cloned(),
                as_of: meter.as_of(),
            },
            State::Level { expr, as_of } => Question::Level {
                expr: expr.clone(),
                as_of: *as_of,
            },
        }
    }

    fn count(
        &self,
        fetched: &Fetched,
        main: &Selector,
        other: Option<&Selector>,
        place: &str,
        reading: Counting,
    ) -> Result<Vec<Sample>, SignalError> {
        let tracks = |selector: &Selector| match fetched.get(&selector.to_string()) {
            Some(Ok(tracks)) => Ok(tracks.as_slice()),
            Some(Err(error)) => Err(error.at(place)),
            None => Ok(&[][..]),
        };
        let (main, other) = (tracks(main)?, other.map(tracks).transpose()?.unwrap_or_default());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State::Counted(meter) = &mut *state else {
            return Err(SignalError::NoData {
                place: place.to_owned(),
            });
        };

        // Nothing at all is not taken as a reading: here it more likely means that the target was away than that nothing
        // had happened, and a series that then comes back with its whole life must not count as new.
        let mut last = meter.as_of();
        let moments: BTreeSet<Timestamp> = main
            .iter()
            .flat_map(|track| &track.values)
            .map(|(at, _)| *at)
            .filter(|at| Some(*at) > last)
            .collect();
        let moments: Vec<Timestamp> = match (last, reading) {
            // What came before anybody looked is compared with and not counted.
            (None, Counting::FromNow) => moments.last().copied().into_iter().collect(),
            (Some(_), Counting::FromNow) | (_, Counting::All) => moments.into_iter().collect(),
        };

        let mut samples = Vec::new();
        let mut refusal = SignalError::NoData {
            place: place.to_owned(),
        };
        for at in moments {
            let step = meter.step(at, &between(main, last, at), &between(other, last, at));
            last = Some(at);
            match step.outcome(place) {
                Ok(value) => samples.push(self.sample(at, value)),
                Err(error) => refusal = error,
            }
        }
        if samples.is_empty() { Err(refusal) } else { Ok(samples) }
    }

    fn levels(&self, values: Vec<(Timestamp, f64)>, place: &str) -> Result<Vec<Sample>, SignalError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State::Level { as_of, .. } = &mut *state else {
            return Err(SignalError::NoData {
                place: place.to_owned(),
            });
        };
        let mut samples = Vec::new();
        let mut refusal = Step::Absent;
        for (at, value) in values {
            if Some(at) <= *as_of {
                continue;
            }
            *as_of = Some(at);
            match Quantity::from_f64(value) {
                Some(level) => samples.push(self.sample(at, Value::Level(level))),
                None => refusal = Step::NotANumber,
            }
        }
        if !samples.is_empty() {
            return Ok(samples);
        }
        refusal.outcome(place).map(|_| samples)
    }

    fn sample(&self, as_of: Timestamp, value: Value) -> Sample {
        Sample {
            signal: self.spec.id.clone(),
            side: self.spec.side,
            as_of,
            value,
        }
    }
}

/// The points after `last` up to `at`, each series in the order of its times.
fn between(tracks: &[Track], last: Option<Timestamp>, at: Timestamp) -> Vec<Point> {
    let point = |track: &Track, (at, value): (Timestamp, f64)| Point {
        labels: track.labels.clone(),
        value,
        at,
        born: None,
    };
    tracks
        .iter()
        .flat_map(|track| track.values.iter().map(move |timed| point(track, *timed)))
        .filter(|point| Some(point.at) > last && point.at <= at)
        .collect()
}
