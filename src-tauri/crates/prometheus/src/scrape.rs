//! A program's own `/metrics` as a source: one GET serves all its signals.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use timonel_domain::sample::{Sample, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::Quantity;
use timonel_http::{Client, HeaderValue, header};
use timonel_ports::signal::{Reading, SignalError, Source, SourceDescription};

use crate::counters::Point;
use crate::endpoint::{Endpoint, Timing, ask, not_ahead, success};
use crate::error::Error;
use crate::exposition::{Exposition, Format, Parser};
use crate::meter::{Measured, Meter, Step};
use crate::selector::Selector;
use crate::signal::SignalSpec;

/// A program that is scraped. What its counters stood at is kept from one reading to the next.
#[derive(Debug)]
pub struct Scrape {
    http: Client,
    endpoint: Endpoint,
    parser: Mutex<Parser>,
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
    Level {
        selector: Selector,
        as_of: Option<Timestamp>,
    },
}

impl Scrape {
    /// A source that reads `endpoint`, the whole address of the metrics. Errors: a level that is no plain selector, a
    /// distribution that names no buckets.
    pub fn new(http: Client, endpoint: Endpoint, timing: Timing, signals: Vec<SignalSpec>) -> Result<Self, Error> {
        let signals = signals
            .into_iter()
            .map(|spec| {
                let state = match Measured::new(&spec.measure, timing.gap)? {
                    Measured::Counted(meter) => State::Counted(meter),
                    Measured::Level(expr) => State::Level {
                        selector: expr.parse()?,
                        as_of: None,
                    },
                };
                Ok(Signal {
                    spec,
                    state: Mutex::new(state),
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            http,
            endpoint,
            parser: Mutex::default(),
            signals,
        })
    }

    /// The exposition and our time when it was asked for, which is what Prometheus takes as a scrape's time as well.
    async fn fetch(&self) -> Result<(Exposition, Timestamp), Error> {
        let request = self.endpoint.get("")?.header(
            header::ACCEPT,
            HeaderValue::from_static("text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5"),
        );
        let answer = ask(&self.http, request).await?;
        success(&answer)?;
        if answer.is_html() {
            return Err(Error::Form {
                why: format!("it is a page for browsers: {}", answer.excerpt()),
            });
        }
        let kind = answer
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let mut parser = self.parser.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((parser.parse(Format::of(kind), &answer.body)?, answer.sent_at))
    }
}

#[async_trait]
impl Source for Scrape {
    fn describe(&self) -> SourceDescription {
        SourceDescription {
            kind: "scrape",
            place: self.endpoint.place(),
            serves: self
                .signals
                .iter()
                .map(|signal| (signal.spec.id.clone(), signal.spec.side))
                .collect(),
        }
    }

    async fn read(&self) -> Vec<Reading> {
        let place = self.endpoint.place();
        let fetched = self.fetch().await;
        self.signals
            .iter()
            .map(|signal| {
                let outcome = match &fetched {
                    Ok((exposition, now)) => signal.take(exposition, *now, &place).map(|sample| vec![sample]),
                    Err(error) => Err(error.at(&place)),
                };
                Reading {
                    signal: signal.spec.id.clone(),
                    side: signal.spec.side,
                    outcome,
                }
            })
            .collect()
    }
}

impl Signal {
    fn take(&self, exposition: &Exposition, now: Timestamp, place: &str) -> Result<Sample, SignalError> {
        // Never held across an await, and no code under it panics; a poisoned state is still a state.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (as_of, value) = match &mut *state {
            State::Counted(meter) => {
                let main = points(exposition, meter.main(), now);
                let other = meter
                    .other()
                    .map(|selector| points(exposition, selector, now))
                    .unwrap_or_default();
                let as_of = moment(&main, now, place)?;
                moment(&other, now, place)?;
                (as_of, meter.step(as_of, &main, &other).outcome(place)?)
            }
            State::Level { selector, as_of: last } => {
                let read = points(exposition, selector, now);
                if read.is_empty() {
                    return Err(SignalError::NoData {
                        place: place.to_owned(),
                    });
                }
                let as_of = moment(&read, now, place)?;
                if last.is_some_and(|last| as_of <= last) {
                    return Step::Old.outcome(place).map(|value| self.sample(as_of, value));
                }
                *last = Some(as_of);
                let level = Quantity::from_f64(read.iter().map(|point| point.value).sum());
                (
                    as_of,
                    Value::Level(level.ok_or_else(|| SignalError::NotANumber {
                        place: place.to_owned(),
                    })?),
                )
            }
        };
        Ok(self.sample(as_of, value))
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

/// The series of a selector; without a time of their own they are of `now`.
fn points(exposition: &Exposition, selector: &Selector, now: Timestamp) -> Vec<Point> {
    exposition
        .series()
        .filter(|series| selector.matches(&series.name, &series.labels))
        .map(|series| Point {
            labels: series.labels.clone(),
            value: series.value,
            at: series.at.unwrap_or(now),
            born: series.born,
        })
        .collect()
}

/// The moment of a reading: the newest of its points, `now` where there are none.
fn moment(points: &[Point], now: Timestamp, place: &str) -> Result<Timestamp, SignalError> {
    let at = points.iter().map(|point| point.at).max().unwrap_or(now);
    not_ahead(at, now).map_err(|error| error.at(place))?;
    Ok(at)
}
