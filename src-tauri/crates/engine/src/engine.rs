//! Starting and stopping: takes the helm, recovers the state, and sets the owner and everybody who tells it things to work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use timonel_domain::plan::Plan;
use timonel_domain::rollout::{Event, Generation, Stage, State};
use timonel_domain::sample::Sample;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, Writer};
use timonel_journal::chain::Chain;
use timonel_journal::intent::{IntentError, IntentFolder};
use timonel_ports::clock::SharedClock;
use timonel_ports::commands::CommandFeed;
use timonel_ports::helm::{Helm, HelmError, Take};
use timonel_ports::mailbox::{Closed, Receiver, Sender, answer};
use timonel_ports::signal::Source;
use timonel_ports::store::{PlanRevision, Position, RolloutRow, Store, StoreError};
use timonel_ports::target::Target;
use timonel_ports::task::{Task, spawn};

use crate::bulletin::{Bulletin, Snapshot};
use crate::follower::{Follower, Growth};
use crate::helm::{Keeper, Seat, Shared, Standing};
use crate::message::{Message, mailbox};
use crate::owner::Owner;
use crate::recovery::{Fold, Inspection, Starting};
use crate::scribe::Scribe;
use crate::{intents, merges, recovery, retention, watch};

/// Everything that an engine is made of.
pub struct Parts {
    /// The rollout to run; one that the store knows is taken up where it stands.
    pub rollout: RolloutId,
    /// Its plan.
    pub plan: Plan,
    /// The plan as it was written.
    pub plan_text: String,
    /// Time.
    pub clock: SharedClock,
    /// Whose chain this engine writes.
    pub writer: Writer,
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Who may raise. [`Engine::start`] says what it does where somebody else may.
    pub helm: Arc<dyn Helm>,
    /// Where commands come from that people give in this process: they wait for nothing.
    pub commands: Box<dyn CommandFeed>,
    /// Where commands come from that people give anywhere; `None` where the engine obeys none of these.
    pub orders: Option<Box<dyn CommandFeed>>,
    /// All targets of the plan.
    pub targets: Vec<Arc<dyn Target>>,
    /// Sources with how often they are read.
    pub sources: Vec<(Arc<dyn Source>, Duration)>,
    /// Where the intent of a rollback is kept until it is verified.
    pub intents: IntentFolder,
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store cannot be read.
    #[error(
        "the rollout's past cannot be read: {0}. Check the store; a rollback is possible with the manual commands meanwhile"
    )]
    Recover(#[source] StoreError),
    /// The plan or the rollout cannot be kept.
    #[error("the rollout cannot be opened: {0}")]
    Open(#[source] StoreError),
    /// An entry of the journal is not what was written.
    #[error("the journal is damaged ({0}). Run `timonelctl doctor`, and keep a copy before anything else")]
    Journal(String),
    /// The helm cannot be taken.
    #[error("the helm cannot be taken: {0}")]
    Helm(#[from] HelmError),
    /// The plan names a target that nobody connected.
    #[error("target `{0}` of the plan is not connected")]
    Unconnected(String),
    /// Whether a rollback was under way cannot be seen.
    #[error("{0}")]
    Intent(#[from] IntentError),
}

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    handle: Handle,
    tasks: Vec<Task<()>>,
    intents: Task<()>,
    seat: Seat,
}

/// How others talk to a running engine, or to one who looks on; clone it freely.
#[derive(Debug, Clone)]
pub struct Handle {
    clock: SharedClock,
    pub(crate) to: Sender<Message>,
    helm: Shared,
}

impl Handle {
    pub(crate) fn new(clock: SharedClock, to: Sender<Message>, helm: Shared) -> Self {
        Self { clock, to, helm }
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// The whole picture now.
    pub async fn look(&self) -> Result<Snapshot, Closed> {
        let (reply, answer) = answer(&self.clock);
        self.to.send(Message::Look(reply))?;
        let snapshot = answer.recv().await?;
        Ok(Snapshot {
            helm: self.helm(),
            ..snapshot
        })
    }

    /// Every step from now on, in order.
    pub fn subscribe(&self) -> Result<Receiver<Bulletin>, Closed> {
        let (to, from) = timonel_ports::mailbox::mailbox(&self.clock);
        self.to.send(Message::Subscribe(to))?;
        Ok(from)
    }

    /// Who holds the helm, and whether that is this engine.
    pub fn helm(&self) -> Standing {
        self.helm.get()
    }
}

impl Engine {
    /// Takes the helm, recovers the rollout and begins to watch. A rollback that was under way goes on at once.
    ///
    /// Where another engine holds the helm there is none here: [`HelmError::Held`] says who, and an engine that stands by
    /// waits with [`crate::vacant`] before it starts. Two that run would write two different pasts of one rollout.
    ///
    /// The receiver gets every step, those of the start included; drop it where nobody is to be told.
    pub async fn start(parts: Parts) -> Result<(Self, Receiver<Bulletin>), EngineError> {
        Self::begin(parts, Take::Again, None).await
    }

    /// As [`Engine::start`], and takes the helm from whoever holds it. Only for an emergency rollback.
    pub async fn seize(parts: Parts) -> Result<(Self, Receiver<Bulletin>), EngineError> {
        Self::begin(parts, Take::ByForce, None).await
    }

    /// Begins without the rollout's past, from what a rollback kit knows: that it may be under way, and the generation of what was
    /// decided last. It can put back and nothing else. For where the store is away; `parts.store` is that of the kit.
    pub async fn from_kit(parts: Parts, generation: Generation) -> Result<(Self, Receiver<Bulletin>), EngineError> {
        let begin = State {
            stage: Stage::Armed,
            generation,
            ..State::new(&parts.plan)
        };
        Self::begin(parts, Take::ByForce, Some(begin)).await
    }

    async fn begin(parts: Parts, how: Take, from: Option<State>) -> Result<(Self, Receiver<Bulletin>), EngineError> {
        let _starting = Starting::now();
        let Parts {
            rollout,
            plan,
            plan_text,
            clock,
            writer,
            store,
            helm,
            commands,
            orders,
            targets,
            sources,
            intents: folder,
        } = parts;
        let targets: BTreeMap<_, _> = targets.into_iter().map(|t| (t.describe().id, t)).collect();
        if let Some(missing) = plan.targets.iter().find(|t| !targets.contains_key(&t.id)) {
            return Err(EngineError::Unconnected(missing.id.to_string()));
        }
        let pending = folder.pending()?;
        let intended = |after: Option<Timestamp>| {
            pending.iter().any(|found| match found {
                Ok(intent) => intent.rollout == rollout && after.is_none_or(|after| intent.occurred_at > after),
                Err(IntentError::Corrupt { rollout: of, .. }) => of.as_ref().is_none_or(|of| *of == rollout),
                Err(_) => false,
            })
        };
        open(&*store, &rollout, &plan, plan_text, &clock).await?;
        let seat = Seat {
            clock: clock.clone(),
            helm,
            rollout: rollout.clone(),
            me: writer.clone(),
        };
        // Before the past is read: whoever had it may write until then.
        let helm = seat.sit_down(how).await?;
        let head = store.head(&writer).await.map_err(EngineError::Recover)?;
        let (recovered, believed, through) = match from {
            Some(state) => (Fold::begun(state), None, Position::START),
            None => recovery::replay(&*store, &rollout, &plan, ()).await?.split(),
        };
        let resume = intended(None).then(|| intended(recovered.reset));
        let remembered = recovery::samples(&*store, &rollout, &plan, recovered.last, clock.now()).await?;
        let gathered = recovery::evidence(&*store, &rollout, &plan, recovered.state.epoch, clock.now()).await?;
        let last_unit = store.last_unit(&rollout).await.map_err(EngineError::Recover)?;
        let helm = match helm {
            Some((epoch, sure)) => seat.stay(how, epoch, sure).await?,
            None => None,
        };
        let epoch = helm.map(|(epoch, _)| epoch);
        let shared = Shared::new(epoch, seat.last_heard().await);

        let (to, inbox) = mailbox(&clock);
        let (jobs_in, jobs) = timonel_ports::mailbox::mailbox(&clock);
        let (grown, growth) = timonel_ports::mailbox::mailbox(&clock);
        let follower = Follower {
            store: store.clone(),
            rollout: rollout.clone(),
            plan: plan.clone(),
            growth,
        };
        let inspection = Inspection {
            store: store.clone(),
            rollout: rollout.clone(),
            plan: plan.clone(),
            believed,
            owner: to.clone(),
        };
        let merges = merges::watch(&clock, store.clone(), rollout.clone(), through, to.clone());
        let scribe = Scribe {
            clock: clock.clone(),
            rollout: rollout.clone(),
            store: store.clone(),
            owner: to.clone(),
            jobs,
            kept: head.seq,
            grown: Growth::new(grown),
        };
        let (errands_in, errands) = timonel_ports::mailbox::mailbox(&clock);
        let intents = spawn(&clock, intents::keep(clock.clone(), folder, errands));
        let mut tasks = vec![spawn(&clock, scribe.run()), spawn(&clock, follower.run()), merges];

        let chain = Chain::resume(writer.clone(), head);
        tasks.push(retention::keep(&clock, store, rollout.clone(), &plan, to.clone()));
        let mut owner = Owner::new(
            rollout,
            plan,
            clock.clone(),
            chain,
            Arc::unwrap_or_clone(recovered.state),
            targets.clone(),
            to.clone(),
            jobs_in,
            errands_in,
            shared.clone(),
        );
        let (subscriber, bulletins) = timonel_ports::mailbox::mailbox(&clock);
        owner.subscribe(subscriber);
        owner.units_from(last_unit);
        // What windows are filled with again is evidence at its own time, or rules would be judged by what came after.
        let again = remembered.iter().map(|sample| sample.as_of).min();
        let before = |sample: &Sample| again.is_none_or(|again| sample.as_of < again);
        owner.believe(gathered.into_iter().filter(before).collect());
        owner.remember(remembered);
        owner.has_seen(recovered.acknowledged);
        let (answers, answered) = timonel_ports::mailbox::mailbox(&clock);
        owner.has_heard(recovered.answers.into_ids(), recovered.reset, answers);
        owner.take_up(recovered.last, recovered.operations, epoch);
        if let Some(mended) = recovered.mended {
            owner.happen(Event::Mended {
                entries: mended.entries,
                missing: mended.missing + mended.apart,
            });
        }
        if let Some(meant) = resume {
            owner.resume(meant);
        }
        owner.has_merged(recovered.merges);
        tasks.push(spawn(&clock, owner.run(inbox)));
        for (index, (source, every)) in (0u32..).zip(sources) {
            tasks.push(watch::source(&clock, index, source, every, to.clone()));
        }
        for (index, (id, target)) in (0u32..).zip(&targets) {
            tasks.extend(watch::target(&clock, index, id, target.clone(), to.clone()));
        }
        if let Some((epoch, sure)) = helm {
            let keeper = Keeper {
                seat: seat.clone(),
                epoch,
                sure,
                shared: shared.clone(),
                to: to.clone(),
            };
            tasks.push(spawn(&clock, keeper.run()));
        }
        tasks.push(spawn(&clock, inspection.run()));
        tasks.push(watch::commands(&clock, commands, to.clone()));
        tasks.extend(orders.map(|orders| watch::orders(&clock, orders, answered, to.clone())));
        tasks.push(watch::ticks(&clock, to.clone()));
        let handle = Handle::new(clock, to, shared);
        let engine = Self {
            handle,
            tasks,
            intents,
            seat,
        };
        Ok((engine, bulletins))
    }

    /// How others talk to it.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Ends once everything that happened is in the store, and the intent file is as it should be for the next start. Lets
    /// go of the helm, so that the next need not wait.
    pub async fn stop(self) {
        let (reply, done) = answer(&self.handle.clock);
        if self.handle.to.send(Message::Stop(reply)).is_ok() {
            // A closed mailbox says that the owner has ended already.
            done.recv().await.unwrap_or_default();
        }
        // It ends with the owner; an errand left behind could remove what the next engine writes.
        self.intents.join().await.unwrap_or_default();
        for task in &self.tasks {
            task.abort();
        }
        self.seat.leave(self.handle.helm()).await;
    }
}

async fn open(
    store: &dyn Store,
    id: &RolloutId,
    plan: &Plan,
    text: String,
    clock: &SharedClock,
) -> Result<(), EngineError> {
    let known = store.rollouts().await.map_err(EngineError::Recover)?;
    if known.iter().any(|row| row.id == *id) {
        return Ok(());
    }
    store
        .put_plan(&PlanRevision::new(plan.id.clone(), plan.revision, text))
        .await
        .map_err(EngineError::Open)?;
    let row = RolloutRow {
        id: id.clone(),
        plan: plan.id.clone(),
        revision: plan.revision,
        environment: plan.environment.clone(),
        opened_at: clock.now(),
        closed_at: None,
    };
    store.put_rollout(&row).await.map_err(EngineError::Open)
}
