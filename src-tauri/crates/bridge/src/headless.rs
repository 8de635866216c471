//! The engines of an installation without anybody who looks: one rollout, or every one that is open, taken up and kept up, and
//! given back in order when the program is to end.
//!
//! For servers and clusters: no page, no popups, no keychain. It is told nothing and decides nothing; people's orders come
//! from `timonelctl rollback`, `pin` and `drill` over the same store, since each engine hears its own process alone. What a supervisor wants to know of it is in [`health`], [`figures`] and
//! [`heartbeat`]. Deliberately not here: sockets and signals (`timonelctl engine`), and the choice of one rollout among several
//! for a person to look at (`berth`).

pub mod figures;
pub mod health;
pub mod heartbeat;
mod keep;

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use secrecy::SecretString;
use timonel_domain::time::Mono;
use timonel_domain::value::{RolloutId, Writer};
use timonel_plan::Parsed;
use timonel_ports::clock::{SharedClock, SystemClock, sleep, within};
use timonel_ports::task::spawn;
use tokio::sync::{OnceCell, watch};

use crate::Desk;
use crate::connect::{Connections, Pushed};
use crate::console::Console;
use crate::credentials::Credentials;
use crate::desk::HelmKeeper;

/// Each engine has this long to write down what happened when the program ends.
const FOR_CLOSING: Duration = Duration::from_secs(5);
/// How often it is looked whether a rollout still moves calls, while the program waits to end.
const LOOK: Duration = Duration::from_millis(200);

/// What a headless program is to keep up.
#[derive(Debug, Clone)]
pub struct Duty {
    /// The folder of kits, intents and locks, which no other machine shares. It outlives the program, or a rollback that a
    /// crash cut short is resumed by nobody.
    pub home: PathBuf,
    /// The store, where it is not the file in `home`; its address may hold a password.
    pub store: Option<SecretString>,
    /// Where helms are kept.
    pub helm: HelmKeeper,
    /// The program's name in the journal. No two programs that share a store have the same.
    pub name: Writer,
    /// A kubeconfig in place of the one kubectl would use.
    pub kubeconfig: Option<PathBuf>,
    /// Where keys are.
    pub credentials: Credentials,
    /// This rollout alone; every one that is open otherwise, those that are opened later too.
    pub only: Option<RolloutId>,
    /// Where finished calls are pushed; nowhere otherwise.
    pub pushed: Option<Pushed>,
}

/// The engines of an installation. Clone it freely.
#[derive(Debug, Clone)]
pub struct Headless(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    duty: Duty,
    clock: SharedClock,
    quay: OnceCell<Quay>,
    engines: Mutex<BTreeMap<RolloutId, Kept>>,
    /// Why a rollout could not be taken up at the last attempt, by its id.
    troubles: Mutex<BTreeMap<String, String>>,
    /// Rollouts that another program keeps up, with what the helm says; this one stands by.
    standby: Mutex<BTreeMap<RolloutId, String>>,
    store: Mutex<Option<Proof>>,
    /// One round at a time, and the end of the program after it.
    rounds: tokio::sync::Mutex<()>,
    /// When everything that is open was last gone through.
    rounded: Mutex<Option<Mono>>,
    /// When this program's own threads last came round to us, in microseconds of the clock.
    beat: AtomicU64,
    hearts: Mutex<BTreeMap<&'static str, heartbeat::Sent>>,
    ending: watch::Sender<bool>,
}

/// The installation, and this program's name in it, which no other program has while the file is held.
#[derive(Debug)]
struct Quay {
    desk: Desk,
    name: Writer,
    _mine: Option<File>,
}

/// A rollout that is kept up.
#[derive(Debug, Clone)]
struct Kept {
    console: Console,
    plan: Parsed,
    connections: Connections,
    /// Since when something was in the journal's queue whenever it was looked.
    behind: Arc<Mutex<Option<Mono>>>,
}

/// What the last attempt to write to the store showed.
#[derive(Debug, Clone)]
struct Proof {
    at: Mono,
    said: Result<(), String>,
}

/// What was not finished when the program ended. What is under way is taken up by the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// Rollouts whose calls were still being moved or put back.
    pub moving: Vec<RolloutId>,
    /// Rollouts of which not everything is in the store.
    pub unwritten: Vec<RolloutId>,
}

impl Left {
    /// Whether nothing was left.
    pub fn is_nothing(&self) -> bool {
        self.moving.is_empty() && self.unwritten.is_empty()
    }
}

impl Headless {
    /// Opens nothing yet: [`Headless::begin`] does.
    pub fn new(duty: Duty) -> Self {
        Self::on(duty, SystemClock::shared())
    }

    /// As [`Headless::new`], on a clock other than the machine's.
    pub fn on(duty: Duty, clock: SharedClock) -> Self {
        Self(Arc::new(Inner {
            beat: AtomicU64::new(clock.mono().micros()),
            duty,
            clock,
            quay: OnceCell::new(),
            engines: Mutex::default(),
            troubles: Mutex::default(),
            standby: Mutex::default(),
            store: Mutex::default(),
            rounds: tokio::sync::Mutex::default(),
            rounded: Mutex::default(),
            hearts: Mutex::default(),
            ending: watch::Sender::new(false),
        }))
    }

    /// Begins to keep up what it is to keep up, and goes on until [`Headless::stop`]. What cannot be taken up now is tried again.
    /// Needs a tokio runtime, and keeps tasks on it.
    pub fn begin(&self) {
        drop(spawn(&self.0.clock, self.clone().beat()));
        drop(spawn(&self.0.clock, self.clone().keep()));
    }

    /// Takes finished calls on `listener`, where it was told that they are pushed. Needs a tokio runtime, and keeps tasks on it.
    pub fn receive(&self, listener: TcpListener) -> std::io::Result<()> {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        if let Some(pushed) = &self.0.duty.pushed {
            drop(spawn(&self.0.clock, pushed.receive(listener, self.0.clock.clone())));
        }
        Ok(())
    }

    /// The rollouts that are kept up now.
    pub fn rollouts(&self) -> Vec<RolloutId> {
        lock(&self.0.engines).keys().cloned().collect()
    }

    /// Ends in order: waits up to `grace`, or until `hurry`, for calls that are being moved or put back, then lets every engine
    /// write down what happened and lets go of the store. Nothing is put back or raised on that account. Says what was left;
    /// a rollback among it goes on with the next start.
    pub async fn stop(&self, grace: Duration, hurry: impl Future<Output = ()>) -> Left {
        self.0.ending.send_replace(true);
        let mut left = Left::default();
        let waiting = async {
            while !self.moving().await.is_empty() {
                sleep(&*self.0.clock, LOOK).await;
            }
        };
        tokio::select! {
            _ = within(&*self.0.clock, grace, waiting) => {}
            () = hurry => {}
        }
        left.moving = self.moving().await;
        let engines = std::mem::take(&mut *lock(&self.0.engines));
        let closing = engines.into_iter().map(async |(rollout, kept)| {
            let closed = within(&*self.0.clock, FOR_CLOSING, kept.console.close()).await;
            closed.is_err().then_some(rollout)
        });
        left.unwritten = join_all(closing).await.into_iter().flatten().collect();
        // What was being taken up is closed by whoever took it up.
        let _ = within(&*self.0.clock, FOR_CLOSING, self.0.rounds.lock()).await;
        if let Some(quay) = self.0.quay.get() {
            // A database that is away keeps nobody.
            let _ = within(&*self.0.clock, FOR_CLOSING, quay.desk.store().close()).await;
        }
        left
    }

    /// Rollouts whose calls are being moved or put back now.
    async fn moving(&self) -> Vec<RolloutId> {
        let looks = self.kept().into_iter().map(async |kept| {
            let rollout = kept.console.rollout().clone();
            kept.console.is_moving().await.then_some(rollout)
        });
        join_all(looks).await.into_iter().flatten().collect()
    }

    fn kept(&self) -> Vec<Kept> {
        lock(&self.0.engines).values().cloned().collect()
    }

    fn is_ending(&self) -> bool {
        *self.0.ending.borrow()
    }

    /// Waits, but no longer than until the program is to end; whether it is.
    async fn pause(&self, long: Duration) -> bool {
        let mut ending = self.0.ending.subscribe();
        tokio::select! {
            () = sleep(&*self.0.clock, long) => {}
            // The sender is ours, so this cannot fail.
            _ = ending.wait_for(|ending| *ending) => {}
        }
        self.is_ending()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
