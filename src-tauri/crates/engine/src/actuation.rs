//! Carrying out one operation on one target, and saying what came of it.
//!
//! Raising tries once and puts nothing right by itself: an unknown result is read back, a failure is reported, and
//! the step decides. Lowering goes on until it is read back: at once after a conflict (a few times), with backoff and jitter after
//! anything else, honouring `Retry-After`. Neither ever writes a weight above what it was asked for.

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::rollout::{Event, Failure, OpId, Report};
use timonel_domain::value::{TargetId, Weight};
use timonel_ports::clock::{SharedClock, sleep, within};
use timonel_ports::mailbox::Sender;

use crate::message::Message;
use timonel_ports::target::{Goal, Progress, Reading, Target, TargetError};

/// The deadline of one call to a target; an operation may take longer.
pub(crate) const CALL_DEADLINE: Duration = Duration::from_secs(5);

/// The pause after the first failure of a lowering, and the least that a target is given; it doubles up to the longest.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// A target that asks for more patience than this is asked again all the same: calls hang on it.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);
/// How often the race against another writer may be lost before a raise is given up, and a lowering pauses.
const CONFLICTS: u32 = 3;

/// One operation.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// Its number, which every report bears.
    pub(crate) op: OpId,
    /// Which target.
    pub(crate) target: TargetId,
    /// What to reach.
    pub(crate) goal: Goal,
    /// What the target stood at by our knowledge: a raise from anything lower would undo somebody's rollback.
    pub(crate) known: Option<Weight>,
}

/// What actuation needs of the engine.
#[derive(Clone)]
pub(crate) struct Hands {
    /// Time.
    pub(crate) clock: SharedClock,
    /// Where reports go.
    pub(crate) reports: Sender<Message>,
    /// The target.
    pub(crate) target: Arc<dyn Target>,
}

impl Hands {
    fn report(&self, order: &Order, report: Report) {
        // The owner is gone only when the engine stops.
        let event = Event::Target {
            target: order.target.clone(),
            report,
        };
        self.reports.tell(Message::Event(event));
    }

    fn failed(&self, order: &Order, error: &TargetError) {
        self.report(
            order,
            Report::Failed {
                op: order.op,
                failure: failure(error),
            },
        );
    }

    fn read_reported(&self, order: &Order, reading: &Reading) {
        let (weight, by) = (reading.weight, reading.changed_by.clone());
        self.report(
            order,
            Report::Read {
                op: Some(order.op),
                weight,
                by,
            },
        );
    }

    async fn bounded<T>(&self, call: impl Future<Output = Result<T, TargetError>>) -> Result<T, TargetError> {
        let place = || self.target.describe().place;
        match within(&*self.clock, CALL_DEADLINE, call).await {
            Ok(done) => done,
            Err(_) => Err(TargetError::Deadline {
                place: place(),
                limit: CALL_DEADLINE,
            }),
        }
    }

    async fn read(&self) -> Result<Reading, TargetError> {
        self.bounded(self.target.read()).await
    }

    /// All steps of a plan, each polled to its end. `accepted` is called once the last step was accepted.
    async fn carry_out(&self, goal: &Goal, reading: &Reading, accepted: impl FnOnce()) -> Result<(), TargetError> {
        let mut running = Vec::new();
        for step in self.target.plan(goal, reading)? {
            running.push(self.bounded(self.target.start(&step)).await?);
        }
        accepted();
        for operation in running {
            while let Progress::Pending(after) = self.bounded(self.target.poll(&operation)).await? {
                sleep(&*self.clock, after).await;
            }
        }
        Ok(())
    }

    /// Raises once. The journal has the decision already.
    pub(crate) async fn raise(self, order: Order) {
        let mut conflicts = 0;
        loop {
            match self.try_raise(&order).await {
                Ok(()) => return,
                Err(TargetError::Conflict { .. }) if conflicts < CONFLICTS => conflicts += 1,
                Err(error) if error.is_unknown() => return self.resolve(order, error).await,
                Err(error) => return self.failed(&order, &error),
            }
        }
    }

    async fn try_raise(&self, order: &Order) -> Result<(), TargetError> {
        let reading = self.read().await?;
        if order.known.is_some_and(|known| reading.weight < known) {
            let detail = format!("it stands at {}, somebody lowered it meanwhile", reading.weight);
            return Err(TargetError::Refused {
                place: self.target.describe().place,
                detail,
            });
        }
        self.carry_out(&order.goal, &reading, || {
            self.report(order, Report::Accepted { op: order.op })
        })
        .await?;
        let after = self.read().await?;
        self.read_reported(order, &after);
        Ok(())
    }

    /// An intended raise without a known result is read back first, never repeated blindly.
    pub(crate) async fn resolve(self, order: Order, error: TargetError) {
        match self.read().await {
            Ok(reading) if reading.weight == order.goal.weight() => {
                self.report(&order, Report::Accepted { op: order.op });
                self.read_reported(&order, &reading);
            }
            Ok(_) | Err(_) => self.failed(&order, &error),
        }
    }

    /// Lowers until it is read back. Ends only then, or when the task is stopped because another order replaces it.
    pub(crate) async fn lower(self, order: Order, mut jitter: impl FnMut(Duration) -> Duration + Send) {
        let mut backoff = FIRST_BACKOFF;
        let mut conflicts = 0;
        loop {
            let pause = match self.try_lower(&order).await {
                Ok(true) => return,
                // It was accepted, and reads otherwise: perhaps not yet.
                Ok(false) => backoff,
                Err(error) => {
                    self.failed(&order, &error);
                    match error {
                        TargetError::Conflict { .. } if conflicts < CONFLICTS => {
                            conflicts += 1;
                            Duration::ZERO
                        }
                        TargetError::Throttled {
                            retry_after: Some(after),
                            ..
                        } => after.clamp(FIRST_BACKOFF, LONGEST_RETRY_AFTER),
                        _ => backoff,
                    }
                }
            };
            if pause > Duration::ZERO {
                sleep(&*self.clock, pause + jitter(backoff)).await;
                backoff = (backoff * 2).min(LONGEST_BACKOFF);
                conflicts = 0;
            }
        }
    }

    async fn try_lower(&self, order: &Order) -> Result<bool, TargetError> {
        let reading = self.read().await?;
        let to = order.goal.weight();
        if reading.weight < to {
            self.read_reported(order, &reading);
            return Ok(true);
        }
        self.carry_out(&order.goal, &reading, || {
            self.report(order, Report::Accepted { op: order.op })
        })
        .await?;
        let after = self.read().await?;
        self.read_reported(order, &after);
        Ok(after.weight <= to)
    }
}

/// A failure as it is journalled.
pub(crate) fn failure(error: &TargetError) -> Failure {
    Failure {
        code: error.code().to_owned(),
        text: bounded(error.to_string()),
    }
}

/// An entry of the journal has a limit, and what a control plane says has none.
pub(crate) fn bounded(mut text: String) -> String {
    const LIMIT: usize = 2000;
    if text.len() > LIMIT {
        text.truncate(text.floor_char_boundary(LIMIT));
        text.push('…');
    }
    text
}
