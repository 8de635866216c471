//! What can happen next; what it does to the world is `after`.

use timonel_domain::rollout::{Hold, Op, Stage};
use timonel_domain::value::Weight;

use crate::world::{ENGINES, Engine, Flaw, Hand, Rollouts, World};

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It arrives, is answered, and is read back.
    Prompt,
    /// It arrives and is answered, and the answer waits before the owner hears it, and so does the reading after it.
    Slow,
    /// It arrives, and the answer is lost.
    Lost,
    /// It does not arrive.
    Fails,
    /// Nobody waits for it any more, and it is still on its way.
    Late,
}

/// One thing that happens. Engines and targets are numbered from 0; target 0 is the splitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are engine and target everywhere; each variant says what happens"
)]
pub enum Act {
    /// A hand reads its target and sends what it has to.
    Sends { e: usize, t: usize, read: bool },
    /// What a hand has sent comes to its end.
    Ends { e: usize, t: usize, answer: Answer },
    /// A hand reads back.
    ReadsBack { e: usize, t: usize, read: bool },
    /// A write that nobody waits for arrives.
    Arrives { t: usize, flight: usize },
    /// The owner hears a report that waited.
    Hears { e: usize },
    /// The regular look at a target.
    Looks { e: usize, t: usize },
    /// The engine renews its lease, or hears that another has had it.
    Renews { e: usize },
    /// It could not renew for so long that it believes in its helm no longer.
    Doubts { e: usize },
    /// The lease runs out, by the clock of whoever keeps it.
    LeaseEnds,
    /// The process is gone, with or without the intent file that it had begun to write.
    Crashes { e: usize, file: bool },
    /// A process starts, with the helm that is free or was its own.
    Starts { e: usize },
    /// A process starts for a person's rollback: it takes the helm from whoever has it, or begins without where it cannot be had.
    Seizes { e: usize, helm: bool },
    /// An engine that lost the helm ends, so that the rollout can be taken up anew: nobody holds it, and nothing is being put back.
    Retires { e: usize },
    /// The machine sleeps.
    Sleeps { e: usize },
    /// It wakes.
    Wakes { e: usize },
    /// The store takes nothing: it hangs, or says so.
    CutOff { e: usize, says_so: bool },
    /// The store is back.
    Restored { e: usize },
    /// Somebody else writes a weight.
    Meddles { t: usize, to: Weight },
    /// A person starts the first phase.
    Begin { e: usize },
    /// A person approves.
    Approve { e: usize },
    /// A person presses.
    Press { e: usize },
    /// A person clears a hold.
    Release { e: usize, t: usize, drift: bool },
    /// A person resets the latch.
    Reset { e: usize },
    /// A person arms.
    Arm { e: usize },
    /// The board finds everything well.
    Well { e: usize },
    /// A rollback rule fires.
    Fires { e: usize },
    /// A signal is lost.
    Loses { e: usize },
    /// A tick goes by.
    Passes,
}

impl Rollouts {
    /// Everything that can happen now.
    pub(crate) fn possible(&self, world: &World, acts: &mut Vec<Act>) {
        let trouble = world.disturbances > 0;
        for e in 0..ENGINES {
            match &world.engines[e] {
                None if e < self.bounds.engines && world.lease.holder.is_none_or(|holder| holder == e) => {
                    acts.push(Act::Starts { e })
                }
                None => {}
                Some(engine) if engine.asleep => acts.push(Act::Wakes { e }),
                Some(engine) => self.prompt(world, e, engine, acts),
            }
        }
        // What engines do by themselves takes moments. People, boards and clocks are slower; a press, and what goes wrong,
        // come in between.
        let at_work = acts.iter().any(Act::is_prompt);
        for (e, engine) in world.engines.iter().enumerate() {
            let Some(engine) = engine.as_ref().filter(|engine| !engine.asleep) else {
                continue;
            };
            Self::sudden(world, e, engine, at_work, acts);
            if !at_work {
                Self::people(world, e, engine, acts);
            }
            if trouble {
                Self::trouble(world, e, engine, acts);
            }
        }
        let clocks = world
            .engines
            .iter()
            .flatten()
            .any(|engine| engine.state.stage.is_running());
        if world.tick < self.bounds.ticks && clocks && !at_work {
            acts.push(Act::Passes);
        }
        for (t, target) in world.targets.iter().enumerate() {
            let orphans = target
                .flights
                .iter()
                .enumerate()
                .filter(|(_, f)| f.awaited_by.is_none());
            acts.extend(orphans.map(|(flight, _)| Act::Arrives { t, flight }));
            let watched = world.engines.iter().flatten().any(|e| e.state.stage != Stage::Draft);
            if trouble && watched {
                let weights = [Weight::ZERO, Weight::percent(10), Weight::FULL];
                let others = weights.into_iter().filter(|to| *to != target.weight);
                acts.extend(others.map(|to| Act::Meddles { t, to }));
            }
        }
        if self.lease_can_end(world) {
            acts.push(Act::LeaseEnds);
        }
        let armed = !matches!(world.journal.state.stage, Stage::Draft | Stage::Closed);
        let pressed = world.engines.iter().flatten().any(Self::knows_of_rollback);
        for e in 0..self.bounds.engines {
            if world.engines[e].is_none() && armed && !pressed {
                if trouble || !self.ends_early(world) {
                    acts.push(Act::Seizes { e, helm: true });
                }
                if trouble {
                    acts.push(Act::Seizes { e, helm: false });
                }
            }
        }
    }

    /// Nobody renews it: its holder is gone, asleep, or cut off and has stopped believing in it. Where its clock is too slow, or the
    /// one of whoever keeps it too fast, it ends before.
    fn lease_can_end(&self, world: &World) -> bool {
        world.lease.holder.is_some() && (world.disturbances > 0 || !self.ends_early(world))
    }

    /// Whether it would end under a holder that believes in it.
    pub(crate) fn ends_early(&self, world: &World) -> bool {
        let holder = world.lease.holder.and_then(|holder| world.engines[holder].as_ref());
        let believes = |engine: &Engine| engine.state.helm && self.flaw != Flaw::NoMargin;
        holder.is_some_and(|engine| !engine.asleep && (!engine.cut_off || believes(engine)))
    }

    /// What an engine that is awake does at once.
    fn prompt(&self, world: &World, e: usize, engine: &Engine, acts: &mut Vec<Act>) {
        for (t, hand) in engine.hands.iter().enumerate() {
            match hand {
                Hand::Begun(_) => acts.push(Act::Sends { e, t, read: true }),
                Hand::Sent(_) => acts.push(Act::Ends {
                    e,
                    t,
                    answer: Answer::Prompt,
                }),
                Hand::Accepted(_) | Hand::Unknown(_) => acts.push(Act::ReadsBack { e, t, read: true }),
                Hand::Idle => {
                    // A look that changes nothing says nothing.
                    let known = engine.state.targets.get(&self.ids[t]);
                    let open = known.is_none_or(|known| known.op.is_some());
                    let news = |accepted| {
                        known.and_then(|k| k.read) != Some(world.targets[t].weight)
                            || (world.targets[t].weight > accepted && self.corrects(engine))
                    };
                    if !open
                        && !matches!(engine.state.stage, Stage::Draft | Stage::Closed)
                        && known.and_then(|k| k.accepted).is_some_and(news)
                    {
                        acts.push(Act::Looks { e, t });
                    }
                }
            }
        }
        if !engine.mail.is_empty() {
            acts.push(Act::Hears { e });
        }
        if engine.cut_off && engine.state.helm && self.flaw != Flaw::NoMargin {
            acts.push(Act::Doubts { e });
        }
        let held = world.lease.holder == Some(e) && world.lease.epoch == engine.epoch && engine.state.helm;
        if !engine.cut_off && !engine.lost && (!held || engine.woken) {
            acts.push(Act::Renews { e });
        }
    }

    /// Whether the step brings down what is above: asked of it where that is cheap to say.
    fn corrects(&self, engine: &Engine) -> bool {
        engine.state.helm || engine.state.latch.is_some()
    }

    /// What people and boards may do, now or later.
    fn people(world: &World, e: usize, engine: &Engine, acts: &mut Vec<Act>) {
        let state = &engine.state;
        let holds = state.helm;
        match state.stage {
            Stage::Draft if holds => acts.push(Act::Arm { e }),
            Stage::Armed if holds => acts.push(Act::Begin { e }),
            Stage::RolledBack if world.resets > 0 => acts.push(Act::Reset { e }),
            Stage::Baking { phase: 0 } | Stage::AwaitingApproval { phase: 0 }
                if holds && state.approvals.is_empty() =>
            {
                acts.push(Act::Approve { e });
            }
            _ => {}
        }
        if world.resets > 0 && state.stage.is_running() {
            for (t, id) in state.targets.keys().enumerate() {
                for (drift, hold) in [(true, Hold::Drift(id.clone())), (false, Hold::Shift(id.clone()))] {
                    if state.holds.contains(&hold) {
                        acts.push(Act::Release { e, t, drift });
                    }
                }
            }
        }
        let well = state.assessed && state.assessment == Default::default();
        if !well && state.latch.is_none() && state.stage != Stage::Draft {
            acts.push(Act::Well { e });
        }
    }

    /// What may come at any moment and is no disturbance.
    fn sudden(world: &World, e: usize, engine: &Engine, at_work: bool, acts: &mut Vec<Act>) {
        // Two presses in the same moment lower twice; that the second comes upon the work of the first says no more.
        let pressed = world.engines.iter().flatten().any(Self::knows_of_rollback);
        let armed = !matches!(engine.state.stage, Stage::Draft | Stage::Closed);
        if armed && !Self::knows_of_rollback(engine) && (!pressed || !at_work) {
            acts.push(Act::Press { e });
        }
        if engine.cut_off {
            acts.push(Act::Restored { e });
        }
        let lowers = |op: &Op| op.kind.lowers();
        let back = matches!(engine.state.stage, Stage::RollingBack { .. });
        let puts_back = back || engine.state.targets.values().any(|t| t.op.as_ref().is_some_and(lowers));
        if engine.lost && world.lease.holder.is_none() && !engine.cut_off && !puts_back {
            acts.push(Act::Retires { e });
        }
    }

    /// What can go wrong around an engine that is awake.
    fn trouble(world: &World, e: usize, engine: &Engine, acts: &mut Vec<Act>) {
        acts.extend([Act::Crashes { e, file: true }, Act::Sleeps { e }]);
        // The file is written beside the first calls.
        if world.intents[e]
            && engine
                .hands
                .iter()
                .any(|hand| matches!(hand, Hand::Begun(_) | Hand::Sent(_)))
        {
            acts.push(Act::Crashes { e, file: false });
        }
        if !engine.cut_off {
            acts.extend([Act::CutOff { e, says_so: true }, Act::CutOff { e, says_so: false }]);
        }
        if engine.state.stage.is_running() {
            acts.extend([Act::Fires { e }, Act::Loses { e }]);
        }
        for (t, hand) in engine.hands.iter().enumerate() {
            match hand {
                Hand::Begun(_) => acts.push(Act::Sends { e, t, read: false }),
                Hand::Sent(_) => {
                    let answers = [Answer::Slow, Answer::Lost, Answer::Fails, Answer::Late];
                    acts.extend(answers.map(|answer| Act::Ends { e, t, answer }));
                }
                Hand::Accepted(_) | Hand::Unknown(_) => acts.push(Act::ReadsBack { e, t, read: false }),
                Hand::Idle => {}
            }
        }
    }

    /// Whether, once everybody has done what there is to do at once, whoever knows of a rollback has its targets at 0 %.
    pub(crate) fn is_undone(&self, world: &World) -> bool {
        let back = |engine: &&Engine| {
            Self::knows_of_rollback(engine)
                && !engine.superseded
                && matches!(engine.state.stage, Stage::RollingBack { .. } | Stage::RolledBack)
        };
        let awake = || world.engines.iter().flatten().filter(|engine| !engine.asleep);
        if world.targets.iter().all(|target| target.weight == Weight::ZERO) || !awake().any(|e| back(&e)) {
            return true;
        }
        let mut acts = Vec::new();
        for (e, engine) in world.engines.iter().enumerate() {
            if let Some(engine) = engine.as_ref().filter(|engine| !engine.asleep) {
                self.prompt(world, e, engine, &mut acts);
            }
        }
        !acts.is_empty()
    }
}

impl Act {
    /// What an engine does by itself and at once.
    fn is_prompt(&self) -> bool {
        match self {
            Act::Sends { .. }
            | Act::Ends { .. }
            | Act::ReadsBack { .. }
            | Act::Hears { .. }
            | Act::Looks { .. }
            | Act::Renews { .. }
            | Act::Doubts { .. } => true,
            Act::Arrives { .. }
            | Act::LeaseEnds
            | Act::Crashes { .. }
            | Act::Starts { .. }
            | Act::Seizes { .. }
            | Act::Retires { .. }
            | Act::Sleeps { .. }
            | Act::Wakes { .. }
            | Act::CutOff { .. }
            | Act::Restored { .. }
            | Act::Meddles { .. }
            | Act::Begin { .. }
            | Act::Approve { .. }
            | Act::Press { .. }
            | Act::Release { .. }
            | Act::Reset { .. }
            | Act::Arm { .. }
            | Act::Well { .. }
            | Act::Fires { .. }
            | Act::Loses { .. }
            | Act::Passes => false,
        }
    }

    /// Whether it counts as a disturbance.
    pub(crate) fn is_trouble(&self, model: &Rollouts, world: &World) -> bool {
        match self {
            Act::Sends { read, .. } | Act::ReadsBack { read, .. } => !read,
            Act::Ends { answer, .. } => *answer != Answer::Prompt,
            Act::LeaseEnds => model.ends_early(world),
            Act::Seizes { helm, .. } => !helm || model.ends_early(world),
            Act::Crashes { .. }
            | Act::Sleeps { .. }
            | Act::CutOff { .. }
            | Act::Meddles { .. }
            | Act::Fires { .. }
            | Act::Loses { .. } => true,
            Act::Arrives { .. }
            | Act::Hears { .. }
            | Act::Looks { .. }
            | Act::Renews { .. }
            | Act::Doubts { .. }
            | Act::Starts { .. }
            | Act::Retires { .. }
            | Act::Wakes { .. }
            | Act::Restored { .. }
            | Act::Begin { .. }
            | Act::Approve { .. }
            | Act::Press { .. }
            | Act::Release { .. }
            | Act::Reset { .. }
            | Act::Arm { .. }
            | Act::Well { .. }
            | Act::Passes => false,
        }
    }
}
