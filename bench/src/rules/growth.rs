//! What ten times as many rules cost where as many samples arrive: in virtual time, without a socket.

use std::time::Duration;

use timonel_domain::sample::Sample;
use timonel_domain::time::Timestamp;

use super::cpu::thread_seconds;
use super::ours::{Watch, plan};
use super::traffic::{METRICS, TENANTS, counters};
use super::{MEASURED, SCRAPE};

/// CPU seconds of a minute: the samples of 1,000 tenants arriving every 15 s and 60 assessments, while the rules of
/// `standing` more tenants stand, with a value each.
pub(super) fn minute(window: Duration, standing: usize) -> Result<f64, String> {
    let plan = plan(window, standing).map_err(|e| e.to_string())?;
    let begun = Timestamp::from_secs(1_800_000_000);
    let at = |secs: u64| begun + Duration::from_secs(secs);
    let mut watch = Watch::new(&plan, begun);
    let standing = TENANTS * METRICS..(TENANTS + standing) * METRICS;
    watch.observe(
        standing
            .map(|check| watch.sample(check, begun, at(1), 8, 400))
            .collect(),
    );
    let warm = window.as_secs() + 2 * SCRAPE.as_secs();
    let mut spent = 0.0;
    for secs in 1..=warm + MEASURED.as_secs() {
        let samples = if secs.is_multiple_of(SCRAPE.as_secs()) {
            readings(&watch, at(secs) - SCRAPE, at(secs), secs)
        } else {
            Vec::new()
        };
        let before = thread_seconds()?;
        watch.observe(samples);
        watch.assess(at(secs));
        if secs > warm {
            spent += thread_seconds()? - before;
        }
    }
    Ok(spent)
}

fn readings(watch: &Watch, since: Timestamp, as_of: Timestamp, secs: u64) -> Vec<Sample> {
    let checks = (0..TENANTS).flat_map(|tenant| (0..METRICS).map(move |metric| (tenant, tenant * METRICS + metric)));
    let reading = |(tenant, check): (usize, usize)| {
        let before = counters(tenant, (secs - SCRAPE.as_secs()) as f64);
        let now = counters(tenant, secs as f64);
        watch.sample(check, since, as_of, now.1 - before.1, now.0 - before.0)
    };
    checks.map(reading).collect()
}
