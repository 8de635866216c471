//! Prometheus as a source of signals: its query API ([`Prometheus`]), and a program's `/metrics` read directly ([`Scrape`]).
//! Beside them its [`Alertmanager`], which is told of alerts.
//!
//! Both read *raw counters* and compute what happened between two readings themselves, so that a sample carries counts
//! (bad and total), never a quotient or a rate that somebody else has smoothed. What is missing, stale or not a number is
//! an error, never zero.
//!
//! Deliberately not here: remote write, native histograms, and any judgement of the values.

mod alertmanager;
mod counters;
mod endpoint;
mod error;
mod exposition;
mod histogram;
mod labels;
mod meter;
mod query;
mod scrape;
mod selector;
mod server;
mod signal;

pub use alertmanager::{Alert, Alertmanager};
pub use counters::{Advance, Counters, Increment, Point};
pub use endpoint::{Credential, Endpoint, Timing};
pub use error::Error;
pub use exposition::{Exposition, Family, Format, Kind, Parser, Series, parse};
pub use histogram::{Distribution, merge};
pub use labels::Labels;
pub use query::{Api, Data, Queried, Track};
pub use scrape::Scrape;
pub use selector::Selector;
pub use server::{Past, Prometheus};
pub use signal::{Measure, SignalSpec};
