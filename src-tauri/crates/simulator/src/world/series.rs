//! The series that the world exposes, walked in one fixed order by whoever reads them: the text endpoint and the scrape.
//!
//! One walk is all there is, so that names and values cannot get out of step. How they are written is `metrics`'s business.

use timonel_domain::value::Arm;

use super::World;
use super::arm::Books;
use super::draw::noise;

/// What a family of series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only ever grows.
    Counter,
    /// A level.
    Gauge,
    /// Buckets by upper bound, sum and count.
    Histogram,
}

/// Somebody who is shown every series of the world at one moment.
pub trait Visitor {
    /// A family begins; its samples follow.
    fn family(&mut self, name: &'static str, kind: Kind, help: &'static str);
    /// A sample of the family: its suffix (`_bucket`, `_sum`, `_count` or nothing), its labels, its value.
    fn sample(&mut self, suffix: &'static str, labels: &[(&'static str, &'static str)], value: f64);
}

/// Observations by upper bound.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    bounds: &'static [(&'static str, f64)],
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [(&'static str, f64)]) -> Self {
        Self {
            bounds,
            counts: vec![0; bounds.len()],
            sum: 0.0,
        }
    }

    pub(super) fn observe(&mut self, value: f64) {
        let bucket = self
            .bounds
            .iter()
            .position(|(_, bound)| value <= *bound)
            .unwrap_or(self.bounds.len() - 1);
        self.counts[bucket] += 1;
        self.sum += value;
    }

    fn visit<const N: usize>(&self, visitor: &mut impl Visitor, labels: [(&'static str, &'static str); N]) {
        // At most two labels and `le`; an array keeps the scrape free of allocations.
        let mut with_le = [("", ""); 4];
        with_le[..N].copy_from_slice(&labels);
        let mut below = 0;
        for ((text, _), count) in self.bounds.iter().zip(&self.counts) {
            below += count;
            with_le[N] = ("le", text);
            visitor.sample("_bucket", &with_le[..=N], below as f64);
        }
        visitor.sample("_sum", &labels, self.sum);
        visitor.sample("_count", &labels, below as f64);
    }
}

const ARMS: [(Arm, &str); 2] = [(Arm::Stable, "stable"), (Arm::Canary, "canary")];
/// Connections that the database pool has.
const POOL: f64 = 200.0;
/// Gauges that are noise around a level change their noise this often.
const NOISE_MICROS: i64 = 10_000_000;

type Label = (&'static str, &'static str);
/// The labels of a counter beside `version`, and where its value stands.
type Counter = (&'static [Label], fn(&Books) -> u64);

impl World {
    /// Shows every series as it is at [`World::now`]. Names, labels and order are the same at every moment.
    pub fn visit(&self, to: &mut impl Visitor) {
        self.visit_counters(to);
        self.visit_histograms(to);
        self.visit_gauges(to);
    }

    fn per_arm(&self, to: &mut impl Visitor, name: &'static str, help: &'static str, parts: &[Counter]) {
        to.family(name, Kind::Counter, help);
        for (arm, version) in ARMS {
            for (labels, value) in parts {
                // At most `service`, `version` and one more.
                let mut all = [("version", version); 3];
                all[1..=labels.len()].copy_from_slice(labels);
                let all = &mut all[..=labels.len()];
                // `service` stands first where there is one, as the contract writes it.
                if labels.first().is_some_and(|(name, _)| *name == "service") {
                    all.swap(0, 1);
                }
                to.sample("", all, value(self.books(arm)) as f64);
            }
        }
    }

    fn visit_counters(&self, to: &mut impl Visitor) {
        const SERVICE: Label = ("service", "casos");
        self.per_arm(
            to,
            "http_requests_total",
            "Requests by arm and status.",
            &[
                (&[SERVICE, ("status", "200")], |books| books.requests_ok),
                (&[SERVICE, ("status", "500")], |books| books.requests_failed),
            ],
        );
        self.per_arm(
            to,
            "ivr_calls_assigned_total",
            "Calls assigned to an arm.",
            &[(&[], |books| books.assigned())],
        );
        self.per_arm(
            to,
            "ivr_calls_finished_total",
            "Calls that ended, by how.",
            &[
                (&[("outcome", "ok")], |books| books.calls_ok),
                (&[("outcome", "failed")], |books| books.calls_failed),
                (&[("outcome", "abandoned")], |books| books.calls_abandoned),
            ],
        );
        self.per_arm(
            to,
            "ivr_speech_turns_total",
            "Turns of the caller, by whether they were understood.",
            &[
                (&[("result", "recognised")], |books| books.turns_recognised),
                (&[("result", "missed")], |books| books.turns_missed),
            ],
        );
        self.per_arm(
            to,
            "ivr_critical_errors_total",
            "Errors in data or integrity.",
            &[(&[], |books| books.critical_errors)],
        );
        self.per_arm(
            to,
            "ivr_breaker_opens_total",
            "How often the circuit breaker opened.",
            &[(&[], |books| books.breaker.opens)],
        );
    }

    fn visit_histograms(&self, to: &mut impl Visitor) {
        to.family("http_request_duration_seconds", Kind::Histogram, "Time of a request.");
        for (arm, version) in ARMS {
            self.books(arm)
                .request_time
                .visit(to, [("service", "casos"), ("version", version)]);
        }
        to.family("ivr_call_duration_seconds", Kind::Histogram, "Length of a call.");
        for (arm, version) in ARMS {
            self.books(arm).call_time.visit(to, [("version", version)]);
        }
    }

    fn visit_gauges(&self, to: &mut impl Visitor) {
        let loads = ARMS.map(|(arm, version)| (version, self.books(arm).in_progress as f64));
        to.family("ivr_calls_in_progress", Kind::Gauge, "Calls that have not ended.");
        for (version, load) in loads {
            to.sample("", &[("version", version)], load);
        }
        to.family("process_cpu_ratio", Kind::Gauge, "Share of the processors in use.");
        for (version, load) in loads {
            let busy = 0.12 + 0.5 * load / (load + 120.0) + 0.04 * self.level(1, version);
            to.sample("", &[("service", "casos"), ("version", version)], rounded(busy));
        }
        to.family("process_memory_ratio", Kind::Gauge, "Share of the memory in use.");
        for (version, load) in loads {
            let used = 0.38 + 0.2 * load / (load + 300.0) + 0.01 * self.level(2, version);
            to.sample("", &[("service", "casos"), ("version", version)], rounded(used));
        }
        to.family("kafka_consumergroup_lag", Kind::Gauge, "Messages that wait.");
        let load: f64 = loads.iter().map(|(_, load)| load).sum();
        to.sample(
            "",
            &[("group", "casos")],
            (self.level(3, "") * (4.0 + load / 10.0)).floor(),
        );
        to.family(
            "pg_pool_used_ratio",
            Kind::Gauge,
            "Share of the database connections in use.",
        );
        let used = 0.04 + load / (load + POOL) * 0.8 + 0.02 * self.level(4, "");
        to.sample("", &[("service", "casos")], rounded(used));
        to.family("node_disk_used_ratio", Kind::Gauge, "Share of the disk in use.");
        let days = self.now.saturating_sub(self.born) as f64 / 8.64e10;
        to.sample("", &[("instance", "nodo-1")], rounded((0.41 + 0.004 * days).min(1.0)));
        to.family("up", Kind::Gauge, "Whether the last check of a part succeeded.");
        for job in ["casos", "postgres", "kafka"] {
            to.sample("", &[("job", job)], 1.0);
        }
    }

    /// Noise of a gauge, uniform on [0, 1): a function of the moment alone, so that it does not matter who looks when.
    fn level(&self, gauge: u64, version: &str) -> f64 {
        let moment = self.now.div_euclid(NOISE_MICROS) as u64;
        noise(&[
            self.seed,
            gauge,
            version.len() as u64,
            version.starts_with('c').into(),
            moment,
        ])
    }
}

/// Four decimals, as exporters of shares do.
fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        struct Values(Vec<(String, f64)>);
        impl Visitor for Values {
            fn family(&mut self, _: &'static str, _: Kind, _: &'static str) {}
            fn sample(&mut self, suffix: &'static str, labels: &[(&'static str, &'static str)], value: f64) {
                let le = labels.last().map_or("", |(_, le)| le);
                self.0.push((format!("{suffix} {le}"), value));
            }
        }
        let mut histogram = Histogram::new(&[("0.1", 0.1), ("1", 1.0), ("+Inf", f64::INFINITY)]);
        for value in [0.05, 0.1, 0.5, 2.0] {
            histogram.observe(value);
        }
        let mut values = Values(Vec::new());
        histogram.visit(&mut values, [("a", "b")]);
        let expect = [
            ("_bucket 0.1", 2.0),
            ("_bucket 1", 3.0),
            ("_bucket +Inf", 4.0),
            ("_sum b", 2.65),
            ("_count b", 4.0),
        ];
        assert_eq!(values.0, expect.map(|(name, value)| (name.to_owned(), value)));
    }
}
