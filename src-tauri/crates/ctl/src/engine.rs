//! `engine`: the engines of an installation without a window, as a server or a cluster runs them.
//!
//! Its log is one JSON object a line on the error output; what a supervisor asks is answered on an address of its own, by
//! threads of its own. A signal ends it in order: what is being moved or put back is waited for, everything is written down, and
//! what was left is said. Deliberately not here: what an engine does (`bridge::headless` and below).

mod metrics;
mod probes;

use timonel_bridge::connect::{Inboxes, Pushed};
use timonel_bridge::credentials::Credentials;
use timonel_bridge::headless::heartbeat::{DeadMansSwitch, Watchdog};
use timonel_bridge::headless::{Duty, Headless, Left};
use timonel_bridge::words::Words;
use timonel_domain::value::RolloutId;

use crate::args::Engine;
use crate::{Failure, files};

/// Keeps the engines up until it is asked to end.
pub(crate) async fn serve(args: Engine, words: &Words) -> Result<(), Failure> {
    // First: whoever cannot be looked at takes nothing up and takes the helm from nobody.
    let listener = std::net::TcpListener::bind(args.listen)?;
    let at = listener.local_addr()?;
    let inbox = match &args.inbox {
        Some((source, address)) => Some((source.clone(), std::net::TcpListener::bind(address)?)),
        None => None,
    };
    let home = args.at.folder.path();
    let credentials = Credentials::of_installation(&home);
    let only = match (&args.plan, &args.environment) {
        (Some(plan), Some(environment)) => Some(of_plan(&args, &files::plan(plan)?.text, environment).await?),
        (_, _) => args.rollout.clone(),
    };
    let headless = Headless::new(Duty {
        home,
        store: args.at.store,
        helm: args.at.helm,
        name: args.name,
        kubeconfig: args.kubeconfig,
        credentials,
        only,
        pushed: inbox.as_ref().map(|(source, _)| Pushed {
            source: source.clone(),
            inboxes: Inboxes::default(),
        }),
    });
    probes::listen(listener, headless.clone())?;
    let mut ends = Ends::new()?;
    if let Some((source, listener)) = inbox {
        let at = listener.local_addr()?;
        headless.receive(listener)?;
        let place = [("address", format!("http://{at}")), ("source", source)];
        tell!("{}", words.say("engine-receives", &place));
    }
    headless.begin();
    if let Some(credential) = args.heartbeat {
        headless.call(DeadMansSwitch {
            credential,
            method: args.heartbeat_call.into(),
            every: args.heartbeat_every,
        })?;
    }
    if let Some(alertmanager) = args.alertmanager {
        headless.keep_firing(Watchdog {
            alertmanager,
            every: args.heartbeat_every,
        })?;
    }
    tell!(
        "{}",
        words.say("engine-listens", &[("address", format!("http://{at}"))])
    );
    ends.next().await;
    tell!("{}", words.say("engine-ends", &[]));
    let left = headless.stop(args.grace, ends.next()).await;
    say(&left, words);
    if left.is_nothing() {
        Ok(())
    } else {
        Err(Failure::NotAsItShould)
    }
}

/// The rollout of a plan that is not over, else a new one, as a draft.
async fn of_plan(args: &Engine, text: &str, environment: &str) -> Result<RolloutId, Failure> {
    let desk = args.at.desk_by(args.kubeconfig.as_deref()).await?;
    Ok(desk.unfinished_or_draft(text, environment).await?.id)
}

fn say(left: &Left, words: &Words) {
    for rollout in &left.moving {
        tracing::error!(%rollout, "ended while calls were being moved or put back; the next start goes on with it");
        complain!(
            "timonelctl: {}",
            words.say("engine-left-moving", &[("rollout", rollout.to_string())])
        );
    }
    for rollout in &left.unwritten {
        tracing::error!(%rollout, "ended before everything was in the store");
        complain!(
            "timonelctl: {}",
            words.say("engine-left-unwritten", &[("rollout", rollout.to_string())])
        );
    }
    if left.is_nothing() {
        tracing::info!("ended; everything is written down");
        tell!("{}", words.say("engine-ended", &[]));
    }
}

/// The signals by which a person or a supervisor asks a program to end.
struct Ends {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Ends {
    /// Hears every signal from now on.
    fn new() -> Result<Self, std::io::Error> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// The next one.
    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        drop(tokio::signal::ctrl_c().await);
    }
}
