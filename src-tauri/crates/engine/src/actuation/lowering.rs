//! Lowering, until it is read back.
//!
//! Where a target has an instant lever, two things go on side by side. One pulls the lever and holds it: it goes on reading it
//! back for as long as anything is left behind it, since a write that was on its way when it was pulled (of a raise that was
//! stopped, of another engine) may land after it and give it back. The other puts back what is behind it by the plain path,
//! until nothing is left there and nothing is under way that could change it. It begins once the lever is pulled; where
//! that does not get through it does not wait for it for long, since the way there may be another one.
//!
//! Deliberately not here: raising (`actuation`), and what a lever is (the adapter).

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use futures::future::select;
use timonel_domain::rollout::Report;
use timonel_ports::clock::sleep;
use timonel_ports::mailbox::{Reply, answer};
use timonel_ports::target::{Operation, Progress, Reading, TargetError};

use super::{CONFLICTS, Hands, Order};

/// A lever that was accepted is pulled and read back so often before that counts as a failure.
const LEVER_LOOKS: u32 = 5;
/// Between two of them.
const BETWEEN_LEVER_LOOKS: Duration = Duration::from_millis(500);
/// A lever that is pulled is read back again after this, which doubles up to the longest.
const FIRST_GUARD: Duration = Duration::from_secs(1);
const LONGEST_GUARD: Duration = Duration::from_secs(5);
/// So often the lever is tried before what is behind it is put back beside further tries.
const LEVER_TRIES: u32 = 3;

/// The pause after the first failure of a lowering, and the least that a target is given; it doubles up to the longest.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// A target that asks for more patience than this is asked again all the same: calls hang on it.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);

/// How long to wait before the next attempt.
struct Pauses<J> {
    backoff: Duration,
    conflicts: u32,
    jitter: J,
}

impl<J: FnMut(Duration) -> Duration> Pauses<J> {
    fn new(jitter: J) -> Self {
        Self {
            backoff: FIRST_BACKOFF,
            conflicts: 0,
            jitter,
        }
    }

    /// After something that is not as it was asked for: perhaps not yet.
    fn later(&mut self) -> Duration {
        self.spread(self.backoff)
    }

    fn after(&mut self, error: &TargetError) -> Duration {
        match error {
            TargetError::Conflict { .. } if self.conflicts < CONFLICTS => {
                self.conflicts += 1;
                Duration::ZERO
            }
            TargetError::Throttled {
                retry_after: Some(after),
                ..
            } => self.spread((*after).clamp(FIRST_BACKOFF, LONGEST_RETRY_AFTER)),
            _ => self.later(),
        }
    }

    fn spread(&mut self, pause: Duration) -> Duration {
        let pause = pause + (self.jitter)(self.backoff);
        self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
        self.conflicts = 0;
        pause
    }
}

impl Hands {
    /// Lowers until it is read back. Ends only then, or when the task is stopped because another order replaces it.
    pub(crate) async fn lower(self, order: Order, jitter: impl FnMut(Duration) -> Duration + Send + Clone) {
        if self.target.instant_lever(&order.goal).is_none() {
            return self.put_back(&order, Pauses::new(jitter)).await;
        }
        let (tried, begin) = answer(&self.clock);
        let hold = pin!(self.hold_lever(&order, Pauses::new(jitter.clone()), tried));
        let clear = pin!(async {
            // Told, or nobody is left to tell.
            let _ = begin.recv().await;
            let mut pauses = Pauses::new(jitter);
            if let Err(error) = self.clean_up(&order).await {
                self.failed(&order, &error);
                sleep(&*self.clock, pauses.after(&error)).await;
            }
            self.put_back(&order, pauses).await;
        });
        select(hold, clear).await;
    }

    /// Pulls the lever, and again whenever it does not read back. Says once when what is behind it may begin.
    async fn hold_lever(
        &self,
        order: &Order,
        mut pauses: Pauses<impl FnMut(Duration) -> Duration>,
        tried: Reply<()>,
    ) -> Infallible {
        let mut tried = Some(tried);
        let mut failures = 0;
        loop {
            let error = match self.pull(order).await {
                Ok(operation) => {
                    tried.take().into_iter().for_each(|tried| tried.send(()));
                    self.released(&operation).await
                }
                Err(error) => {
                    failures += 1;
                    if !error.is_unknown() || failures >= LEVER_TRIES {
                        tried.take().into_iter().for_each(|tried| tried.send(()));
                    }
                    error
                }
            };
            self.failed(order, &error);
            let pause = match error {
                // It was pulled, and somebody gave it back.
                TargetError::Conflict { .. } => Duration::ZERO,
                error => pauses.after(&error),
            };
            if pause > Duration::ZERO {
                sleep(&*self.clock, pause).await;
            }
        }
    }

    /// Pulls the lever and reads it back.
    async fn pull(&self, order: &Order) -> Result<Operation, TargetError> {
        let mut detail = String::new();
        for _ in 0..LEVER_LOOKS {
            // Anew each time: what was read back may have taught the target more.
            let Some(lever) = self.target.instant_lever(&order.goal) else {
                break;
            };
            let operation = self.bounded(self.target.start(&lever)).await?;
            self.report(order, Report::accepted(order.op));
            let pause = match self.bounded(self.target.poll(&operation)).await? {
                Progress::Done => {
                    self.report(order, Report::Levered { op: order.op });
                    return Ok(operation);
                }
                Progress::Pending(after) => after,
                Progress::Partial(what) => {
                    detail = what;
                    BETWEEN_LEVER_LOOKS
                }
            };
            sleep(&*self.clock, pause).await;
        }
        Err(TargetError::Partly {
            place: self.target.describe().place,
            detail: format!("its instant lever was accepted and does not read back. {detail}"),
        })
    }

    /// Waits until a pulled lever reads otherwise.
    async fn released(&self, operation: &Operation) -> TargetError {
        let mut pause = FIRST_GUARD;
        loop {
            sleep(&*self.clock, pause).await;
            pause = (pause * 2).min(LONGEST_GUARD);
            match self.bounded(self.target.poll(operation)).await {
                Ok(Progress::Done | Progress::Pending(_)) => {}
                Ok(Progress::Partial(what)) => {
                    tracing::warn!(place = %self.target.describe().place, %what, "a pulled lever was given back");
                    return TargetError::Conflict {
                        place: self.target.describe().place,
                    };
                }
                // Nobody knows, which is no reason to write.
                Err(error) => tracing::debug!(%error, "a pulled lever cannot be read back"),
            }
        }
    }

    /// What can be put back behind the lever without reading first.
    async fn clean_up(&self, order: &Order) -> Result<(), TargetError> {
        let mut running = Vec::new();
        for step in self.target.clean_up(&order.goal) {
            running.push(self.bounded(self.target.start(&step)).await?);
        }
        self.follow(order, &running).await
    }

    /// The plain path, as often as it takes.
    async fn put_back(&self, order: &Order, mut pauses: Pauses<impl FnMut(Duration) -> Duration>) {
        loop {
            let pause = match self.try_lower(order).await {
                Ok(true) => return,
                Ok(false) => pauses.later(),
                Err(error) => {
                    self.failed(order, &error);
                    pauses.after(&error)
                }
            };
            if pause > Duration::ZERO {
                sleep(&*self.clock, pause).await;
            }
        }
    }

    async fn try_lower(&self, order: &Order) -> Result<bool, TargetError> {
        let reading = self.read().await?;
        // A lever that somebody pulled hides what is behind it, and may be given back at any moment.
        if reading.weight < self.target.reach(&order.goal, &reading).weight && !reading.levered {
            self.read_reported(order, &reading);
            return Ok(true);
        }
        match self.carry_out(order, &reading).await {
            Err(error @ TargetError::Throttled { .. }) => Err(error),
            // What could not be written, such as a mark, does not undo what was.
            Err(error) if reading.set.is_some() && !error.is_unknown() => {
                self.failed(order, &error);
                Ok(self.is_down(order, &self.read().await?))
            }
            Err(error) => Err(error),
            Ok(()) => Ok(self.is_down(order, &self.read().await?)),
        }
    }

    /// Whether a lowering has come to its end; tells what was read, where nothing can change it any more.
    fn is_down(&self, order: &Order, after: &Reading) -> bool {
        if after.unsettled.is_some() {
            return false;
        }
        self.read_reported(order, after);
        let reach = self.target.reach(&order.goal, after).weight;
        after.weight <= reach && after.apart.surplus == 0
    }
}
