//! How another console takes the place of what is open, and how what was lost is taken up again.
//!
//! Nothing that somebody has to watch is let go of: what may be left is asked again once the other is ready, since a person may
//! have started it meanwhile; and where the watching ended without anybody's wish it is told, and tried again until it is back.
//! Deliberately not here: how a console is made (`make`).

use std::sync::PoisonError;
use std::time::Duration;

use futures::future::BoxFuture;
use tempfile::TempDir;
use timonel_ports::clock::{sleep, within};
use timonel_ports::task;
use timonel_wire::{Arg, Sentence, ToOpen, WireError};
use tokio::sync::MutexGuard;

use super::make::Made;
use super::{Berth, Left, Standing};
use crate::console::{Asker, Console};

/// What was open has this long to write down what happened before it is left behind.
const FOR_CLOSING: Duration = Duration::from_secs(5);
/// What was lost is tried again this long after it was lost, or could not be taken up.
const AGAIN: Duration = Duration::from_secs(5);

impl Berth {
    /// Opens something else in place of what is open. Moves nothing: what was open may be left, or this is refused, and what
    /// is opened stands where its journal stands. Where it cannot be opened, what was open stays. The rollout that is open
    /// already is taken up anew, unless calls are being moved: it is closed first, since one program writes its journal.
    pub async fn open(&self, by: &Asker, what: &ToOpen) -> Result<(), WireError> {
        let _alone = self.alone(by, what)?;
        let what = self.resolved(what).await?;
        match self.in_force() {
            Some(console) if is_of(&console, &what) => self.reopen(&console, &what).await,
            before => self.replace(before, &what).await,
        }
    }

    /// As [`Berth::open`], but the rollout that is open already goes on as it is: for a program that was started once more.
    pub async fn go_to(&self, by: &Asker, what: &ToOpen) -> Result<(), WireError> {
        let _alone = self.alone(by, what)?;
        let what = self.resolved(what).await?;
        match self.in_force() {
            Some(console) if is_of(&console, &what) => Ok(()),
            before => self.replace(before, &what).await,
        }
    }

    fn alone(&self, by: &Asker, what: &ToOpen) -> Result<MutexGuard<'_, ()>, WireError> {
        by.may_act()?;
        let alone = self.0.opening.try_lock();
        let alone = alone.map_err(|_| WireError::new("error-open-busy"))?;
        tracing::info!(by = %by.person, ?what, "opening");
        Ok(alone)
    }

    async fn reopen(&self, console: &Console, what: &ToOpen) -> Result<(), WireError> {
        if console.is_moving().await {
            let moving = Sentence::new("error-open-moving").with("rollout", Arg::text(console.rollout()));
            return Err(moving.into());
        }
        self.renew(console, what).await
    }

    async fn renew(&self, console: &Console, what: &ToOpen) -> Result<(), WireError> {
        // Who asks meanwhile waits, and who watches keeps what was seen last.
        self.0.standing.send_replace(Standing::Opening);
        self.leave(console).await;
        match self.make(what).await {
            Ok(made) => {
                self.show(made).await;
                Ok(())
            }
            Err(why) => {
                self.lost(why.clone(), Left::Rollout(console.rollout().to_string()));
                Err(why)
            }
        }
    }

    async fn replace(&self, before: Option<Console>, what: &ToOpen) -> Result<(), WireError> {
        if let Some(console) = &before {
            self.may_leave(console).await?;
        }
        let left = self.0.folder.lock().unwrap_or_else(PoisonError::into_inner).take();
        let made = match (self.make(what).await, &before) {
            // Making it takes a while, in which a person may have armed and started what was open.
            (Ok(made), Some(console)) => match self.may_leave(console).await {
                Ok(()) => Ok(made),
                Err(stays) => {
                    self.leave(&made.console).await;
                    Err(stays)
                }
            },
            (made, _) => made,
        };
        match made {
            Ok(made) => self.show(made).await,
            Err(error) => {
                self.keep_folder(left);
                return Err(error);
            }
        }
        if let Some(console) = before {
            self.leave(&console).await;
        }
        Ok(())
    }

    async fn leave(&self, console: &Console) {
        let closing = within(&*self.0.clock, FOR_CLOSING, console.close());
        if closing.await.is_err() {
            tracing::warn!("what was open is left before everything is written down");
        }
    }

    /// Puts it in force, and looks after it from now on.
    pub(super) async fn show(&self, made: Made) {
        let Made { console, plan, over } = made;
        let now = Standing::Open(console.clone());
        let in_force = self.0.standing.send_if_modified(|standing| {
            let goes_on = !matches!(standing, Standing::Over);
            if goes_on {
                *standing = now;
            }
            goes_on
        });
        if !in_force {
            // The program ended while it was made.
            self.leave(&console).await;
            return;
        }
        self.0.with.keys.opened(plan, over);
        self.0.scenes.send_replace(console.scene());
        drop(task::spawn(&self.0.clock, self.clone().look_after(console)));
    }

    /// Until it ends. Where nobody ended it, it is taken up again; and taken up anew where another had its helm meanwhile, so that it
    /// shows what that one did, and can raise again.
    fn look_after(self, console: Console) -> BoxFuture<'static, ()> {
        // Boxed, since what it shows is looked after in turn.
        Box::pin(async move {
            let is_ours = || self.in_force().is_some_and(|now| now.is(&console));
            let adrift = tokio::select! {
                () = console.ended() => false,
                () = console.adrift() => true,
            };
            if adrift {
                let _alone = self.0.opening.lock().await;
                if !is_ours() {
                    return;
                }
                let rollout = console.rollout().to_string();
                tracing::warn!(%rollout, "another took the helm and has let go of it; it is taken up anew");
                // What cannot be taken up anew is told, and tried again by itself.
                let _told = self.renew(&console, &ToOpen::Rollout { rollout }).await;
                return;
            }
            // Whoever closed it may have the next thing to open: only what is lost makes anybody wait.
            if !is_ours() {
                return;
            }
            let _alone = self.0.opening.lock().await;
            if !is_ours() {
                return;
            }
            tracing::error!(rollout = %console.rollout(), "what was open has ended by itself");
            let left = if console.is_simulated() {
                Left::Nothing
            } else {
                Left::Rollout(console.rollout().to_string())
            };
            self.leave(&console).await;
            self.lost(WireError::new("error-lost"), left);
        })
    }

    /// Nothing is in force, and why. What was left is tried again by itself.
    pub(super) fn lost(&self, why: WireError, left: Left) {
        tracing::error!(error = %why, ?left, "nothing is open");
        let now = Standing::Closed {
            why,
            left: left.clone(),
        };
        self.0.standing.send_if_modified(|standing| {
            let goes_on = !matches!(standing, Standing::Over);
            if goes_on {
                *standing = now;
            }
            goes_on
        });
        if left != Left::Nothing {
            drop(task::spawn(&self.0.clock, self.clone().keep_trying(left)));
        }
    }

    /// Until it is back, or a person opened something else, or the program ends.
    async fn keep_trying(self, lost: Left) {
        loop {
            sleep(&*self.0.clock, AGAIN).await;
            let _alone = self.0.opening.lock().await;
            if !matches!(&*self.0.standing.borrow(), Standing::Closed { left, .. } if *left == lost) {
                return;
            }
            let made = match &lost {
                Left::Nothing => return,
                Left::Rollout(rollout) => {
                    let rollout = rollout.clone();
                    self.make(&ToOpen::Rollout { rollout }).await
                }
                Left::Unknown => match self.left_open().await {
                    Ok(left) => self.make(&left.unwrap_or(ToOpen::Simulator)).await,
                    Err(error) => Err(error),
                },
            };
            match made {
                Ok(made) => return self.show(made).await,
                Err(error) => tracing::error!(%error, ?lost, "could not be taken up again yet"),
            }
        }
    }

    pub(super) fn keep_folder(&self, folder: Option<TempDir>) {
        *self.0.folder.lock().unwrap_or_else(PoisonError::into_inner) = folder;
    }

    /// A real rollout that somebody has to watch is not left for another.
    pub(super) async fn may_leave(&self, console: &Console) -> Result<(), WireError> {
        let Some(stage) = console.wants_watching().await else {
            return Ok(());
        };
        let picture = console.picture();
        Err(Sentence::new("error-open-under-way")
            .with("rollout", Arg::text(console.rollout()))
            .with("stage", Arg::sentence(picture.rollout.sentence.clone()))
            .with(
                "closable",
                Arg::Count(u64::from(picture.rollout.may.iter().any(|order| order == "close"))),
            )
            .into())
        .inspect_err(|_: &WireError| tracing::info!(?stage, "not left"))
    }
}

/// Whether it is the very rollout that is to be opened.
fn is_of(console: &Console, what: &ToOpen) -> bool {
    matches!(what, ToOpen::Rollout { rollout } if !console.is_simulated() && console.rollout().as_str() == rollout)
}
