//! A rehearsal's own samples, tried again as the past: the same rules fire at the same moments as they did in the rehearsal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use timonel_bridge::backtest::{Asking, Tried, of_prometheus};
use timonel_domain::backtest::{Backtest, Moment, Report, Standing};
use timonel_domain::rollout::{Cause, Effect, Notice, State};
use timonel_domain::sample::{Sample, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, RuleId, SignalId};
use timonel_plan::Parsed;
use timonel_plan::model::SourceKind;
use timonel_ports::clock::SystemClock;
use timonel_ports::store::SampleStore;
use timonel_store::Sqlite;
use timonel_testkit::process::PrometheusServer;

use crate::played::{Played, Stage, runtime};
use crate::prometheus::unless_missing;

/// A rollout looks once a second, and an answer takes a while to come.
const NEAR: Duration = Duration::from_secs(2);

/// What is compared: which rule began to fire, and which put everything back.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Deed {
    Fires(RuleId),
    PutsBack(Cause),
}

fn deed(notice: &Notice) -> Option<Deed> {
    match notice {
        Notice::RuleFiring { rule, .. } => Some(Deed::Fires(rule.clone())),
        Notice::RollbackStarted { cause, .. } => Some(Deed::PutsBack(cause.clone())),
        _ => None,
    }
}

/// What was done in the rehearsal, up to what put the calls back: what came after it befell nobody's canary.
fn done(played: &Played) -> Vec<(Timestamp, Deed)> {
    let mut out = Vec::new();
    for (at, effect) in played.effects() {
        let Effect::Notify(notice) = effect else { continue };
        out.extend(deed(notice).map(|deed| (at, deed)));
        if matches!(notice, Notice::RollbackStarted { .. }) {
            break;
        }
    }
    out
}

fn tried(report: &Report) -> Vec<(Timestamp, Deed)> {
    let of = |moment: &Moment| {
        let deeds: Vec<_> = moment
            .notices
            .iter()
            .filter_map(deed)
            .map(|deed| (moment.at, deed))
            .collect();
        deeds
    };
    report.moments.iter().flat_map(of).collect()
}

#[track_caller]
fn same(played: &Played, report: &Report) {
    let (before, now) = (done(played), tried(report));
    let bare = |deeds: &[(Timestamp, Deed)]| deeds.iter().map(|(_, deed)| deed.clone()).collect::<Vec<_>>();
    assert_eq!(bare(&before), bare(&now), "{before:?}\n{now:?}");
    for ((then, deed), (again, _)) in before.iter().zip(&now) {
        let apart = then.since(*again).max(again.since(*then));
        assert!(apart <= NEAR, "{deed:?} at {then} and at {again}");
        println!("{deed:?}: {then}, tried {again}");
    }
}

/// The weights in force and since when, until the calls were put back.
fn standings(played: &Played) -> Vec<(Timestamp, Standing)> {
    let mut out: Vec<(Timestamp, Standing)> = Vec::new();
    for step in played.steps.iter().filter(|step| step.state.latch.is_none()) {
        let state: &State = &step.state;
        let Some((epoch, phase)) = state.epoch.zip(state.stage.phase()) else {
            continue;
        };
        let standing = Standing {
            phase: Some(phase),
            weight: epoch.weight,
        };
        match out.last_mut() {
            Some((since, known)) if *since == epoch.since => *known = standing,
            Some(_) | None => out.push((epoch.since, standing)),
        }
    }
    out
}

/// When the trial ends: with what put the calls back, else with the rehearsal.
fn end(played: &Played) -> Timestamp {
    let put_back = done(played)
        .into_iter()
        .find(|(_, deed)| matches!(deed, Deed::PutsBack(_)));
    put_back.map_or(played.scenario.start + played.end.lasted, |(at, _)| at + NEAR)
}

/// Every sample that the rehearsal kept, by the moment at which its engine had it: a level is true for the moment of its
/// reading, so what a Prometheus had scraped before came with the level after it.
async fn kept(plan: &Parsed, played: &Played) -> BTreeMap<Timestamp, Vec<Sample>> {
    let file = played.folder.path().join("timonel.db");
    let store = Sqlite::open(&file, SystemClock::shared()).await.unwrap();
    let rollout = RolloutId::new("ensayo").unwrap();
    let all = played.scenario.start..played.scenario.start + played.end.lasted + Duration::from_secs(3600);
    let mut out: BTreeMap<Timestamp, Vec<Sample>> = BTreeMap::new();
    for source in &plan.sources {
        let mut samples = Vec::new();
        for signal in plan.signals.iter().filter(|signal| signal.source == source.name) {
            samples.extend(store.samples(&rollout, &signal.id, all.clone()).await.unwrap());
        }
        let beats: BTreeSet<_> = samples
            .iter()
            .filter(|sample| matches!(sample.value, Value::Level(_)))
            .map(|sample| sample.as_of)
            .collect();
        for sample in samples {
            let heard = match source.kind {
                SourceKind::Prometheus => beats.range(sample.as_of..).next().copied(),
                SourceKind::Scrape | SourceKind::Telnyx => Some(sample.as_of),
            };
            if let Some(heard) = heard {
                out.entry(heard).or_default().push(sample);
            }
        }
    }
    out
}

fn again(stage: Stage) -> (Played, Report) {
    let plan = stage.plan.clone();
    let played = stage.play();
    let kept = runtime().block_on(kept(&plan, &played));
    let fed: BTreeSet<SignalId> = plan.signals.iter().map(|signal| signal.id.clone()).collect();
    let standings = standings(&played);
    let (from, standing) = standings[0];
    let mut backtest = Backtest::new(&plan.plan, &fed, standing, from);
    let mut ahead = standings[1..].iter().peekable();
    for (heard, samples) in kept.range(from..end(&played)) {
        while let Some((since, standing)) = ahead.next_if(|(since, _)| since < heard) {
            backtest.moves(*since, *standing);
        }
        backtest.hears(*heard, samples);
    }
    let report = backtest.ends(end(&played));
    (played, report)
}

#[test]
fn a_rehearsal_that_proof_put_back() {
    let (played, report) = again(Stage::shipped("canary-errors"));
    same(&played, &report);
    assert!(done(&played).iter().any(|(_, deed)| matches!(deed, Deed::PutsBack(_))));
}

#[test]
fn a_rehearsal_that_a_literal_rule_put_back() {
    let (played, report) = again(Stage::shipped("canary-errors").literally());
    same(&played, &report);
    let put_back = |(_, deed): &(Timestamp, Deed)| matches!(deed, Deed::PutsBack(Cause::Rule(_)));
    assert!(done(&played).iter().any(put_back));
}

#[test]
fn a_rehearsal_that_an_alert_froze() {
    let (played, report) = again(Stage::shipped("slow-canary"));
    same(&played, &report);
    assert!(!done(&played).is_empty());
}

#[test]
fn a_rehearsal_in_which_nothing_fired() {
    let (played, report) = again(Stage::shipped("calm"));
    assert_eq!(done(&played), Vec::new());
    same(&played, &report);
}

/// As many weeks earlier as it takes to be past: a Prometheus is not asked about what is to come.
fn in_the_past(mut stage: Stage) -> Stage {
    const WEEK: Duration = Duration::from_secs(7 * 86_400);
    let now = SystemClock::shared().now();
    while stage.scenario.start + WEEK > now {
        stage.scenario.start = stage.scenario.start - WEEK;
    }
    stage
}

/// With its fault in the first phase: a Prometheus does not say when a weight changed, so one is assumed.
fn in_the_first_phase(mut stage: Stage) -> Stage {
    stage.scenario.faults[0].at = Duration::from_secs(5 * 60);
    stage.scenario.expect.phase = Some(stage.plan.plan.phases[0].id.clone());
    stage
}

#[test]
fn a_real_prometheus_that_holds_the_samples_of_a_rehearsal() {
    for stage in [
        Stage::shipped("canary-errors"),
        Stage::shipped("canary-errors").literally(),
    ] {
        let stage = in_the_first_phase(in_the_past(stage));
        let plan = stage.plan.clone();
        let played = stage.play();
        let asked = runtime().block_on(async {
            let server = unless_missing(PrometheusServer::over(&played.end.samples).await)?;
            Some(asked(&plan, &played, &server).await)
        });
        let Some(tried) = asked else { return };
        same(&played, &tried.report);
        let unread = tried.unread();
        let elsewhere = plan
            .signals
            .iter()
            .filter(|signal| signal.source == "metrics")
            .map(|signal| &signal.id);
        assert_eq!(unread, elsewhere.collect(), "all that the plan reads from it is there");
    }
}

/// From the first reading of the rehearsal with a weight on, so that both read at the same moments.
async fn asked(plan: &Parsed, played: &Played, server: &PrometheusServer) -> Tried {
    let (since, standing) = standings(played)[0];
    assert_eq!(standings(played).len(), 1, "the fault comes in the first phase");
    let kept = kept(plan, played).await;
    let is_beat = |samples: &&Vec<Sample>| samples.iter().any(|sample| sample.signal.as_str() == "kafka");
    let from = kept
        .range(since..)
        .find(|(_, samples)| is_beat(samples))
        .map(|(at, _)| *at);
    let asking = Asking {
        url: server.url(),
        from: from.expect("it was read while it ran"),
        to: end(played),
        standing,
    };
    of_prometheus(plan, &asking, &SystemClock::shared()).await.unwrap()
}
