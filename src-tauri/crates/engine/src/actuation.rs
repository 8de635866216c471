//! Carrying out one operation on one target, and saying what came of it.
//!
//! Raising tries once and puts nothing right by itself: what the target puts off goes back to the owner for a while, who may have
//! thought better of it; an unknown result is read back, a failure is reported, and the step decides. Lowering goes on until it is
//! read back: at once after a conflict (a few times), with backoff and jitter after anything else, honouring `Retry-After`. Neither
//! ever writes a weight above what it was asked for.
//!
//! To 0 %, the target's instant lever goes first and waits for no reading (`lowering`).

mod lowering;

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::rollout::{Event, Failure, OpId, Report};
use timonel_domain::value::{TargetId, Weight};
use timonel_ports::clock::{SharedClock, sleep, within};
use timonel_ports::mailbox::Sender;

use crate::helm::Shared;
use crate::message::Message;
use timonel_ports::target::{Apart, Goal, Operation, Progress, Reach, Reading, Target, TargetError};

/// The deadline of one call to a target; an operation may take longer.
pub(crate) const CALL_DEADLINE: Duration = Duration::from_secs(5);
/// The deadline of a reading, and of a step upwards, which may list many pages; each call has its own within the adapter.
pub(crate) const READ_DEADLINE: Duration = Duration::from_secs(30);

/// Where many things were changed one by one, a control plane may show the last ones a moment later.
const LOOKS_AFTER_A_RAISE: u32 = 5;
/// It doubles from look to look.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// How long a raise waits in all for a target that asks for patience: nobody's calls hang on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The least that such a target is given.
const LEAST_WAIT: Duration = Duration::from_secs(1);

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
    /// How long a raise may still be put off.
    pub(crate) patience: Duration,
}

impl Order {
    /// How long to wait with this raise, which the target refused for now, and what is left of it then.
    fn put_off(&self, error: &TargetError) -> Option<(Duration, Order)> {
        let TargetError::Throttled { retry_after, .. } = error else {
            return None;
        };
        let wait = retry_after.unwrap_or_default().max(LEAST_WAIT);
        let patience = self.patience.checked_sub(wait)?;
        Some((
            wait,
            Order {
                patience,
                ..self.clone()
            },
        ))
    }
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
    /// Nothing is begun upwards without it.
    pub(crate) helm: Shared,
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
        self.report(
            order,
            Report::Read {
                op: Some(order.op),
                weight: reading.weight,
                apart: reading.apart,
                by: reading.changed_by.clone(),
            },
        );
    }

    fn accepted(&self, order: &Order, reach: Reach) {
        self.report(
            order,
            Report::Accepted {
                op: order.op,
                weight: (reach.weight != order.goal.weight()).then_some(reach.weight),
                members: reach.set,
            },
        );
    }

    async fn bounded<T>(&self, call: impl Future<Output = Result<T, TargetError>>) -> Result<T, TargetError> {
        self.within(CALL_DEADLINE, call).await
    }

    async fn within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, TargetError>>,
    ) -> Result<T, TargetError> {
        let place = || self.target.describe().place;
        match within(&*self.clock, limit, call).await {
            Ok(done) => done,
            Err(_) => Err(TargetError::Deadline { place: place(), limit }),
        }
    }

    async fn read(&self) -> Result<Reading, TargetError> {
        self.within(READ_DEADLINE, self.target.read()).await
    }

    /// All steps of a plan, each polled to its end.
    async fn carry_out(&self, order: &Order, reading: &Reading) -> Result<(), TargetError> {
        // Before a raise a target may have to look at what it is going to move; nobody waits for that in a rollback.
        let (limit, lowers) = match order.goal {
            Goal::Raise { .. } => (READ_DEADLINE, false),
            Goal::Lower { .. } => (CALL_DEADLINE, true),
        };
        let steps = self.target.plan(&order.goal, reading)?;
        let mut running = Vec::new();
        let mut first = None;
        for (at, step) in steps.iter().enumerate() {
            // Reading may have outlasted the lease under which this was decided.
            if !lowers && self.helm.get().ours.is_none() {
                return Err(TargetError::Refused {
                    place: self.target.describe().place,
                    detail: "the helm was lost before it was asked for".to_owned(),
                });
            }
            match self.within(limit, self.target.start(step)).await {
                Ok(operation) => running.push(operation),
                // A lever or a mark that does not get through must not keep the members behind it where they are.
                Err(error) if lowers && at == 0 && steps.len() > 1 => first = Some(error),
                Err(error) => {
                    // It will be asked for again, and must not find its own half under way then.
                    if !lowers && order.put_off(&error).is_some() {
                        self.follow(order, &running).await?;
                    }
                    return Err(error);
                }
            }
        }
        self.accepted(order, self.target.reach(&order.goal, reading));
        let followed = self.follow(order, &running).await;
        first.map_or(followed, Err)
    }

    /// Polls operations to their ends, all of them. What takes its time is told, so that another process can go on asking.
    async fn follow(&self, order: &Order, operations: &[Operation]) -> Result<(), TargetError> {
        let mut left_undone = Vec::new();
        for operation in operations {
            let mut told = false;
            loop {
                match self.bounded(self.target.poll(operation)).await? {
                    Progress::Done => break,
                    Progress::Partial(what) => {
                        left_undone.push(what);
                        break;
                    }
                    Progress::Pending(after) => {
                        if !told {
                            told = true;
                            self.reports.tell(Message::Operating {
                                target: order.target.clone(),
                                op: order.op,
                                operation: operation.clone(),
                            });
                        }
                        sleep(&*self.clock, after).await;
                    }
                }
            }
        }
        if left_undone.is_empty() {
            return Ok(());
        }
        Err(TargetError::Partly {
            place: self.target.describe().place,
            detail: left_undone.join("; "),
        })
    }

    /// Raises once. The journal has the decision already.
    pub(crate) async fn raise(self, order: Order) {
        let mut conflicts = 0;
        loop {
            match self.try_raise(&order).await {
                Ok(()) => return,
                Err(TargetError::Conflict { .. }) if conflicts < CONFLICTS => conflicts += 1,
                Err(error) if error.is_unknown() => return self.resolve(order, error).await,
                Err(error) => {
                    let Some((wait, later)) = order.put_off(&error) else {
                        return self.failed(&order, &error);
                    };
                    sleep(&*self.clock, wait).await;
                    return self.reports.tell(Message::PutOff(later));
                }
            }
        }
    }

    async fn try_raise(&self, order: &Order) -> Result<(), TargetError> {
        let reading = self.read().await?;
        if let Some(what) = &reading.unsettled {
            return Err(TargetError::Refused {
                place: self.target.describe().place,
                detail: format!("{what}: wait until that is over"),
            });
        }
        if order.known.is_some_and(|known| reading.weight < known) {
            let detail = format!("it stands at {}, somebody lowered it meanwhile", reading.weight);
            return Err(TargetError::Refused {
                place: self.target.describe().place,
                detail,
            });
        }
        self.carry_out(order, &reading).await?;
        let mut pause = BETWEEN_LOOKS;
        for looks in 1.. {
            let after = self.read().await?;
            let wanted = self.target.reach(&order.goal, &reading).weight;
            let there = after.weight == wanted && after.apart == Apart::NONE;
            if there || after.set.is_none() || looks == LOOKS_AFTER_A_RAISE {
                self.read_reported(order, &after);
                break;
            }
            sleep(&*self.clock, pause).await;
            pause *= 2;
        }
        Ok(())
    }

    /// An operation that another process began: it is asked for its end before anything else.
    pub(crate) async fn take_up(self, order: Order, operations: Vec<Operation>, error: TargetError) {
        let error = self.follow(&order, &operations).await.err().unwrap_or(error);
        self.resolve(order, error).await;
    }

    /// An intended raise without a known result is read back first, never repeated blindly.
    pub(crate) async fn resolve(self, order: Order, error: TargetError) {
        match self.read().await {
            Ok(reading) => {
                let reach = self.target.reach(&order.goal, &reading);
                if reading.weight == reach.weight && reading.apart == Apart::NONE && reading.unsettled.is_none() {
                    self.accepted(&order, reach);
                    self.read_reported(&order, &reading);
                } else {
                    self.failed(&order, &error);
                }
            }
            Err(_) => self.failed(&order, &error),
        }
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
