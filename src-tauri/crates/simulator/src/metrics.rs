//! What can be seen of the world: its `/metrics` text, and a Prometheus that scrapes it and answers queries.
//!
//! [`Observatory`] keeps the two in step: every scrape sees the world exactly as it was at the scrape's own instant, however
//! late somebody asks. Sockets, latency and faults of the way there are `serve`'s business.

pub mod api;
mod exposition;
mod function;
mod number;
mod promql;
mod query;
mod samples;
mod selector;

use std::time::Duration;

use timonel_domain::time::Timestamp;
use timonel_plan::scenario::Gone;

pub(crate) use self::exposition::CONTENT_TYPE;
pub use self::exposition::render;
pub use self::samples::{OFFSET_MILLIS, SCRAPE_MILLIS};

use self::samples::Samples;
use crate::world::World;

/// A world, and the Prometheus that watches it. Everything that happens to the world goes through here.
#[derive(Debug)]
pub struct Observatory {
    world: World,
    samples: Samples,
    /// Milliseconds of wall time.
    next_scrape: i64,
    endpoint: Option<Gone>,
}

impl Observatory {
    /// Prometheus begins to watch the world where it stands.
    pub fn new(world: World) -> Self {
        let now = world.now().micros().div_euclid(1000);
        let late = (now - OFFSET_MILLIS).rem_euclid(SCRAPE_MILLIS);
        let next_scrape = if late == 0 { now } else { now + SCRAPE_MILLIS - late };
        Self {
            samples: Samples::new(&world),
            world,
            next_scrape,
            endpoint: None,
        }
    }

    /// Lets everything happen up to `at`, every scrape that was due by then included.
    pub fn advance_to(&mut self, at: Timestamp) {
        while self.next_scrape.saturating_mul(1000) <= at.micros() {
            self.world.advance_to(Timestamp::from_micros(self.next_scrape * 1000));
            self.samples.scrape(&self.world, self.next_scrape, self.endpoint);
            self.next_scrape += SCRAPE_MILLIS;
        }
        self.world.advance_to(at);
    }

    /// The world as it is at the moment last advanced to.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Changes the world at `at`; what happened before saw nothing of it.
    pub fn change<T>(&mut self, at: Timestamp, change: impl FnOnce(&mut World) -> T) -> T {
        self.advance_to(at);
        change(&mut self.world)
    }

    /// Of what happened, nobody asks about more than the last `span` from now on: older samples and the times of older calls are
    /// dropped, and a world that runs for days needs no more memory than one that runs for hours.
    pub fn keep(&mut self, span: Duration) {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 2);
        self.samples.keep(millis);
        self.world.keep(span);
    }

    /// How the exposition endpoint is gone from `at` on, for Prometheus as for everybody; `None`: it is well.
    pub fn set_endpoint(&mut self, at: Timestamp, gone: Option<Gone>) {
        self.advance_to(at);
        self.endpoint = gone;
    }

    /// The exposition text at the moment last advanced to.
    pub fn exposition(&self) -> String {
        exposition::render(&self.world, self.endpoint == Some(Gone::Nan))
    }

    /// Answers a request of the query API at the moment last advanced to. `form` has the parameters in any order; `distorted`
    /// says how the API itself is gone, where it still answers.
    pub fn answer(&self, path: &str, form: &[(String, String)], distorted: Option<Gone>) -> api::Reply {
        api::answer(&self.samples, self.world.now(), path, form, distorted)
    }

    /// All samples with their times as OpenMetrics text, such as `promtool tsdb create-blocks-from openmetrics` reads it.
    ///
    /// The format has no staleness markers: a series that was gone for a while comes back as if it had only not been scraped.
    pub fn dump_openmetrics(&self) -> String {
        self.samples.dump()
    }
}
