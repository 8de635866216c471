//! Our program beside Prometheus: reads the same exposition every 15 s, and assesses every second, in real time.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use timonel_domain::sample::Sample;
use timonel_domain::time::{Mono, Timestamp};
use timonel_http::{Client, Request};
use timonel_ports::clock::sleep;
use timonel_prometheus::{Format, Parser};
use tokio::runtime::Handle;

use super::SCRAPE;
use super::cpu::thread_seconds;
use super::ours::Watch;
use super::traffic::{METRICS, TENANTS, names, tenant_name};

const EVERY: Duration = Duration::from_secs(1);

/// What our side has done since it began.
#[derive(Debug, Clone, Default)]
pub(super) struct Done {
    /// CPU seconds of taking samples in and assessing.
    pub(super) judged: f64,
    /// CPU seconds of fetching and parsing the exposition and of making samples of it.
    pub(super) read: f64,
    pub(super) checks: f64,
    pub(super) samples: u64,
    /// The longest that one assessment took, with the samples that it took in: CPU seconds.
    pub(super) longest: f64,
}

/// What is shared with whoever asks.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) done: Done,
    /// Somebody wants to know what breaches.
    pub(super) asked: bool,
    pub(super) breaching: Option<(BTreeSet<String>, usize)>,
    /// Everything is over.
    pub(super) over: bool,
    pub(super) failed: Option<String>,
}

/// One thread of our program.
pub(super) struct Reader {
    client: Client,
    url: String,
    parser: Parser,
    /// The number of a check by its series, and whether that is the bad one.
    places: HashMap<(String, String), (usize, bool)>,
    /// The counters of the reading before, calls and failed ones, and its time.
    before: Option<(Timestamp, Vec<[u64; 2]>)>,
    watch: Watch,
}

impl Reader {
    pub(super) fn new(client: &Client, url: String, watch: Watch) -> Self {
        let mut places = HashMap::new();
        for tenant in 0..TENANTS {
            for metric in 0..METRICS {
                let (check, (total, bad)) = (tenant * METRICS + metric, names(metric));
                places.insert((total, tenant_name(tenant)), (check, false));
                places.insert((bad, tenant_name(tenant)), (check, true));
            }
        }
        Self {
            client: client.clone(),
            url,
            parser: Parser::default(),
            places,
            before: None,
            watch,
        }
    }

    /// Works until it is over.
    pub(super) fn run(mut self, on: &Handle, shared: &Arc<Mutex<Shared>>) {
        let clock = self.client.clock().clone();
        let (mut next, mut read_at) = (clock.mono(), clock.mono());
        loop {
            let outcome = self.second(on, &mut read_at, shared);
            {
                let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
                shared.failed = outcome.err().or(shared.failed.take());
                if shared.over || shared.failed.is_some() {
                    return;
                }
            }
            next = next + EVERY;
            on.block_on(sleep(clock.as_ref(), next.saturating_since(clock.mono())));
        }
    }

    fn second(&mut self, on: &Handle, read_at: &mut Mono, shared: &Arc<Mutex<Shared>>) -> Result<(), String> {
        let begun = thread_seconds()?;
        let mut samples = Vec::new();
        if self.client.clock().mono() >= *read_at {
            *read_at = *read_at + SCRAPE;
            samples = self.read(on)?;
        }
        let (read, arrived) = (thread_seconds()?, samples.len() as u64);
        let now = self.client.clock().now();
        self.watch.observe(samples);
        self.watch.assess(now);
        let judged = thread_seconds()? - read;
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let done = &mut shared.done;
        done.read += read - begun;
        done.judged += judged;
        done.checks += (TENANTS * METRICS) as f64;
        done.samples += arrived;
        done.longest = done.longest.max(judged);
        if std::mem::take(&mut shared.asked) {
            shared.breaching = Some(self.watch.breaching(now));
        }
        Ok(())
    }

    /// The exposition with the product's client and parser. Its `Scrape` looks each signal up among all series, which is no way
    /// to read 10,000 signals from one page, so here a table says which series is whose.
    fn read(&mut self, on: &Handle) -> Result<Vec<Sample>, String> {
        let request = Request::get(&self.url).map_err(|e| e.to_string())?;
        let answer = on.block_on(self.client.send(request)).map_err(|e| e.to_string())?;
        let exposition = self
            .parser
            .parse(Format::of(None), &answer.body)
            .map_err(|e| e.to_string())?;
        let mut counters = vec![[0; 2]; TENANTS * METRICS];
        for series in exposition.series() {
            let key = (series.name.clone(), series.labels.get("tenant").to_owned());
            let (check, bad) = self.places.get(&key).ok_or_else(|| format!("{key:?} is nobody's"))?;
            counters[*check][usize::from(*bad)] = series.value as u64;
        }
        let as_of = answer.sent_at;
        let Some((since, before)) = self.before.replace((as_of, counters)) else {
            return Ok(Vec::new());
        };
        let now = self.before.iter().flat_map(|(_, counters)| counters);
        let grown = before.iter().zip(now).enumerate();
        Ok(grown
            .map(|(check, (before, now))| {
                let [total, bad] = [0, 1].map(|counter: usize| now[counter].saturating_sub(before[counter]));
                self.watch.sample(check, since, as_of, bad.min(total), total)
            })
            .collect())
    }
}
