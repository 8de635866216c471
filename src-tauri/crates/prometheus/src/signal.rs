//! What is to be measured, as the composition root says it.

use timonel_domain::value::{Side, SignalId};

use crate::selector::Selector;

/// One side of one signal.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalSpec {
    /// Which signal.
    pub id: SignalId,
    /// Whose value.
    pub side: Side,
    /// From what.
    pub measure: Measure,
}

/// From what a signal is measured.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// Two counters. A bad one that does not exist yet counts as none bad, since programs create a series with its first event;
    /// a total that does not exist is no data.
    Ratio {
        /// Counts the bad (or looked-for) units; part of `total`.
        bad: Selector,
        /// Counts all units.
        total: Selector,
    },
    /// A classic histogram.
    Distribution {
        /// Its bucket series, `…_bucket`; the `…_sum` beside it is read too.
        buckets: Selector,
    },
    /// One counter.
    Count {
        /// Counts what happened.
        counter: Selector,
    },
    /// A level: any expression that gives one value, asked of a Prometheus; a plain selector, summed, where a program is scraped.
    Level {
        /// PromQL.
        expr: String,
    },
}
