//! The orders of a console that looks on: they go through the shared store to whoever has the helm, and what becomes of them comes
//! back as their answer. Only an emergency rollback is ever done from here: where nobody answers or gets it done, by the way that
//! terminals go ([`Desk::carry_out`]), and where the store is away, from the rollback kit of this desk ([`Adrift`]).
//!
//! Deliberately not here: looking on itself, which is the engine's `Viewer`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use timonel_domain::rollout::State;
use timonel_domain::value::{Person, TargetId};
use timonel_engine::command::Wish;
use timonel_engine::{Answer, Bulletin, Snapshot};
use timonel_journal::record::AnswerRecord;
use timonel_ports::clock::SharedClock;
use timonel_ports::mailbox::{Reply, answer};
use timonel_ports::store::RolloutRow;
use timonel_ports::task::spawn;
use timonel_wire::{Arg, Receipt, Sentence, WireError, duration_millis};

use super::{gone, lock, orders};
use crate::connect::Connections;
use crate::desk::{Adrift, Order, Progress, is_without_store};
use crate::{BridgeError, Desk};

/// Where orders go of a console that looks on. Clone it freely.
#[derive(Debug, Clone)]
pub(super) struct Elsewhere(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    desk: Desk,
    row: RolloutRow,
    /// How the targets are reached where it is done from here.
    connections: Connections,
    clock: SharedClock,
    /// Rollbacks that have not ended.
    at_work: AtomicUsize,
    /// Whether the store was away when that was last heard.
    lost: AtomicBool,
    /// What is done without the store, until the journal has it.
    from_kit: Mutex<Option<FromKit>>,
    merging: AtomicBool,
}

/// How it goes on that a rollout is put back without its store.
#[derive(Debug, Clone)]
pub(super) struct FromKit {
    /// As the engine over the kit has it: of what came before it knows nothing.
    pub(super) state: Arc<State>,
    /// What a person can paste for targets that do not confirm.
    pub(super) manual: BTreeMap<TargetId, Vec<String>>,
}

/// A rollback that is under way, until this is dropped.
struct AtWork(Elsewhere);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.0.at_work.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whoever waits to hear what became of an order: told once, of the first that is known.
struct Answering(Option<Reply<Result<Receipt, WireError>>>);

impl Answering {
    fn hear(&mut self, said: Result<Receipt, WireError>) {
        if let Some(reply) = self.0.take() {
            reply.send(said);
        }
    }

    /// Hears of a step that is what became of the wish.
    fn see(&mut self, step: &Bulletin, wish: &Wish, by: &Person) {
        if orders::is_of(&step.event, wish, by) {
            self.hear(orders::taken(&step.effects));
        }
    }
}

impl Elsewhere {
    pub(super) fn new(desk: Desk, row: RolloutRow, connections: Connections) -> Self {
        Self(Arc::new(Inner {
            clock: desk.clock().clone(),
            desk,
            row,
            connections,
            at_work: AtomicUsize::new(0),
            lost: AtomicBool::new(false),
            from_kit: Mutex::new(None),
            merging: AtomicBool::new(false),
        }))
    }

    /// Has it done by whoever has the helm, and says what became of it: it is in force, or why it is not. What was begun goes on,
    /// whether or not anybody waits for the answer.
    pub(super) async fn give(&self, by: &Person, wish: Wish) -> Result<Receipt, WireError> {
        let (reply, said) = answer(&self.0.clock);
        let (this, by) = (self.clone(), by.clone());
        drop(spawn(&self.0.clock, async move {
            this.carry_out(by, wish, Answering(Some(reply))).await;
        }));
        said.recv().await.unwrap_or_else(|_| Err(gone()))
    }

    /// Whether a rollback is under way that was pressed here.
    pub(super) fn is_at_work(&self) -> bool {
        self.0.at_work.load(Ordering::Relaxed) > 0
    }

    /// What is done without the store and is not in the journal yet, in whose place it is shown. Once the store is back the journal
    /// is told.
    pub(super) fn beside(&self, journal: &Snapshot) -> Option<FromKit> {
        let lost = journal.looking_on.as_ref().is_some_and(|seen| seen.lost.is_some());
        self.0.lost.store(lost, Ordering::Relaxed);
        let from_kit = lock(&self.0.from_kit).clone()?;
        if !lost && !self.is_at_work() && !self.0.merging.swap(true, Ordering::Relaxed) {
            drop(spawn(&self.0.clock, self.clone().merge()));
        }
        Some(from_kit)
    }

    async fn merge(self) {
        // Each says in the log what became of it, and what could not be merged is tried again by whoever opens the store next.
        self.0.desk.merge_kits().await;
        if !self.0.lost.load(Ordering::Relaxed) && !self.is_at_work() {
            *lock(&self.0.from_kit) = None;
        }
        self.0.merging.store(false, Ordering::Relaxed);
    }

    async fn carry_out(self, by: Person, wish: Wish, mut answering: Answering) {
        let order = match &wish {
            Wish::RollBack { confirmed, .. } => Order::RollBack { confirmed: *confirmed },
            _ => Order::Sent(wish.clone()),
        };
        let emergency = matches!(order, Order::RollBack { .. });
        let _at_work = emergency.then(|| {
            self.0.at_work.fetch_add(1, Ordering::Relaxed);
            AtWork(self.clone())
        });
        if emergency && self.0.lost.load(Ordering::Relaxed) {
            // Asked again, the store would only make the calls wait.
            match self.without_store(&by, &wish, &mut answering).await {
                Ok(()) => return,
                Err(error) => tracing::error!(%error, "not put back from a kit; the store is asked all the same"),
            }
        }
        let Inner {
            desk, row, connections, ..
        } = &*self.0;
        let step = |progress: Progress<'_>| match progress {
            Progress::Step(step) => answering.see(step, &wish, &by),
            Progress::Asked { .. } | Progress::Waiting { .. } | Progress::FromHere { .. } => {}
        };
        let error = match desk.carry_out(row, by.clone(), order, connections, step).await {
            Ok(done) => {
                if !done.written {
                    tracing::error!(rollout = %row.id, "it is done, and the journal does not have all of it");
                }
                return answering.hear(receipt(done.answer));
            }
            Err(error) => error,
        };
        if emergency && is_without_store(&error) {
            tracing::error!(%error, "the store does not help to put it back");
            match self.without_store(&by, &wish, &mut answering).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::error!(%error, "not put back from a kit");
                    return answering.hear(Err(why("error-sent-no-kit", &error)));
                }
            }
        }
        answering.hear(Err(refusal(&error)));
    }

    /// Puts everything back without the store, and follows it to its end.
    async fn without_store(&self, by: &Person, wish: &Wish, answering: &mut Answering) -> Result<(), BridgeError> {
        let Inner {
            desk,
            row,
            connections,
            clock,
            ..
        } = &*self.0;
        let adrift = Adrift::find(desk.folder(), Some(&row.id), clock).await?;
        let pressing = adrift.press(by.clone()).await;
        if let Some(why) = pressing.unwritten() {
            tracing::error!(
                why,
                "the press is not written down at this desk; it is carried out all the same"
            );
        }
        let done = pressing.carry_out(connections, |step| {
            self.show(step);
            answering.see(step, wish, by);
        });
        let done = done.await?;
        if !done.written {
            tracing::error!(rollout = %row.id, "it is done, and not all of it is written down at this desk");
        }
        answering.hear(receipt(done.answer));
        Ok(())
    }

    fn show(&self, step: &Bulletin) {
        let mut from_kit = lock(&self.0.from_kit);
        let mut manual = from_kit.take().map(|shown| shown.manual).unwrap_or_default();
        for of in &step.manual {
            let lines = of.commands.iter().map(|command| command.line.clone()).collect();
            manual.insert(of.target.clone(), lines);
        }
        let unconfirmed = |id: &TargetId| step.state.targets.get(id).is_some_and(|t| t.op.is_some());
        manual.retain(|id, _| unconfirmed(id));
        *from_kit = Some(FromKit {
            state: step.state.clone(),
            manual,
        });
    }
}

/// What a person is told of how an order ended, where no step has said it.
fn receipt(answer: Answer) -> Result<Receipt, WireError> {
    let refused = |code: &str| Err(WireError::new(code));
    match answer {
        Answer::Obeyed | Answer::Answered(AnswerRecord::Seen) => Ok(Receipt::Taken),
        Answer::Answered(AnswerRecord::Nothing) => Ok(Receipt::Handed),
        Answer::Refused(said) => Err(why("error-sent-refused", &said)),
        Answer::Answered(AnswerRecord::Late) => refused("error-sent-late"),
        Answer::Answered(AnswerRecord::Overtaken) => refused("error-sent-overtaken"),
        Answer::Answered(AnswerRecord::Unread) => refused("error-sent-unread"),
    }
}

/// Why an order did not reach whoever has the helm.
fn refusal(error: &BridgeError) -> WireError {
    match error {
        BridgeError::Unheard { waited } => late("error-sent-unheard", *waited),
        BridgeError::Unsettled { waited } => late("error-sent-unsettled", *waited),
        BridgeError::TooLong => WireError::new("error-comment-too-long"),
        other => why("error-sent", other),
    }
}

fn late(code: &str, waited: Duration) -> WireError {
    let limit = Arg::Millis(duration_millis(waited));
    Sentence::new(code).with("limit", limit).into()
}

fn why(code: &str, why: &dyn std::fmt::Display) -> WireError {
    Sentence::new(code).with("why", Arg::text(why)).into()
}
