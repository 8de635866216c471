//! The same server asked about the past, a span at a time.
//!
//! Raw samples and the meters that count them are those of the live source; only the moment of the question is another. One
//! question is asked at a time: whoever looks back is in no hurry, and the server has others to serve.

use std::time::Duration;

use timonel_domain::time::Timestamp;
use timonel_http::Client;
use timonel_ports::signal::{Reading, SignalError};

use super::{Counting, Fetched, Prometheus, Question, Signal, selectors};
use crate::endpoint::{Endpoint, Timing};
use crate::error::Error;
use crate::query::Data;
use crate::signal::SignalSpec;

/// So many readings fit into one span: a day at 15 s is asked for in 48 pieces of half an hour.
const READINGS: u32 = 120;

/// A Prometheus as it was read in the past. What its counters stood at is kept from one span to the next.
#[derive(Debug)]
pub struct Past(Prometheus);

impl Past {
    /// As [`Prometheus::new`].
    pub fn new(http: Client, endpoint: Endpoint, timing: Timing, signals: Vec<SignalSpec>) -> Result<Self, Error> {
        Prometheus::new(http, endpoint, timing, signals).map(Self)
    }

    /// Whether the server is there and ready; its version.
    pub async fn preflight(&self) -> Result<String, SignalError> {
        self.0.preflight().await
    }

    /// The longest that one call of [`Past::read`] is to ask for.
    pub fn span(&self) -> Duration {
        self.0.timing.interval * READINGS
    }

    /// How many questions one call of [`Past::read`] asks.
    pub fn questions(&self) -> usize {
        let questions: Vec<_> = self.0.signals.iter().map(Signal::question).collect();
        let levels = questions
            .iter()
            .filter(|one| matches!(one, Question::Level { .. }))
            .count();
        selectors(&questions).len() + levels
    }

    /// What counters stood at when reading begins, at `at`: what came before is compared with and not counted.
    pub async fn begin(&self, at: Timestamp) {
        let span = self.0.timing.gap + self.0.timing.interval * 2;
        let questions = self.asked();
        let fetched = self.fetch(&questions, span, at).await;
        for (signal, question) in self.0.signals.iter().zip(questions) {
            if let Question::Counted { main, other, .. } = question {
                // Its first reading gives no sample; where there is none yet, counting begins with what comes.
                drop(signal.count(&fetched, &main, other.as_ref(), &self.0.place, Counting::FromNow));
            }
        }
    }

    /// What was read after `since` and until `until`, all at once; levels as often as the source is read.
    pub async fn read(&self, since: Timestamp, until: Timestamp) -> Vec<Reading> {
        let questions = self.asked();
        let fetched = self.fetch(&questions, until.since(since), until).await;
        let mut readings = Vec::new();
        for (signal, question) in self.0.signals.iter().zip(questions) {
            let outcome = match question {
                Question::Counted { main, other, .. } => {
                    signal.count(&fetched, &main, other.as_ref(), &self.0.place, Counting::All)
                }
                Question::Level { expr, .. } => match self.levels(&expr, since, until).await {
                    Ok(values) => signal.levels(values, &self.0.place),
                    Err(error) => Err(error),
                },
            };
            readings.push(Reading {
                signal: signal.spec.id.clone(),
                side: signal.spec.side,
                outcome,
            });
        }
        readings
    }

    fn asked(&self) -> Vec<Question> {
        self.0.signals.iter().map(Signal::question).collect()
    }

    async fn fetch(&self, questions: &[Question], span: Duration, at: Timestamp) -> Fetched {
        let mut fetched = Fetched::new();
        for name in selectors(questions) {
            let tracks = self
                .0
                .tracks(&format!("{name}[{}ms]", span.as_millis()), Some(at))
                .await;
            fetched.insert(name, tracks);
        }
        fetched
    }

    async fn levels(
        &self,
        expr: &str,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, f64)>, SignalError> {
        let every = self.0.timing.interval;
        let answer = self.0.api.range(expr, since + every, until, every).await;
        match answer.map_err(|error| error.at(&self.0.place))?.data {
            Data::Matrix(tracks) if tracks.len() > 1 => Err(self.0.several(expr)),
            Data::Matrix(tracks) => Ok(tracks.into_iter().flat_map(|track| track.values).collect()),
            Data::Vector(_) | Data::Scalar { .. } => Err(SignalError::Garbled {
                place: self.0.place.clone(),
                detail: format!("`{expr}` gave no values over a span"),
            }),
        }
    }
}
