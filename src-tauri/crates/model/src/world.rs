//! What the model's states are made of, its bounds, and its properties.

use std::sync::Arc;

use stateright::{Model, Property};
use timonel_domain::plan::Plan;
use timonel_domain::rollout::{Event, Report, Stage, State};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{TargetId, Weight};

use crate::act::Act;
use crate::canon::canonical;
use crate::graph::Graph;
use crate::plan::{self, TARGETS};
use crate::target::{Fence, Object, Order};

/// How many engines there may be at once.
pub(crate) const ENGINES: usize = 2;

/// How far the model goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Things that go wrong in one run, of any kind and at any place: a call that fails, loses its answer or comes late, a
    /// write by somebody else, a rule that fires, signals that get lost, an engine that crashes, sleeps or is cut off from the
    /// store, a lease that ends under a holder whose clock is too slow, a helm that is taken from under one that is well, or
    /// cannot be had.
    pub disturbances: u8,
    /// Engines: one, or two.
    pub engines: usize,
    /// Ticks of 61 s.
    pub ticks: u8,
    /// How often a person resets the latch and begins anew.
    pub resets: u8,
}

/// What the model leaves out on purpose, to show that it would be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing: everything is as it is in the product.
    None,
    /// Targets take raises that a mark forbids, over whatever was written since they were planned.
    NoFence,
    /// A total rollback lowers, and then the phase goes on as if nothing had been.
    NoLatch,
    /// A lowering that failed is not tried again.
    LowersOnce,
    /// Whoever takes the lease gets it with the epoch that it had.
    SameEpoch,
    /// The journal loses the entries of readings.
    ForgetfulJournal,
    /// What an engine writes that has lost the helm is replayed as if it had it still.
    NoSuccession,
    /// A holder that cannot renew believes in its helm for as long as nobody tells it otherwise.
    NoMargin,
}

/// A property that was broken on the way to a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Broken {
    /// An engine sent a raise although it knew of a rollback, or its target bore the mark of one.
    RaisedAfterRollback,
    /// Two holders of the lease sent raises under one epoch.
    SharedEpoch,
    /// The journal gives another state than the engine that wrote it has.
    ReplayDiffers,
    /// A raise went out that no entry of the journal knows of.
    RaisedUnwritten,
    /// Two engines that are awake believe in their helm, no clock was too slow, and nobody took one by force.
    TwoHelms,
}

/// The model: the real step, within these bounds.
#[derive(Debug)]
pub struct Rollouts {
    pub(crate) plan: Plan,
    pub(crate) ids: Vec<TargetId>,
    pub(crate) bounds: Bounds,
    pub(crate) flaw: Flaw,
    /// Every change that was explored.
    pub(crate) graph: Graph,
}

/// One state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub(crate) engines: [Option<Engine>; ENGINES],
    pub(crate) targets: [Object; TARGETS],
    pub(crate) lease: Lease,
    /// A lease ended, or was taken by force, under a holder that had its reasons to believe in it.
    pub(crate) early: bool,
    pub(crate) journal: Journal,
    /// Whether the desk of each engine has a file that says that a rollback is to be finished.
    pub(crate) intents: [bool; ENGINES],
    pub(crate) tick: u8,
    /// What is left of the bounds.
    pub(crate) disturbances: u8,
    pub(crate) resets: u8,
    /// Who has sent raises under which epoch, by the engine's number of life; epochs without are left out.
    pub(crate) raised: Vec<(u64, u8)>,
    pub(crate) lives: u8,
    pub(crate) broken: Option<Broken>,
}

/// One running engine: the state of `engine::owner`, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Engine {
    pub(crate) state: Arc<State>,
    pub(crate) hands: [Hand; TARGETS],
    /// What the store has not taken yet.
    pub(crate) unwritten: Option<Unwritten>,
    /// Raises that wait for their record.
    pub(crate) intended: Vec<(usize, Order)>,
    /// Reports that come late.
    pub(crate) mail: Vec<(usize, Report)>,
    /// Since which tick it sleeps, or did when it woke and has heard nothing since.
    pub(crate) away: Option<u8>,
    pub(crate) asleep: bool,
    /// It woke, and has not asked about its lease since.
    pub(crate) woken: bool,
    /// Cut off from the store, and so from the lease.
    pub(crate) cut_off: bool,
    /// The epoch under which it began; 0 where it began without the helm.
    pub(crate) epoch: u64,
    /// It never holds the helm again: another has had it since, or it began without.
    pub(crate) lost: bool,
    /// It knows of a rollback that a person has reset at another engine.
    pub(crate) superseded: bool,
    /// Which of all engines that ever ran this is.
    pub(crate) life: u8,
}

/// Entries that wait for the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Unwritten {
    /// Of an engine with the helm, as what they will make of the journal: which entries they were is history, and two histories of
    /// the same end are one world.
    Made {
        /// The journal with them, where they all count there.
        state: Arc<State>,
        last: Timestamp,
        /// A rollback is among them, which counts in any case.
        pressed: bool,
        /// A reset is.
        reset: bool,
    },
    /// Of one that began without: others write meanwhile.
    Entries(Vec<Entry>),
}

/// An entry of the journal, as far as a replay looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    /// As its journalled form gives it back.
    pub(crate) event: Event,
    /// Its effects put every call back.
    pub(crate) puts_back: bool,
}

/// What an engine is at on one target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) enum Hand {
    #[default]
    Idle,
    /// About to read.
    Begun(Order),
    /// Its write is on the wire.
    Sent(Order),
    /// Accepted, and to be read back.
    Accepted(Order),
    /// A raise of which nobody knows what became of it.
    Unknown(Order),
}

/// Who may raise. A lease that has ended has no holder, and can still be renewed under its epoch while nobody takes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Lease {
    pub(crate) epoch: u64,
    pub(crate) holder: Option<usize>,
}

/// What a restart knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Journal {
    /// Its entries, replayed, as far as they count (`engine::recovery`).
    pub(crate) state: Arc<State>,
    /// The life of the engine that took the rollout up last, under the helm.
    pub(crate) writer: u8,
    pub(crate) last: Timestamp,
    /// Who has ever had the helm: an engine that starts again writes the same chain.
    pub(crate) held: [bool; ENGINES],
    /// Something of another engine has counted since: the one that has the helm does not know of it.
    pub(crate) foreign: bool,
}

impl Rollouts {
    /// The product as it is.
    pub fn new(bounds: Bounds) -> Self {
        Self::flawed(bounds, Flaw::None)
    }

    /// With something left out.
    pub fn flawed(bounds: Bounds, flaw: Flaw) -> Self {
        let plan = plan::plan();
        let ids = plan.targets.iter().map(|t| t.id.clone()).collect();
        let graph = Graph::default();
        Self {
            plan,
            ids,
            bounds,
            flaw,
            graph,
        }
    }

    pub(crate) fn fence(&self) -> Fence {
        let whole = self.flaw != Flaw::NoFence;
        Fence {
            marks: whole,
            lock: whole,
        }
    }

    /// One engine at the helm, armed, everything well.
    fn first(&self) -> World {
        let state = Arc::new(State::new(&self.plan));
        let mut world = World {
            journal: Journal {
                state: state.clone(),
                writer: 0,
                last: plan::at(0),
                held: [false; ENGINES],
                foreign: false,
            },
            engines: [None, None],
            targets: Default::default(),
            lease: Lease { epoch: 0, holder: None },
            early: false,
            intents: [false; ENGINES],
            tick: 0,
            disturbances: self.bounds.disturbances,
            resets: self.bounds.resets,
            raised: Vec::new(),
            lives: 0,
            broken: None,
        };
        self.take_up(&mut world, 0, true);
        self.happens(&mut world, 0, Event::Assessed(Default::default()));
        self.arms(&mut world, 0);
        canonical(&mut world);
        world
    }
}

impl World {
    /// Everything is on stable, and every engine that runs knows it.
    pub(crate) fn is_safe(&self) -> bool {
        let back = |engine: &Engine| engine.state.stage == Stage::RolledBack;
        self.targets.iter().all(|target| target.weight == Weight::ZERO)
            && self.engines.iter().flatten().all(back)
            && self.engines.iter().any(Option::is_some)
    }
}

impl Model for Rollouts {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![self.first()]
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        self.graph.walks();
        if world.broken.is_none() {
            self.possible(world, acts);
        }
    }

    fn next_state(&self, world: &World, act: Act) -> Option<World> {
        let mut next = self.after(world, &act)?;
        canonical(&mut next);
        self.graph.note(world, &next);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn unless(world: &World, broken: Broken) -> bool {
            world.broken != Some(broken)
        }
        let mut all = vec![
            Property::always("whoever knows of a rollback raises nothing", |_, world| {
                unless(world, Broken::RaisedAfterRollback)
            }),
            Property::always(
                "any other raise is undone before time goes by",
                |model: &Self, world| model.is_undone(world),
            ),
            Property::always("two holders never raise in one epoch", |_, world| {
                unless(world, Broken::SharedEpoch)
            }),
            Property::always("replay equals live", |_, world| unless(world, Broken::ReplayDiffers)),
            Property::always("nothing is raised before its record", |_, world| {
                unless(world, Broken::RaisedUnwritten)
            }),
            Property::always(
                "two believe in their helm only where it was taken by force or a clock is too slow",
                |_, world| unless(world, Broken::TwoHelms),
            ),
        ];
        // That the model gets anywhere at all.
        if self.bounds.ticks > 1 {
            all.push(Property::sometimes("completed", |_, world: &World| {
                let done = |engine: &Engine| matches!(engine.state.stage, Stage::Completed { .. });
                world.engines.iter().flatten().any(done)
            }));
        }
        if self.bounds.engines > 1 {
            all.push(Property::sometimes(
                "a rollback begins without the helm",
                |_, world: &World| {
                    let without = |e: &Engine| e.epoch == 0 && Self::knows_of_rollback(e);
                    world.engines.iter().flatten().any(without)
                },
            ));
            all.push(Property::sometimes(
                "two holders raise, each in its epoch",
                |_, world: &World| world.raised.len() > 1,
            ));
            all.push(Property::sometimes(
                "two engines know of one rollback",
                |_, world: &World| {
                    world
                        .engines
                        .iter()
                        .flatten()
                        .filter(|e| e.state.latch.is_some())
                        .count()
                        == ENGINES
                },
            ));
        }
        if self.bounds.resets > 0 {
            all.push(Property::sometimes("begun anew after a reset", |_, world: &World| {
                world.resets == 0 && world.engines.iter().flatten().any(|e| e.state.stage.is_running())
            }));
        }
        all
    }
}
