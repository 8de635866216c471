//! What Prometheus has scraped: every series with its samples, and the staleness markers where it was gone.
//!
//! The scrape honours the labels that the target exposes. Series never come or go in the world, only with the endpoint.

use std::fmt::Write;

use timonel_plan::scenario::Gone;

use super::exposition::{Braces, kind_text};
use super::number;
use crate::world::{Kind, Visitor, World};

/// Time between two scrapes, in milliseconds.
pub const SCRAPE_MILLIS: i64 = 15_000;
/// Scrapes are at this offset from whole intervals of wall time: a real Prometheus spreads its targets like this.
pub const OFFSET_MILLIS: i64 = 3_217;
/// Older samples are dropped where nobody says otherwise; a gate of the plan looks back 72 hours at most.
const KEPT_MILLIS: i64 = 100 * 3_600_000;

const JOB: &str = "casos";
const INSTANCE: &str = "casos:8080";

/// Sorted by name; the metric's own name is `__name__`.
pub(super) type Labels = Vec<(String, String)>;

/// A sample; no value is a staleness marker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// Milliseconds of wall time.
    pub(super) at: i64,
    pub(super) value: Option<f64>,
}

#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    /// Ascending in time.
    pub(super) points: Vec<Point>,
}

impl Series {
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels
            .iter()
            .find(|(n, _)| n == name)
            .map_or("", |(_, value)| value)
    }
}

/// All series, sorted by their labels.
#[derive(Debug)]
pub(super) struct Samples {
    series: Vec<Series>,
    /// Where each sample of the world's walk belongs.
    places: Vec<Place>,
    /// `up` of the target itself.
    up: usize,
    families: Vec<(&'static str, Kind)>,
    /// Older samples are dropped, in milliseconds.
    kept: i64,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// A series of the target.
    Own(usize),
    /// `up` of another target: not lost with this one's endpoint.
    Other(usize),
    /// `up` as the target tells it: Prometheus writes its own.
    Skipped,
}

impl Samples {
    pub(super) fn new(world: &World) -> Self {
        let mut names = Names::default();
        world.visit(&mut names);
        let own_up = labels("up", &[("job", JOB), ("instance", INSTANCE)]);
        let is_own_up = |name: &str, given: &[(&str, &str)]| name == "up" && given.contains(&("job", JOB));
        let mut all: Vec<Labels> = vec![own_up.clone()];
        let mut walked = Vec::new();
        for (name, given) in &names.samples {
            let full = if name == "up" {
                labels(name, given)
            } else {
                with_target(labels(name, given))
            };
            if !is_own_up(name, given) {
                all.push(full.clone());
            }
            walked.push(full);
        }
        all.sort();
        let place = |labels: &Labels| all.binary_search(labels).ok();
        let places = names
            .samples
            .iter()
            .zip(&walked)
            .map(|((name, given), full)| match place(full) {
                Some(at) if name == "up" => Place::Other(at),
                Some(at) if !is_own_up(name, given) => Place::Own(at),
                Some(_) | None => Place::Skipped,
            });
        Self {
            places: places.collect(),
            up: place(&own_up).unwrap_or_default(),
            series: all
                .into_iter()
                .map(|labels| Series {
                    labels,
                    points: Vec::new(),
                })
                .collect(),
            families: names.families,
            kept: KEPT_MILLIS,
        }
    }

    #[cfg(test)]
    pub(super) fn of(series: Vec<Series>) -> Self {
        Self {
            series,
            places: Vec::new(),
            up: 0,
            families: Vec::new(),
            kept: KEPT_MILLIS,
        }
    }

    /// Drops samples once they are older than `millis`, instead of after [`KEPT_MILLIS`].
    pub(super) fn keep(&mut self, millis: i64) {
        self.kept = millis;
    }

    pub(super) fn series(&self) -> &[Series] {
        &self.series
    }

    /// One scrape at `at` milliseconds of a world that stands there.
    pub(super) fn scrape(&mut self, world: &World, at: i64, endpoint: Option<Gone>) {
        world.visit(&mut Scrape {
            samples: self,
            at,
            endpoint,
            next: 0,
        });
        let up = match endpoint {
            None | Some(Gone::Empty | Gone::Nan) => 1.0,
            Some(Gone::Down) => 0.0,
        };
        self.push(self.up, Point { at, value: Some(up) });
    }

    fn push(&mut self, series: usize, point: Point) {
        let (points, kept) = (&mut self.series[series].points, self.kept);
        // A marker ends what was there; where nothing was there it says nothing.
        if point.value.is_none() && points.last().is_none_or(|last| last.value.is_none()) {
            return;
        }
        // Dropped by the tenth, since dropping moves all that stays.
        if points
            .first()
            .is_some_and(|first| point.at - first.at > kept + kept / 10)
        {
            let old = points.partition_point(|p| p.at < point.at - kept);
            points.drain(..old);
        }
        points.push(point);
    }

    pub(super) fn dump(&self) -> String {
        let mut out = String::new();
        let mut current = "";
        for series in &self.series {
            let name = series.label("__name__");
            let family = self.families.iter().find(|(family, kind)| match kind {
                Kind::Counter | Kind::Gauge => name == *family,
                Kind::Histogram => name
                    .strip_prefix(family)
                    .is_some_and(|rest| matches!(rest, "_bucket" | "_sum" | "_count")),
            });
            // Writing to a string cannot fail.
            if let Some((family, kind)) = family
                && *family != current
            {
                current = family;
                let _ = writeln!(
                    out,
                    "# TYPE {} {}",
                    family.strip_suffix("_total").unwrap_or(family),
                    kind_text(*kind)
                );
            }
            // The metric's own name is the first of the labels.
            let labels = Braces(&series.labels[1..]).to_string();
            for point in &series.points {
                if let Some(value) = point.value {
                    let _ = writeln!(out, "{name}{labels} {} {}", number::text(value), number::time(point.at));
                }
            }
        }
        out.push_str("# EOF\n");
        out
    }
}

fn labels(name: &str, given: &[(&str, &str)]) -> Labels {
    let mut labels: Labels = given
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    labels.push(("__name__".to_owned(), name.to_owned()));
    labels.sort();
    labels
}

/// With the target's own labels, where the target does not say otherwise.
fn with_target(mut labels: Labels) -> Labels {
    for (name, value) in [("job", JOB), ("instance", INSTANCE)] {
        if !labels.iter().any(|(n, _)| n == name) {
            labels.push((name.to_owned(), value.to_owned()));
        }
    }
    labels.sort();
    labels
}

#[derive(Default)]
struct Names {
    family: &'static str,
    families: Vec<(&'static str, Kind)>,
    samples: Vec<(String, Vec<(&'static str, &'static str)>)>,
}

impl Visitor for Names {
    fn family(&mut self, name: &'static str, kind: Kind, _help: &'static str) {
        self.family = name;
        self.families.push((name, kind));
    }

    fn sample(&mut self, suffix: &'static str, labels: &[(&'static str, &'static str)], _value: f64) {
        self.samples.push((format!("{}{suffix}", self.family), labels.to_vec()));
    }
}

struct Scrape<'a> {
    samples: &'a mut Samples,
    at: i64,
    endpoint: Option<Gone>,
    next: usize,
}

impl Visitor for Scrape<'_> {
    fn family(&mut self, _name: &'static str, _kind: Kind, _help: &'static str) {}

    fn sample(&mut self, _suffix: &'static str, _labels: &[(&'static str, &'static str)], value: f64) {
        let place = self.samples.places[self.next];
        self.next += 1;
        let (series, value) = match (place, self.endpoint) {
            (Place::Own(series), None) | (Place::Other(series), _) => (series, Some(value)),
            (Place::Own(series), Some(Gone::Nan)) => (series, Some(f64::NAN)),
            (Place::Own(series), Some(Gone::Empty | Gone::Down)) => (series, None),
            (Place::Skipped, _) => return,
        };
        self.samples.push(series, Point { at: self.at, value });
    }
}
