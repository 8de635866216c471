//! The lease, and whose entries a replay believes: what `engine::helm` and `engine::recovery` do.

use std::sync::Arc;

use timonel_domain::rollout::{Cause, Effect, Event, Level, Report, State, step};
use timonel_domain::time::Timestamp;
use timonel_domain::value::Weight;
use timonel_journal::record::StepRecord;

use crate::plan::at;
use crate::world::{Broken, Engine, Entry, Flaw, Rollouts, Unwritten, World};

impl Rollouts {
    /// Takes the lease, from whoever has it. Its new epoch.
    pub(crate) fn takes_lease(&self, world: &mut World, e: usize) -> u64 {
        if self.flaw != Flaw::SameEpoch || world.lease.epoch == 0 {
            world.lease.epoch += 1;
        }
        world.lease.holder = Some(e);
        world.journal.held[e] = true;
        world.lease.epoch
    }

    /// `helm::Keeper::renew`: ours while nobody has taken it since, though it ran out; never again once another has.
    pub(crate) fn renews(&self, world: &mut World, e: usize) -> Option<()> {
        let engine = world.engines[e].as_mut()?;
        engine.woken = false;
        let ours = world.lease.epoch == engine.epoch;
        if ours {
            world.lease.holder = Some(e);
        } else {
            engine.lost = true;
        }
        if engine.state.helm != ours {
            let epoch = ours.then_some(engine.epoch);
            self.happens(world, e, Event::Helm(epoch));
        }
        Some(())
    }

    /// One that has just woken acts by what it knew for a moment; targets keep its hands off.
    pub(crate) fn judge_helms(&self, world: &mut World) {
        // That both believe in it is the flaw itself; what comes of it is looked for.
        if self.flaw == Flaw::SameEpoch {
            return;
        }
        let believes = |engine: &&Engine| engine.state.helm && !engine.asleep && !engine.woken;
        let holders = world.engines.iter().flatten().filter(believes).count();
        if holders > 1 && !world.early && world.broken.is_none() {
            world.broken = Some(Broken::TwoHelms);
        }
    }

    /// One more entry waits for the store. It goes through its journalled form.
    pub(crate) fn waits(&self, world: &mut World, e: usize, event: &Event, effects: &[Effect]) {
        let at = at(world.tick);
        let journal = &world.journal;
        let Some(engine) = &mut world.engines[e] else { return };
        let event = Event::from(StepRecord::new(event, effects).event);
        let zero = |effect: &Effect| matches!(effect, Effect::Lower { to: Weight::ZERO, .. });
        let puts_back = effects.iter().any(zero);
        if engine.epoch == 0 {
            let entry = Entry { at, event, puts_back };
            match &mut engine.unwritten {
                Some(Unwritten::Entries(entries)) => entries.push(entry),
                Some(Unwritten::Made { .. }) | None => engine.unwritten = Some(Unwritten::Entries(vec![entry])),
            }
            return;
        }
        let (base, pressed, reset) = match engine.unwritten.take() {
            Some(Unwritten::Made {
                state, pressed, reset, ..
            }) => (state, pressed, reset),
            Some(Unwritten::Entries(_)) | None => (journal.state.clone(), false, false),
        };
        let presses = match &event {
            Event::RollBack { .. } => true,
            Event::Assessed(_) => puts_back,
            _ => false,
        };
        engine.unwritten = Some(Unwritten::Made {
            // What a former holder writes matters only where it presses.
            state: if engine.life == journal.writer || self.flaw == Flaw::NoSuccession {
                self.replayed(&base, &event, at)
            } else {
                base
            },
            last: at,
            pressed: pressed || presses,
            reset: reset || matches!(event, Event::Reset { .. }),
        });
    }

    /// What the journal makes of an entry.
    fn replayed(&self, base: &Arc<State>, event: &Event, at: Timestamp) -> Arc<State> {
        if self.flaw == Flaw::ForgetfulJournal
            && let Event::Target {
                report: Report::Read { .. },
                ..
            } = event
        {
            return base.clone();
        }
        let (mut state, _) = step(&self.plan, base, event, at);
        self.spoil(base, &mut state);
        Arc::new(state)
    }

    /// What waited comes into the journal, as far as a replay believes it.
    pub(crate) fn enters(&self, world: &mut World, e: usize, life: u8, unwritten: Unwritten) {
        match unwritten {
            Unwritten::Made {
                state,
                last,
                pressed,
                reset,
            } => {
                world.journal.last = last;
                if world.journal.writer == life || self.flaw == Flaw::NoSuccession {
                    world.journal.state = state;
                    self.answers(world, e, reset);
                } else if pressed {
                    let event = Event::RollBack {
                        level: Level::Total,
                        cause: Cause::Resumed,
                        confirmed: true,
                    };
                    self.counts(world, e, &event, last);
                }
            }
            Unwritten::Entries(entries) => {
                // What an engine never had cannot be lost: all that it says counts, but where another of its name had the helm.
                let former = world.journal.held[e];
                for Entry { at, event, puts_back } in entries {
                    world.journal.last = at;
                    match event {
                        Event::Assessed(_) if former && puts_back => {
                            let event = Event::RollBack {
                                level: Level::Total,
                                cause: Cause::Resumed,
                                confirmed: true,
                            };
                            self.counts(world, e, &event, at);
                        }
                        Event::RollBack { .. } => self.counts(world, e, &event, at),
                        _ if former => {}
                        _ => self.counts(world, e, &event, at),
                    }
                }
            }
        }
    }

    /// An entry of one that does not have the helm counts. Whoever has it does not know; what it has written and the store has not
    /// taken yet is taken as written before, which is one of the orders.
    fn counts(&self, world: &mut World, e: usize, event: &Event, at: Timestamp) {
        world.journal.state = self.replayed(&world.journal.state, event, at);
        world.journal.foreign = true;
        let writer = world.journal.writer;
        for engine in world
            .engines
            .iter_mut()
            .flatten()
            .filter(|engine| engine.life == writer)
        {
            if let Some(Unwritten::Made { state, .. }) = &mut engine.unwritten {
                *state = self.replayed(state, event, at);
            }
        }
        self.answers(world, e, matches!(event, Event::Reset { .. }));
    }

    /// What others meant to finish is answered by a reset.
    fn answers(&self, world: &mut World, e: usize, reset: bool) {
        if reset && world.journal.state.rollback.is_none() {
            for (other, intent) in world.intents.iter_mut().enumerate() {
                *intent &= other == e;
            }
        }
    }
}
