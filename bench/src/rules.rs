//! `rules`: 10,000 rules over 1,000 tenants × 10 metrics, looked at every second, beside Debian's Prometheus on the same counters.
//!
//! A check is one tenant and metric looked at once: "bad share of the last 5 minutes above 10 % for 5 minutes". Prometheus has
//! one rule a metric over the vector of all tenants, its cheapest layout, and pays only what it needs beyond its scraping: its
//! CPU with the rules less its CPU without. Ours pays for the product's board with everything that arrives in it: windows,
//! states, freshness, evidence. Fetching and parsing is counted apart, as it is for Prometheus. The two take turns; both have to
//! name the same 100 checks, or nothing is said.

mod cpu;
mod growth;
mod ours;
mod prometheus;
mod reader;
mod traffic;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use timonel_http::{Client, Limits};
use timonel_ports::clock::{SystemClock, sleep};

use self::ours::Watch;
use self::prometheus::Prometheus;
use self::reader::{Reader, Shared};
use self::traffic::{BREACHING, METRICS, TENANTS};
use crate::{Found, median};

/// Rounds of both, after the warm-up.
const ROUNDS: usize = 2;
/// How long each is measured in a round.
const MEASURED: Duration = Duration::from_secs(60);
/// How often both read the counters.
const SCRAPE: Duration = Duration::from_secs(15);
/// After a change of rules nothing is measured for so long.
const SETTLED: Duration = Duration::from_secs(8);
const LOOK: Duration = Duration::from_millis(200);
/// Above this share of bad calls a check breaches.
const LIMIT: f64 = 0.1;
/// Tenants whose rules stand beside the others, for the growth: ten times as many rules in all.
const STANDING: usize = 9 * TENANTS;
/// A fiftieth of what Prometheus pays.
const AIM: f64 = 0.02;

/// One round, per million checks in CPU seconds.
#[derive(Debug, Clone, Copy)]
struct Round {
    ours: f64,
    ours_with_reading: f64,
    theirs: f64,
    theirs_with_scraping: f64,
    /// Rounds of a rule that Prometheus had no time for: a busy machine.
    missed: f64,
    samples: u64,
    longest: f64,
}

pub(crate) fn measure(window: Duration) -> Result<Found, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    let clock = SystemClock::shared();
    let client = Client::new(clock.clone(), Limits::default()).map_err(|e| e.to_string())?;
    let plan = ours::plan(window, 0).map_err(|e| e.to_string())?;
    let (address, server) = runtime.block_on(traffic::serve(&clock))?;
    let prometheus = runtime.block_on(Prometheus::start(&client, address))?;
    let reader = Reader::new(
        &client,
        format!("http://{address}/metrics"),
        Watch::new(&plan, clock.now()),
    );
    let shared = Arc::new(Mutex::new(Shared::default()));
    let (handle, theirs) = (runtime.handle().clone(), shared.clone());
    let thread = std::thread::spawn(move || reader.run(&handle, &theirs));
    let rounds = runtime.block_on(rounds(&client, &prometheus, &shared, window));
    with(&shared, |shared| shared.over = true);
    thread.join().map_err(|_| "our side panicked".to_owned())?;
    server.abort();
    drop(prometheus);
    let rounds = rounds?;
    let growth = grow(window)?;
    Ok(found(window, &rounds, &growth))
}

fn with<T>(shared: &Mutex<Shared>, work: impl FnOnce(&mut Shared) -> T) -> T {
    work(&mut shared.lock().unwrap_or_else(PoisonError::into_inner))
}

async fn rounds(
    client: &Client,
    prometheus: &Prometheus,
    shared: &Mutex<Shared>,
    window: Duration,
) -> Result<Vec<Round>, String> {
    let wait = async |passing: Duration| sleep(client.clock().as_ref(), passing).await;
    let warm = window + 2 * SCRAPE;
    println!("windows fill for {} s", warm.as_secs());
    wait(warm).await;
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        prometheus.rules(None).await?;
        wait(SETTLED).await;
        // Ours, while Prometheus only scrapes, which is what is taken off its figure.
        with(shared, |shared| shared.done.longest = 0.0);
        let (before, scraping) = (with(shared, |shared| shared.done.clone()), prometheus.done().await?);
        let scraped_from = client.clock().mono();
        wait(MEASURED).await;
        let (after, scraped) = (with(shared, |shared| shared.done.clone()), prometheus.done().await?);
        let alone = client.clock().mono().saturating_since(scraped_from).as_secs_f64();
        let ours = breaching(client, shared).await?;
        // Prometheus with its rules, while ours goes on.
        prometheus.rules(Some(window)).await?;
        wait(SETTLED).await;
        let (begun, ruled_from) = (prometheus.done().await?, client.clock().mono());
        wait(MEASURED).await;
        let ended = prometheus.done().await?;
        let together = client.clock().mono().saturating_since(ruled_from).as_secs_f64();
        agree(&ours, &prometheus.breaching().await?)?;
        let (missed, failed) = (ended.missed - begun.missed, ended.failed - begun.failed);
        let checks = ended.checks - begun.checks;
        if failed > 0.0 || checks <= 0.0 {
            return Err(format!(
                "Prometheus made {checks} checks, and {failed} evaluations failed"
            ));
        }
        let cpu = ended.cpu - begun.cpu;
        let scraping = (scraped.cpu - scraping.cpu) / alone * together;
        let (judged, read) = (after.judged - before.judged, after.read - before.read);
        let of_ours = (after.checks - before.checks) / 1e6;
        let of_theirs = checks / 1e6;
        let found = Round {
            ours: judged / of_ours,
            ours_with_reading: (judged + read) / of_ours,
            theirs: (cpu - scraping) / of_theirs,
            theirs_with_scraping: cpu / of_theirs,
            missed,
            samples: after.samples - before.samples,
            longest: after.longest,
        };
        println!(
            "round {round}: ours {:.4} CPU s per million checks ({:.3} with reading), Prometheus {:.2} ({:.2} with scraping)",
            found.ours, found.ours_with_reading, found.theirs, found.theirs_with_scraping
        );
        rounds.push(found);
    }
    Ok(rounds)
}

/// What our side says that breaches, once every check has a value.
async fn breaching(client: &Client, shared: &Mutex<Shared>) -> Result<BTreeSet<String>, String> {
    with(shared, |shared| shared.asked = true);
    loop {
        sleep(client.clock().as_ref(), LOOK).await;
        let (failed, seen) = with(shared, |shared| (shared.failed.clone(), shared.breaching.take()));
        if let Some(failed) = failed {
            return Err(failed);
        }
        match seen {
            Some((breaching, live)) if live == TENANTS * METRICS => return Ok(breaching),
            Some((_, live)) => return Err(format!("only {live} of our checks have a value")),
            None => {}
        }
    }
}

fn agree(ours: &BTreeSet<String>, theirs: &BTreeSet<String>) -> Result<(), String> {
    if ours == theirs && ours.len() == BREACHING {
        return Ok(());
    }
    let apart: Vec<_> = ours.symmetric_difference(theirs).take(5).collect();
    Err(format!(
        "{BREACHING} checks breach, but ours names {} and Prometheus {}; different: {apart:?} …",
        ours.len(),
        theirs.len()
    ))
}

/// CPU seconds of a minute with the rules alone, and with ten times as many, in turns.
fn grow(window: Duration) -> Result<[Vec<f64>; 2], String> {
    let mut minutes = [Vec::new(), Vec::new()];
    for _ in 0..3 {
        for (minutes, standing) in minutes.iter_mut().zip([0, STANDING]) {
            minutes.push(growth::minute(window, standing)?);
        }
    }
    Ok(minutes)
}

fn found(window: Duration, rounds: &[Round], growth: &[Vec<f64>; 2]) -> Found {
    let all = |of: &dyn Fn(&Round) -> f64| rounds.iter().map(of).collect::<Vec<_>>();
    let ratio = median(all(&|round| round.ours / round.theirs));
    let with_reading = median(all(&|round| round.ours_with_reading / round.theirs_with_scraping));
    let [alone, among] = growth.clone().map(median);
    let checks = (TENANTS * METRICS) as f64 * MEASURED.as_secs_f64() / 1e6;
    println!(
        "ratio {ratio:.5}: the board beside the rules; {with_reading:.5} with all that either does to read the counters"
    );
    println!(
        "growth: a minute of {} rules whose samples arrive takes {alone:.4} CPU s alone ({:.4} per million checks), {among:.4} among {} rules: {:.2} times",
        TENANTS * METRICS,
        alone / checks,
        (TENANTS + STANDING) * METRICS,
        among / alone,
    );
    let figures = serde_json::json!({
        "tenants": TENANTS, "metrics": METRICS, "window_s": window.as_secs(), "scrape_s": SCRAPE.as_secs(), "evaluation_s": 1,
        "breaching": BREACHING, "rounds": rounds.len(), "measured_s": MEASURED.as_secs(),
        "cpu_s_per_million_checks": median(all(&|round| round.ours)), "all": all(&|round| round.ours),
        "with_reading": median(all(&|round| round.ours_with_reading)), "with_reading_all": all(&|round| round.ours_with_reading),
        "prometheus_cpu_s_per_million_checks": median(all(&|round| round.theirs)), "prometheus_all": all(&|round| round.theirs),
        "prometheus_missed": all(&|round| round.missed),
        "prometheus_with_scraping_all": all(&|round| round.theirs_with_scraping),
        "ratio_with_reading": with_reading,
        "samples_a_minute": rounds.iter().map(|round| round.samples).collect::<Vec<_>>(),
        "longest_assessment_cpu_s": all(&|round| round.longest),
        "minute_cpu_s": alone, "minute_among_ten_times_the_rules_cpu_s": among, "growth": among / alone, "minutes_all": growth,
    });
    Found {
        name: "rules",
        figures,
        ratio,
        aim: AIM,
    }
}
