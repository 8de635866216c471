//! The tasks that look: sources at their intervals, targets for drift, people's commands, the passing of time.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use timonel_domain::rollout::TICK;
use timonel_domain::value::TargetId;
use timonel_ports::clock::{SharedClock, sleep, within};
use timonel_ports::commands::{CommandError, CommandFeed, CommandId};
use timonel_ports::mailbox::{Receiver, Sender};
use timonel_ports::signal::Source;
use timonel_ports::target::{Target, TargetError};
use timonel_ports::task::{Task, spawn};

use crate::actuation::READ_DEADLINE;
use crate::message::Message;

/// How often a target is read when nothing says that it changed.
const TARGET_INTERVAL: Duration = Duration::from_secs(10);
/// A target that says again and again that it changed is read no more often than this.
const LEAST_BETWEEN_LOOKS: Duration = Duration::from_millis(500);
/// Whatever looks begins this much apart from all else that does, so that what falls into one second comes in the same
/// order every time, however the tasks were started.
const STAGGER: Duration = Duration::from_millis(37);
const TARGET_STAGGER: Duration = Duration::from_millis(13);

/// Reads a source at its interval, on the beat: a slow answer does not shift the ones after it. Between the beats it is read
/// whenever it says that something came.
pub(crate) fn source(
    clock: &SharedClock,
    index: u32,
    source: Arc<dyn Source>,
    every: Duration,
    to: Sender<Message>,
) -> Task<()> {
    let on = clock.clone();
    spawn(clock, async move {
        let mut due = on.mono() + STAGGER * (index + 1);
        loop {
            tokio::select! {
                biased;
                () = on.sleep_until(due) => {}
                () = source.arrived() => {}
            }
            let readings = source.read().await;
            if to.send(Message::Readings(readings)).is_err() {
                return;
            }
            while due <= on.mono() {
                due = due + every;
            }
        }
    })
}

/// Reads a target at an interval, and whenever it says that something changed.
pub(crate) fn target(
    clock: &SharedClock,
    index: u32,
    id: &TargetId,
    target: Arc<dyn Target>,
    to: Sender<Message>,
) -> [Task<()>; 2] {
    let look = Look {
        clock: clock.clone(),
        id: id.clone(),
        target: target.clone(),
        to: to.clone(),
    };
    let on = clock.clone();
    let regular = spawn(clock, async move {
        sleep(&*on, TARGET_STAGGER * (index + 1)).await;
        loop {
            sleep(&*on, TARGET_INTERVAL).await;
            look.look().await;
        }
    });
    let look = Look {
        clock: clock.clone(),
        id: id.clone(),
        target: target.clone(),
        to,
    };
    let on = clock.clone();
    let watching = spawn(clock, async move {
        let mut next = on.mono();
        loop {
            match target.changed().await {
                Ok(()) => {
                    // An object that changes all the time must not have us read it all the time.
                    on.sleep_until(next).await;
                    next = on.mono() + LEAST_BETWEEN_LOOKS;
                    look.look().await;
                }
                Err(error) => {
                    tracing::debug!(target = %look.id, %error, "cannot watch; reading at intervals goes on");
                    sleep(&*on, TARGET_INTERVAL).await;
                }
            }
        }
    });
    [regular, watching]
}

struct Look {
    clock: SharedClock,
    id: TargetId,
    target: Arc<dyn Target>,
    to: Sender<Message>,
}

impl Look {
    async fn look(&self) {
        let begun = self.clock.mono();
        let outcome = match within(&*self.clock, READ_DEADLINE, self.target.look()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(TargetError::Deadline {
                place: self.target.describe().place,
                limit: READ_DEADLINE,
            }),
        };
        self.to.tell(Message::Live {
            target: self.id.clone(),
            begun,
            outcome,
        });
    }
}

/// Tells the owner that time goes by.
pub(crate) fn ticks(clock: &SharedClock, to: Sender<Message>) -> Task<()> {
    let on = clock.clone();
    spawn(clock, async move {
        while to.send(Message::Tick).is_ok() {
            sleep(&*on, TICK).await;
        }
    })
}

/// Tells the owner that the board has something due, `left` from now.
pub(crate) fn due(clock: &SharedClock, left: Duration, to: Sender<Message>) -> Task<()> {
    let on = clock.clone();
    spawn(clock, async move {
        sleep(&*on, left).await;
        to.tell(Message::Due);
    })
}

/// Hands on what people want in this process. Nothing that has to do with a store holds it up.
pub(crate) fn commands(clock: &SharedClock, mut feed: Box<dyn CommandFeed>, to: Sender<Message>) -> Task<()> {
    let on = clock.clone();
    spawn(clock, async move {
        loop {
            match feed.next().await {
                Ok(taken) => {
                    if to.send(Message::Command(taken)).is_err() {
                        return;
                    }
                }
                Err(CommandError::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, "commands do not arrive");
                    sleep(&*on, TICK).await;
                }
            }
        }
    })
}

/// Hands on what people want anywhere, and says which of it the journal has an answer to.
pub(crate) fn orders(
    clock: &SharedClock,
    mut feed: Box<dyn CommandFeed>,
    mut answered: Receiver<CommandId>,
    to: Sender<Message>,
) -> Task<()> {
    let on = clock.clone();
    spawn(clock, async move {
        // What was given from here and has no mark yet; those of the own process have none to get.
        let mut given = BTreeSet::new();
        let mut unmarked = VecDeque::new();
        loop {
            let trouble = if let Some(id) = unmarked.front() {
                let marked = feed.answered(id).await;
                if marked.is_ok() {
                    unmarked.pop_front();
                }
                marked.err()
            } else {
                tokio::select! {
                    biased;
                    id = answered.recv() => match id {
                        Some(id) => {
                            if given.remove(&id) {
                                unmarked.push_back(id);
                            }
                            None
                        }
                        None => return,
                    },
                    taken = feed.next() => match taken {
                        Ok(taken) => {
                            given.insert(taken.command.id.clone());
                            if to.send(Message::Command(taken)).is_err() {
                                return;
                            }
                            None
                        }
                        Err(error) => Some(error),
                    },
                }
            };
            match trouble {
                None => {}
                Some(CommandError::Closed) => return,
                Some(error) => {
                    tracing::warn!(%error, "commands do not arrive");
                    sleep(&*on, TICK).await;
                }
            }
        }
    })
}
