//! Looking on at a rollout that another program leads, as an engine would show it: the steps and the state by the shared journal,
//! the signals by readings of one's own.
//!
//! It decides nothing, writes nothing and never has the helm. Nothing that is shown waits for the store: whoever reads the journal
//! on is a task of its own ([`Reader`]), and while the store is away the last state stays, with how old it is, beside signals that go
//! on. Deliberately not here: orders, which go through the `Commands` port to whoever has the helm.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use timonel_domain::board::Board;
use timonel_domain::plan::Plan;
use timonel_domain::rollout::{Effect, State};
use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::{RolloutId, TargetId};
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::helm::{Helm, HelmState};
use timonel_ports::mailbox::{Receiver, Sender, answer};
use timonel_ports::signal::{self, Source};
use timonel_ports::store::{News, Store};
use timonel_ports::target::Target;
use timonel_ports::task::{Task, spawn};

use crate::bulletin::{Acknowledgement, Bulletin, LookingOn, Snapshot};
use crate::engine::{EngineError, Handle};
use crate::helm::Shared;
use crate::message::{Message, mailbox};
use crate::onlooker::Onlooker;
use crate::sight::{self, Stall};
use crate::traffic::Lookout;
use crate::{recovery, watch};

/// A store that has not said within this long how it goes on is away.
const ANSWER: Duration = Duration::from_secs(3);
/// Between two looks at who has the helm: where it is a Lease, each is a request to a cluster.
const HELM_LOOK: Duration = Duration::from_secs(1);

/// Everything that is looked at.
pub struct View {
    /// Time.
    pub clock: SharedClock,
    /// Where the journal is.
    pub store: Arc<dyn Store>,
    /// Says when to look at it again.
    pub news: Box<dyn News>,
    /// Who leads.
    pub helm: Arc<dyn Helm>,
    /// The targets of the plan. They are asked nothing, but for the commands that a person can paste.
    pub targets: Vec<Arc<dyn Target>>,
    /// Sources with how often they are read.
    pub sources: Vec<(Arc<dyn Source>, Duration)>,
}

/// One who looks on.
#[derive(Debug)]
pub struct Viewer {
    handle: Handle,
    tasks: Vec<Task<()>>,
}

impl Viewer {
    /// Goes on from what `onlooker` has read. The windows of rules and the evidence begin with the samples that whoever leads has kept.
    ///
    /// The receiver gets every step that is written from now on; drop it where nobody is to be told. Errors where those samples
    /// cannot be read.
    pub async fn start(onlooker: Onlooker, view: View) -> Result<(Self, Receiver<Bulletin>), EngineError> {
        let View {
            clock,
            store,
            news,
            helm,
            targets,
            sources,
        } = view;
        let (rollout, plan) = (onlooker.rollout().clone(), onlooker.plan().clone());
        let (now, state) = (clock.now(), onlooker.standing());
        // Somebody has been reading all the while, however long nothing was worth an entry.
        let remembered = recovery::samples(&*store, &rollout, &plan, Some(now), now).await?;
        let gathered = recovery::evidence(&*store, &rollout, &plan, state.epoch, now).await?;
        let mut board = Board::new(&plan);
        let again = remembered.iter().map(|sample| sample.as_of).min();
        let before = gathered
            .into_iter()
            .filter(|sample| again.is_none_or(|again| sample.as_of < again));
        sight::believe(&mut board, &state, before.collect());
        sight::remember(&mut board, sight::outlook(&state, now), remembered, now);

        let (to, inbox) = mailbox(&clock);
        let (tells, told) = timonel_ports::mailbox::mailbox(&clock);
        let shared = Shared::of_nobody();
        let (subscriber, bulletins) = timonel_ports::mailbox::mailbox(&clock);
        let spectator = Spectator {
            clock: clock.clone(),
            rollout: rollout.clone(),
            plan: Arc::new(plan),
            state,
            board,
            lookout: Lookout::default(),
            watching_since: now,
            last_tick: None,
            targets: targets.into_iter().map(|t| (t.describe().id, t)).collect(),
            acknowledged: onlooker.acknowledged().clone(),
            looking_on: LookingOn {
                read_at: now,
                lost: None,
                unled: false,
            },
            helm: shared.clone(),
            subscribers: vec![subscriber],
        };
        let reader = Reader {
            clock: clock.clone(),
            rollout,
            onlooker,
            store,
            news,
            helm,
            to: tells,
        };
        let mut tasks = vec![
            spawn(&clock, spectator.run(inbox, told)),
            spawn(&clock, reader.run()),
            watch::ticks(&clock, to.clone()),
        ];
        for (index, (source, every)) in (0u32..).zip(sources) {
            tasks.push(watch::source(&clock, index, source, every, to.clone()));
        }
        let handle = Handle::new(clock, to, shared);
        Ok((Self { handle, tasks }, bulletins))
    }

    /// How others ask it. Nobody is commanded by it.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Looks on no longer.
    pub async fn stop(self) {
        let (reply, done) = answer(self.handle.clock());
        if self.handle.to.send(Message::Stop(reply)).is_ok() {
            // A closed mailbox says that it has ended already.
            done.recv().await.unwrap_or_default();
        }
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// What was read of the journal and of the helm.
#[derive(Debug)]
enum Told {
    /// Somebody wrote a step.
    Step(Box<Bulletin>),
    /// All that is written has been told.
    Read {
        at: Timestamp,
        state: Arc<State>,
        acknowledged: BTreeMap<String, Acknowledgement>,
        /// `None` where it was not looked at, or whoever keeps it did not say.
        helm: Option<HelmState>,
    },
    /// The store does not say how it goes on, and why.
    Lost(String),
}

/// Reads the journal on whenever there may be something new.
struct Reader {
    clock: SharedClock,
    rollout: RolloutId,
    onlooker: Onlooker,
    store: Arc<dyn Store>,
    news: Box<dyn News>,
    helm: Arc<dyn Helm>,
    to: Sender<Told>,
}

impl Reader {
    /// Until nobody is told any more.
    async fn run(mut self) {
        let mut helm_due = self.clock.mono();
        loop {
            let reading = self
                .onlooker
                .read_on(&*self.store, |step| self.to.tell(Told::Step(Box::new(step.clone()))));
            // Where it is cut short, the next one goes on with the entry that was not read.
            let said = match within(&*self.clock, ANSWER, reading).await {
                Ok(Ok(())) => {
                    let helm = if self.clock.mono() >= helm_due {
                        helm_due = self.clock.mono() + HELM_LOOK;
                        led(&self.clock, &*self.helm, &self.rollout).await
                    } else {
                        None
                    };
                    Told::Read {
                        at: self.clock.now(),
                        state: self.onlooker.standing(),
                        acknowledged: self.onlooker.acknowledged().clone(),
                        helm,
                    }
                }
                Ok(Err(error)) => Told::Lost(error.to_string()),
                Err(elapsed) => Told::Lost(elapsed.to_string()),
            };
            if self.to.send(said).is_err() {
                return;
            }
            self.news.next().await;
        }
    }
}

/// Who has the helm; `None` where whoever keeps it does not say.
async fn led(clock: &SharedClock, helm: &dyn Helm, rollout: &RolloutId) -> Option<HelmState> {
    let problem = match within(&**clock, ANSWER, helm.current(rollout)).await {
        Ok(Ok(state)) => return Some(state),
        Ok(Err(error)) => error.to_string(),
        Err(elapsed) => elapsed.to_string(),
    };
    tracing::debug!(%rollout, problem, "who has the helm cannot be seen");
    None
}

/// Holds what is seen, and shows it to whoever asks.
struct Spectator {
    clock: SharedClock,
    rollout: RolloutId,
    plan: Arc<Plan>,
    state: Arc<State>,
    board: Board,
    lookout: Lookout,
    watching_since: Timestamp,
    last_tick: Option<(Mono, Timestamp)>,
    targets: BTreeMap<TargetId, Arc<dyn Target>>,
    acknowledged: BTreeMap<String, Acknowledgement>,
    looking_on: LookingOn,
    helm: Shared,
    subscribers: Vec<Sender<Bulletin>>,
}

impl Spectator {
    /// Until it is told to stop, or nobody can ask it any more.
    async fn run(mut self, mut inbox: Receiver<Message>, mut told: Receiver<Told>) {
        loop {
            let message = tokio::select! {
                biased;
                Some(told) = told.recv() => {
                    self.hear(told);
                    continue;
                }
                message = inbox.recv() => message,
            };
            match message {
                Some(Message::Readings(readings)) => self.readings(readings),
                Some(Message::Tick) => self.tick(),
                Some(Message::Look(reply)) => reply.send(self.snapshot()),
                Some(Message::Subscribe(subscriber)) => self.subscribers.push(subscriber),
                Some(Message::Stop(reply)) => return reply.send(()),
                // Nobody tells this one who only looks on.
                Some(
                    Message::Event(_)
                    | Message::Live { .. }
                    | Message::Operating { .. }
                    | Message::PutOff(_)
                    | Message::Command(_)
                    | Message::Checked { .. }
                    | Message::Written { .. }
                    | Message::StoreFault(_)
                    | Message::Broken(_)
                    | Message::Merged(_)
                    | Message::Due,
                ) => {}
                None => return,
            }
        }
    }

    fn hear(&mut self, told: Told) {
        match told {
            Told::Step(step) => self.step(*step),
            Told::Read {
                at,
                state,
                acknowledged,
                helm,
            } => {
                if let Some(why) = self.looking_on.lost.take() {
                    tracing::info!(rollout = %self.rollout, %why, "the store says again how it goes on");
                }
                self.looking_on.read_at = at;
                self.state = state;
                self.acknowledged = acknowledged;
                if let Some(state) = helm {
                    self.looking_on.unled = state.held.is_none();
                    self.helm.hear(state);
                }
            }
            Told::Lost(why) => {
                if self.looking_on.lost.is_none() {
                    tracing::error!(rollout = %self.rollout, %why, "the store does not say how it goes on");
                }
                self.looking_on.lost = Some(why);
            }
        }
    }

    fn step(&mut self, mut step: Bulletin) {
        for effect in &step.effects {
            match effect {
                Effect::ShowManual { target, to } => {
                    let of = self.targets.get(target);
                    step.manual
                        .extend(of.map(|target| sight::manual(&**target, *to, &step.state)));
                }
                Effect::Raise { .. } | Effect::Lower { .. } | Effect::Notify(_) | Effect::Rejected(_) => {}
            }
        }
        self.state = step.state.clone();
        self.subscribers.retain(|to| to.send(step.clone()).is_ok());
    }

    fn readings(&mut self, readings: Vec<signal::Reading>) {
        for reading in readings {
            match reading.outcome {
                Ok(samples) => {
                    for sample in samples {
                        // What follows from it for the rollout is for whoever leads to say.
                        let _event = self.lookout.see(&self.plan.traffic, &sample);
                        self.board.observe(sample);
                    }
                }
                Err(error) => tracing::debug!(signal = %reading.signal, side = ?reading.side, %error, "no sample"),
            }
        }
        self.assess();
    }

    fn tick(&mut self) {
        let (mono, now) = (self.clock.mono(), self.clock.now());
        let stalled = self.last_tick.and_then(|last| sight::stall(last, mono, now));
        if let Some(Stall { was_set, .. }) = stalled {
            if was_set {
                self.board.forget_times();
            }
            self.watching_since = now;
        }
        self.last_tick = Some((mono, now));
        self.assess();
    }

    /// What the rules say is shown and nothing else.
    fn assess(&mut self) {
        let outlook = sight::outlook(&self.state, self.watching_since);
        self.board.assess(outlook, self.clock.now());
    }

    fn snapshot(&self) -> Snapshot {
        let Self {
            rollout,
            plan,
            state,
            board,
            lookout,
            acknowledged,
            ..
        } = self;
        Snapshot {
            looking_on: Some(self.looking_on.clone()),
            ..sight::snapshot(rollout, plan, state, board, lookout, acknowledged, self.clock.now())
        }
    }
}
