//! Where the share of an arm lies for all that is known of it, at each moment as it was known then: the bounds of the evidence
//! meter, replayed from the samples of each epoch. Deliberately not here: lines, and what is drawn.

use std::collections::BTreeMap;
use std::ops::Range;

use timonel_domain::evidence::Tally;
use timonel_domain::sample::{Sample, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::Side;

/// Bands are smooth: more points nobody sees, and each takes some time to compute.
const POINTS: u32 = 160;

/// A time in which the evidence began anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Era {
    /// Units of readings that began earlier do not count.
    pub since: Timestamp,
    /// When it was over; `None` while it lasts.
    pub until: Option<Timestamp>,
}

/// What a share may be at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BandPoint {
    pub(crate) at: Timestamp,
    /// The least and the most, 0 to 1; `None` where no unit is known.
    pub(crate) bounds: Option<(f64, f64)>,
}

/// What has to be known from before `first`, so that the first points of a band count from the beginning of their era on.
pub(crate) fn before(eras: &[Era], first: Timestamp) -> Option<Range<Timestamp>> {
    let under_way = |era: &&Era| era.since < first && era.until.is_none_or(|until| until > first);
    eras.iter().find(under_way).map(|era| era.since..first)
}

/// The band of one side over the eras, at most so many columns wide; samples in the order of time. Empty for what is no share
/// of one arm's units.
pub(crate) fn band(
    samples: &[Sample],
    side: Side,
    eras: &[Era],
    columns: u32,
    span: &Range<Timestamp>,
) -> Vec<BandPoint> {
    if side == Side::Whole {
        return Vec::new();
    }
    let width = i128::from(columns.clamp(1, POINTS));
    let from = i128::from(span.start.micros());
    let length = (i128::from(span.end.micros()) - from).max(1);
    let mut out = Vec::new();
    for era in eras {
        let begun = |at: Timestamp| at >= era.since && era.until.is_none_or(|until| at < until);
        let mut tally = Tally::default();
        let mut newest = None;
        // The last of each column stands for it.
        let mut kept: BTreeMap<i128, (Timestamp, Tally)> = BTreeMap::new();
        for sample in samples.iter().filter(|s| s.side == side && begun(s.as_of)) {
            let Value::Ratio { since, bad, total } = sample.value else {
                return Vec::new();
            };
            if since < era.since || newest.is_some_and(|newest| sample.as_of <= newest) {
                continue;
            }
            newest = Some(sample.as_of);
            tally.bad = tally.bad.saturating_add(bad.min(total));
            tally.total = tally.total.saturating_add(total);
            if span.start <= sample.as_of && sample.as_of <= span.end {
                let column = (i128::from(sample.as_of.micros()) - from) * width / length;
                kept.insert(column.min(width - 1), (sample.as_of, tally));
            }
        }
        // Nothing is known at its beginning, whatever was before it.
        if span.start <= era.since && era.since <= span.end && !kept.is_empty() {
            out.push(BandPoint {
                at: era.since,
                bounds: None,
            });
        }
        let mut last: Option<(Tally, (f64, f64))> = None;
        for (at, tally) in kept.into_values().filter(|(_, tally)| tally.total > 0) {
            // Most readings of a canary bring no unit.
            let bounds = match last {
                Some((known, bounds)) if known == tally => bounds,
                Some(_) | None => tally.bounds(),
            };
            last = Some((tally, bounds));
            out.push(BandPoint {
                at,
                bounds: Some(bounds),
            });
        }
        if let Some(until) = era.until.filter(|until| last.is_some() && span.contains(until)) {
            out.push(BandPoint {
                at: until,
                bounds: None,
            });
        }
    }
    out
}
