//! `doctor`: whether everything that a rollout needs is there, each with its proof.

use std::time::Duration;

use timonel_bridge::connect::Connections;
use timonel_bridge::credentials::Credentials;
use timonel_bridge::doctor::{BETWEEN_READINGS, Found, SignalAge, Verdict, installation, plan as plan_checks};
use timonel_bridge::words::Words;
use timonel_plan::parsed::SIMULATOR;
use timonel_ports::clock::SystemClock;
use timonel_ports::target::Check;
use timonel_wire::told::side;

use crate::args::Doctor;
use crate::{Failure, files};

pub(crate) async fn doctor(args: Doctor, words: &Words) -> Result<(), Failure> {
    let clock = SystemClock::shared();
    let mut good = true;
    for check in installation(&args.folder.path(), &clock).await {
        good &= check.ok;
        show(&check);
    }
    if let Some(path) = &args.plan {
        let plan = files::plan(path)?.value;
        let name = args.environment.unwrap_or_else(|| plan.plan.environment.clone());
        if name == SIMULATOR {
            tell!("{}", words.say("doctor-simulator", &[]));
        } else {
            let plan = plan.in_environment(&name).map_err(|error| {
                complain!("timonelctl: {error}");
                Failure::BadInput
            })?;
            tell!(
                "{}",
                words.say("doctor-reads", &[("wait", words.span(BETWEEN_READINGS))])
            );
            let connections = Connections::of_environment(&plan, args.kubeconfig)
                .with_keys(&plan, &Credentials::of_installation(&args.folder.path()))
                .await;
            let examined = plan_checks(&plan, &connections, &clock).await;
            for check in &examined.checks {
                good &= check.ok;
                show(check);
            }
            for signal in &examined.signals {
                good &= signal.verdict() != Verdict::Bad;
                tell!("{}", line(signal, words));
            }
        }
    }
    tell!("{}", words.say(if good { "doctor-good" } else { "doctor-bad" }, &[]));
    if good { Ok(()) } else { Err(Failure::NotAsItShould) }
}

fn show(check: &Check) {
    tell!("{} {:26} {}", if check.ok { "✓" } else { "✗" }, check.code, check.proof);
}

/// A side of a signal: how old its newest value is, by nature and now.
fn line(signal: &SignalAge, words: &Words) -> String {
    let name = format!("{} ({})", signal.signal, words.tell(&side(signal.side)));
    let by_nature = by_nature(signal.lag, signal.interval, words);
    let (sign, mut text) = match (signal.verdict(), &signal.found) {
        (verdict, Found::Value { age }) => {
            let values = [
                ("age", words.span(*age)),
                ("late", words.span(signal.late_after)),
                ("nature", by_nature),
            ];
            (sign(verdict), words.say("doctor-signal", &values))
        }
        (verdict, Found::Begun) => (
            sign(verdict),
            words.say("doctor-signal-begun", &[("nature", by_nature)]),
        ),
        (verdict, Found::Failed(error)) => {
            let values = [("why", error.to_string()), ("nature", by_nature)];
            (sign(verdict), words.say("doctor-signal-failed", &values))
        }
    };
    if signal.verdict() == Verdict::Open {
        let key = if signal.required {
            "doctor-not-yet"
        } else {
            "doctor-not-required"
        };
        text = format!("{text}. {}", words.say(key, &[]));
    }
    format!("{sign} {name:26} {text}")
}

/// How far a signal is behind by nature, as its source states it or its plan says, and how often it is read.
pub(crate) fn by_nature(lag: Duration, interval: Duration, words: &Words) -> String {
    let interval = ("interval", words.span(interval));
    if lag.is_zero() {
        words.say("lag-none", &[interval])
    } else {
        words.say("lag", &[("lag", words.span(lag)), interval])
    }
}

fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "✓",
        Verdict::Open => "·",
        Verdict::Bad => "✗",
    }
}
