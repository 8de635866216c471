//! `detect`: from the first failing call to the weight of 0 that takes it back, beside Debian's Prometheus, Alertmanager and a webhook.
//!
//! Three figures. (a) The same literal rule over the same counters, read every second by both: what each adds to the rule's own
//! arithmetic. (b) The same rule and calls, pushed one by one into our inbox. (c) A canary that fails every call after a hundred
//! good ones, at 60 calls a minute, put back by what is proved; beside it the peer's rule of five minutes. The turns follow each
//! other, so that a busy minute is not one program's alone. What counts is when the request that sets 0 arrives at a control
//! plane that accepts it at once: the peer's webhook sends it blind, ours reads the object first and locks its write.

mod ours;
mod peer;
mod stream;
mod weights;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::header;
use axum::routing::get;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use timonel_bridge::connect::{Inboxes, Pushed};
use timonel_domain::evidence::ALPHA_ROLLBACK;
use timonel_domain::time::Mono;
use timonel_http::{Client, Limits};
use timonel_judge::odds::{Look, World, delays};
use timonel_ports::clock::{SharedClock, SystemClock, sleep};
use timonel_ports::task::{Task, spawn};

use self::ours::{Ours, Rule, Sender};
use self::peer::{NoPeer, Peer, REPLICAS};
use self::stream::{ONE_IN, Stream};
use self::weights::{Weights, kubeconfig};
use crate::{Found, median};

/// The literal rule: more than 10 % over this long, for this long.
const WINDOW: Duration = Duration::from_secs(30);
const LASTING: Duration = Duration::from_secs(10);
const LITERAL: Rule = Rule {
    when: "failed_calls > 10% over 30s for 10s",
    evidence: "literal",
};
const PROVEN: Rule = Rule {
    when: "failed_calls > 10% for 5m",
    evidence: "gated",
};
/// Tenants of a turn, each with a breach of its own; fewer where each has 120 requests a second.
const READ: usize = 12;
const PUSHED: usize = 2;
/// From the beginning of the calls to the first breach: everybody has started, and seen a whole window.
const LEAD: f64 = 60.0;
/// Between two breaches: they fall anywhere between two reads.
const SPREAD: f64 = 0.9137;
/// A weight that was not set so long after its rule was due will not be.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(100);

/// (c): canary calls that are good, and calls a second of both arms while they are, and afterwards; every tenth is the canary's.
const GOOD: u64 = 100;
const QUICKLY: f64 = 100.0;
const SLOWLY: f64 = 10.0;
const CANARY_ONE_IN: u64 = 10;

/// What was measured elsewhere with Debian's Prometheus 2.42 and Alertmanager 0.25 on a calm machine: the tuned peer's overhead, and
/// its rule of 5 min at 15 s intervals from the first failing call on, in seconds.
const TUNED_ELSEWHERE: f64 = 0.912;
const SLOW_ELSEWHERE: f64 = 365.4;
const AIMS: [f64; 3] = [0.6, 0.1, 1.0 / 40.0];

/// What the turns gave, in seconds.
#[derive(Debug, Default)]
struct Rounds {
    peer: Vec<f64>,
    read: Vec<f64>,
    pushed: Vec<f64>,
    proven: Vec<f64>,
    /// Weights that were never set, by whom.
    missing: BTreeMap<&'static str, usize>,
    /// What was not measured, and why.
    without: Option<String>,
}

pub(crate) fn measure(rounds: u32) -> Result<Found, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    let clock = SystemClock::shared();
    let client = Client::new(clock, Limits::default()).map_err(|e| e.to_string())?;
    let mut all = Rounds::default();
    for round in 1..=rounds {
        println!("round {round} of {rounds}, {}", load());
        runtime.block_on(turns(&client, &mut all))?;
    }
    Ok(found(&all, rounds))
}

async fn turns(client: &Client, all: &mut Rounds) -> Result<(), String> {
    if all.without.is_none() || !all.peer.is_empty() {
        match peer(client).await {
            Ok((turn, without)) => {
                all.without = without.or(all.without.take());
                keep("peer", turn, &mut all.peer, &mut all.missing);
            }
            Err(NoPeer::Missing(why)) => all.without = Some(why),
            Err(NoPeer::Failed(why)) => return Err(why),
        }
    }
    let turn = read(client).await?;
    keep("read", turn, &mut all.read, &mut all.missing);
    let turn = pushed(client).await?;
    keep("pushed", turn, &mut all.pushed, &mut all.missing);
    let turn = proven(client).await?;
    keep("proven", turn, &mut all.proven, &mut all.missing);
    Ok(())
}

fn keep(what: &'static str, turn: Vec<Option<f64>>, all: &mut Vec<f64>, missing: &mut BTreeMap<&'static str, usize>) {
    let there: Vec<f64> = turn.iter().copied().flatten().collect();
    *missing.entry(what).or_default() += turn.len() - there.len();
    println!("  {what}: {}", in_words(&there));
    all.extend(there);
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n:02}")).collect()
}

fn streams(tenants: &[String]) -> Vec<(String, Stream)> {
    let stream = |(n, tenant): (usize, &String)| (tenant.clone(), Stream::new(LEAD + SPREAD * n as f64));
    tenants.iter().enumerate().map(stream).collect()
}

/// What was added to the rule's own arithmetic, once every weight is 0 or nobody waits any longer.
async fn overheads(
    clock: &SharedClock,
    begun: Mono,
    streams: &[(String, Stream)],
    weights: &Weights,
    name: impl Fn(&str) -> String,
) -> Vec<Option<f64>> {
    let last = streams.iter().map(|(_, stream)| stream.breach()).fold(0.0, f64::max);
    let end = begun + Duration::from_secs_f64(last) + WINDOW + LASTING + PATIENCE;
    let all = || streams.iter().map(|(tenant, _)| weights.zero(&name(tenant)));
    while all().any(|zero| zero.is_none()) && clock.mono() < end {
        sleep(clock.as_ref(), LOOK).await;
    }
    let overhead = |((_, stream), zero): (&(String, Stream), Option<Mono>)| {
        let measured = seconds(begun, zero?) - stream.breach();
        Some(measured - stream.least(WINDOW, LASTING)?)
    };
    streams.iter().zip(all()).map(overhead).collect()
}

fn seconds(from: Mono, to: Mono) -> f64 {
    // A weight that is set before its breach is a negative overhead, and has to show.
    (to.micros() as f64 - from.micros() as f64) / 1e6
}

async fn peer(client: &Client) -> Result<(Vec<Option<f64>>, Option<String>), NoPeer> {
    let clock = client.clock();
    let streams = streams(&names("t", READ));
    let (weights, at, serving) = Weights::serve(clock, &[]).await.map_err(NoPeer::Failed)?;
    let begun = clock.mono();
    let peer = Peer::start(client, streams.clone(), begun, at).await?;
    in_time(clock, begun).map_err(NoPeer::Failed)?;
    let mut all = Vec::new();
    for replica in 0..REPLICAS {
        all.extend(overheads(clock, begun, &streams, &weights, |tenant| peer::name(replica, tenant)).await);
    }
    serving.abort();
    Ok((all, peer.without.clone()))
}

/// Whoever starts later than this has not seen a whole window of good calls before the first breach.
fn in_time(clock: &SharedClock, begun: Mono) -> Result<(), String> {
    let took = seconds(begun, clock.mono());
    if took + WINDOW.as_secs_f64() > LEAD {
        return Err(format!("starting took {took:.0} s: the machine is too busy to measure"));
    }
    Ok(())
}

async fn read(client: &Client) -> Result<Vec<Option<f64>>, String> {
    let clock = client.clock();
    let tenants = names("a", READ);
    let streams = streams(&tenants);
    let (weights, at, serving) = Weights::serve(clock, &tenants).await?;
    let begun = clock.mono();
    let (metrics, exporting) = exporter(clock, begun, &streams).await?;
    let folder = folder(at)?;
    let ours = Ours::open(clock, folder.path(), &tenants, LITERAL, metrics, None).await?;
    ours.roll_out(&weights).await?;
    in_time(clock, begun)?;
    let all = overheads(clock, begun, &streams, &weights, str::to_owned).await;
    ours.close().await;
    exporting.abort();
    serving.abort();
    Ok(all)
}

async fn exporter(
    clock: &SharedClock,
    begun: Mono,
    streams: &[(String, Stream)],
) -> Result<(SocketAddr, Task<()>), String> {
    let (streams, time): (BTreeMap<_, _>, _) = (streams.iter().cloned().collect(), clock.clone());
    let scrape = move |Path(tenant): Path<String>| {
        let at = time.mono().saturating_since(begun).as_secs_f64();
        let text = streams
            .get(&tenant)
            .map(|stream| stream.exposition(None, at))
            .unwrap_or_default();
        std::future::ready(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
    };
    let app = Router::new().route("/metrics/{tenant}", get(scrape));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(|e| e.to_string())?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    let serving = spawn(clock, async move {
        if let Err(error) = axum::serve(listener, app).await {
            eprintln!("the exporter ended: {error}");
        }
    });
    Ok((address, serving))
}

fn folder(control_plane: SocketAddr) -> Result<tempfile::TempDir, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    std::fs::write(folder.path().join("kubeconfig"), kubeconfig(control_plane)).map_err(|e| e.to_string())?;
    Ok(folder)
}

/// Our inbox behind its own socket, and the engines that read it.
struct Behind {
    weights: Weights,
    ours: Ours,
    senders: Vec<(String, Sender)>,
    serving: [Task<()>; 2],
    _folder: tempfile::TempDir,
}

async fn behind_the_inbox(client: &Client, tenants: &[String], rule: Rule) -> Result<Behind, String> {
    let clock = client.clock();
    let (weights, at, serving) = Weights::serve(clock, tenants).await?;
    let pushed = Pushed {
        source: "app".to_owned(),
        inboxes: Inboxes::default(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(|e| e.to_string())?;
    let door = listener.local_addr().map_err(|e| e.to_string())?;
    let taking = spawn(clock, pushed.receive(listener, clock.clone()));
    let folder = folder(at)?;
    let ours = Ours::open(clock, folder.path(), tenants, rule, door, Some(&pushed)).await?;
    let sender = |(tenant, rollout)| {
        let url = format!("http://{door}/rollouts/{rollout}/outcomes");
        let client = client.clone();
        (tenant, Sender { client, url })
    };
    Ok(Behind {
        weights,
        senders: ours.rollouts().into_iter().map(sender).collect(),
        ours,
        serving: [serving, taking],
        _folder: folder,
    })
}

impl Behind {
    async fn close(self, sending: Vec<Task<Result<(), String>>>) -> Result<(), String> {
        for task in sending {
            task.join().await.map_err(|_| "a sender panicked".to_owned())??;
        }
        self.ours.close().await;
        self.serving.iter().for_each(Task::abort);
        Ok(())
    }
}

async fn pushed(client: &Client) -> Result<Vec<Option<f64>>, String> {
    let clock = client.clock();
    let tenants = names("b", PUSHED);
    let streams = streams(&tenants);
    let behind = behind_the_inbox(client, &tenants, LITERAL).await?;
    let (begun, over) = (clock.mono(), Arc::new(AtomicBool::new(false)));
    let latest = Arc::new(AtomicU64::new(0));
    let sending = behind.senders.iter().zip(&streams).map(|((_, sender), (_, stream))| {
        let (sender, stream, over, on) = (sender.clone(), *stream, over.clone(), clock.clone());
        let latest = latest.clone();
        spawn(clock, async move {
            for n in 1.. {
                let due = begun + Duration::from_secs_f64(Stream::end_of(n));
                on.sleep_until(due).await;
                latest.fetch_max(on.mono().saturating_since(due).as_micros() as u64, Ordering::Relaxed);
                if over.load(Ordering::Relaxed) {
                    break;
                }
                for canary in [false, true] {
                    let id = format!("{canary}-{n}");
                    sender.send(&id, canary, stream.fails(canary, n)).await?;
                }
            }
            Ok(())
        })
    });
    let sending: Vec<_> = sending.collect();
    behind.ours.roll_out(&behind.weights).await?;
    in_time(clock, begun)?;
    let all = overheads(clock, begun, &streams, &behind.weights, str::to_owned).await;
    over.store(true, Ordering::Relaxed);
    behind.close(sending).await?;
    let latest = Duration::from_micros(latest.load(Ordering::Relaxed));
    println!("  whoever pushed did so up to {latest:.1?} late, which counts against us");
    Ok(all)
}

/// From the end of the first failing call to the weight of 0.
async fn proven(client: &Client) -> Result<Vec<Option<f64>>, String> {
    let clock = client.clock();
    let tenants = names("c", READ);
    let behind = behind_the_inbox(client, &tenants, PROVEN).await?;
    let (rolled_out, mut begun) = (Arc::new(AtomicBool::new(false)), Vec::new());
    let mut sending = Vec::new();
    for (tenant, sender) in &behind.senders {
        let (tell, first) = tokio::sync::oneshot::channel();
        begun.push((tenant.clone(), first));
        let (tenant, sender, weights) = (tenant.clone(), sender.clone(), behind.weights.clone());
        let (on, rolled_out) = (clock.clone(), rolled_out.clone());
        sending.push(spawn(clock, async move {
            let mut tell = Some(tell);
            let (mut due, mut n, mut canaries) = (on.mono(), 0u64, 0u64);
            let mut failed_at = None;
            loop {
                let waits = !rolled_out.load(Ordering::Relaxed);
                let rate = if canaries >= GOOD || waits { SLOWLY } else { QUICKLY };
                // Whoever is late does not catch up: 60 a minute must not become more.
                due = due.max(on.mono()) + Duration::from_secs_f64(1.0 / rate);
                on.sleep_until(due).await;
                n += 1;
                let canary = !waits && n.is_multiple_of(CANARY_ONE_IN);
                canaries += u64::from(canary);
                // None of the good ones fails; stable fails as it always does, between the canary's calls.
                let failed = (canary && canaries > GOOD) || (n + CANARY_ONE_IN / 2).is_multiple_of(ONE_IN);
                if canary
                    && failed
                    && let Some(tell) = tell.take()
                {
                    failed_at = Some(on.mono());
                    // Who waits for it outlives this task.
                    let _ = tell.send(on.mono());
                }
                sender.send(&n.to_string(), canary, failed).await?;
                let gave_up = failed_at.is_some_and(|at| on.mono().saturating_since(at) > PATIENCE * 4);
                if weights.zero(&tenant).is_some() || gave_up {
                    return Ok(());
                }
            }
        }));
    }
    behind.ours.roll_out(&behind.weights).await?;
    rolled_out.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    for (tenant, first) in begun {
        let first = first.await.map_err(|_| "a sender ended early".to_owned())?;
        let end = first + PATIENCE * 4;
        while behind.weights.zero(&tenant).is_none() && clock.mono() < end {
            sleep(clock.as_ref(), LOOK).await;
        }
        all.push(behind.weights.zero(&tenant).map(|zero| seconds(first, zero)));
    }
    behind.close(sending).await?;
    Ok(all)
}

fn worst(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::max)
}

fn in_words(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::NAN, f64::min);
    let middle = median(values.to_vec());
    format!(
        "median {middle:.3} s, {least:.3} to {:.3} (n = {})",
        worst(values),
        values.len()
    )
}

fn load() -> String {
    let said = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    match said.split(' ').next() {
        Some(minute) if !minute.is_empty() => format!("load {minute}"),
        Some(_) | None => "load unknown".to_owned(),
    }
}

fn found(all: &Rounds, rounds: u32) -> Found {
    let measured = !all.peer.is_empty();
    let tuned = if measured {
        median(all.peer.clone())
    } else {
        TUNED_ELSEWHERE
    };
    let [read, pushed, proven] = [&all.read, &all.pushed, &all.proven].map(|values| median(values.clone()));
    let ratios = [read / tuned, pushed / tuned, proven / SLOW_ELSEWHERE];
    println!("added to the rule's own arithmetic (10 % over 30 s for 10 s, 60 calls a second on each arm):");
    if measured {
        println!("  peer, tuned to 1 s, in this run:          {}", in_words(&all.peer));
    }
    match (&all.without, measured) {
        (Some(why), true) => {
            println!("    without its Alertmanager ({why}): Prometheus told the webhook itself, which is faster")
        }
        (Some(why), false) => {
            println!("  peer: not measured ({why}); {TUNED_ELSEWHERE} s from another sitting stands for it")
        }
        (None, _) => {}
    }
    println!(
        "  (a) ours, read every second:              {}; {:.2} of the peer's",
        in_words(&all.read),
        ratios[0]
    );
    println!(
        "  (b) ours, calls pushed one by one:        {}; {:.3} of the peer's",
        in_words(&all.pushed),
        ratios[1]
    );
    println!("(c) every call of the canary fails after {GOOD} good ones, at 60 a minute and 10 %:");
    println!("  ours, put back by what is proved:         {}", in_words(&all.proven));
    println!(
        "  peer, 10 % over 5 min for 5 min, 15 s:    {SLOW_ELSEWHERE} s, measured in another sitting; 1/{:.0} of it",
        1.0 / ratios[2]
    );
    let odds = odds();
    Found {
        name: "detect",
        figures: json!({
            "rounds": rounds, "unit": "s",
            "peer_in_this_run": measured, "peer": figures(&all.peer), "peer_without": all.without,
            "peer_elsewhere": {"tuned": TUNED_ELSEWHERE, "five_minutes": SLOW_ELSEWHERE},
            "read": figures(&all.read), "pushed": figures(&all.pushed), "proven": figures(&all.proven),
            "ratios": ratios, "aims": AIMS, "missing": all.missing, "odds": odds, "load": load(),
        }),
        // The one that is furthest from its aim.
        ratio: ratios
            .iter()
            .zip(AIMS)
            .map(|(ratio, aim)| ratio / aim)
            .fold(f64::NAN, f64::max),
        aim: 1.0,
    }
}

fn figures(values: &[f64]) -> Value {
    json!({"n": values.len(), "median": median(values.to_vec()), "worst": worst(values)})
}

/// How often each would put a healthy canary back.
fn odds() -> Value {
    const UNITS: u64 = 40_000;
    const RUNS: u64 = 300;
    const DAYS: u32 = 300;
    let mut random = ChaCha8Rng::seed_from_u64(40);
    let world = World::healthy(0.1, 0.02, UNITS);
    let ours = delays(&world, Look::FromSomeMoment, ALPHA_ROLLBACK, RUNS, &mut random).share();
    let [busy, calm] = [60.0, 0.2].map(|calls| peer::odds_of_a_day(calls, 0.02, DAYS));
    println!("  false rollbacks of a healthy canary that fails 2 %:");
    println!(
        "    ours: at most {:.0} % in a whole phase however long and whatever the traffic; {:.1} % of {RUNS} runs of {UNITS} calls",
        ALPHA_ROLLBACK * 100.0,
        ours * 100.0
    );
    println!(
        "    peer, a day: {:.1} % at 60 canary calls a minute, {:.1} % at 12 an hour ({DAYS} days each)",
        busy * 100.0,
        calm * 100.0
    );
    json!({"ours_bound": ALPHA_ROLLBACK, "ours": ours, "peer_day_60_a_minute": busy, "peer_day_12_an_hour": calm})
}
