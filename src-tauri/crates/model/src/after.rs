//! What an act does to the world.

use timonel_domain::rollout::{Cause, Event, Hold, Level, Report};

use crate::act::{Act, Answer};
use crate::engine::failed;
use crate::plan::{at, firing, lost, person};
use crate::target::{Flight, Order, Planned};
use crate::world::{ENGINES, Flaw, Hand, Rollouts, World};

impl Rollouts {
    /// The world after it; `None` where it changes nothing.
    pub(crate) fn after(&self, before: &World, act: &Act) -> Option<World> {
        let mut world = before.clone();
        if act.is_trouble(self, before) {
            world.disturbances = world.disturbances.checked_sub(1)?;
        }
        match *act {
            Act::Sends { e, t, read } => self.sends(&mut world, e, t, read),
            Act::Ends { e, t, answer } => self.ends(&mut world, e, t, answer),
            Act::ReadsBack { e, t, read } => self.reads_back(&mut world, e, t, read),
            Act::Arrives { t, flight } => {
                let flight = world.targets[t].flights.remove(flight);
                world.targets[t].arrives(&flight, self.fence());
            }
            Act::Hears { e } => {
                let (t, report) = world.engines[e].as_mut()?.mail.remove(0);
                self.reports(&mut world, e, t, report);
            }
            Act::Looks { e, t } => {
                let weight = world.targets[t].weight;
                self.reports(&mut world, e, t, Report::read(None, weight));
            }
            Act::Renews { e } => self.renews(&mut world, e)?,
            Act::Doubts { e } => {
                world.engines[e].as_mut()?.woken = false;
                self.happens(&mut world, e, Event::Helm(None));
            }
            Act::LeaseEnds => {
                world.early |= self.ends_early(before);
                world.lease.holder = None;
            }
            Act::Crashes { e, file } => {
                world.engines[e] = None;
                world.targets.iter_mut().for_each(|target| target.abandon(e));
                world.intents[e] &= file;
            }
            Act::Starts { e } => self.take_up(&mut world, e, true),
            Act::Seizes { e, helm } => {
                world.early |= helm && self.ends_early(before);
                self.take_up(&mut world, e, helm);
                // A helm that cannot be had is in a store that takes nothing.
                world.engines[e].as_mut()?.cut_off = !helm;
                self.presses(&mut world, e);
            }
            Act::Retires { e } => {
                world.engines[e] = None;
                world.targets.iter_mut().for_each(|target| target.abandon(e));
            }
            Act::Sleeps { e } => {
                let engine = world.engines[e].as_mut()?;
                engine.asleep = true;
                engine.away = Some(before.tick);
            }
            Act::Wakes { e } => {
                let engine = world.engines[e].as_mut()?;
                (engine.asleep, engine.woken) = (false, true);
            }
            Act::CutOff { e, says_so } => {
                world.engines[e].as_mut()?.cut_off = true;
                if says_so {
                    self.store_fails(&mut world, e);
                }
            }
            Act::Restored { e } => {
                world.engines[e].as_mut()?.cut_off = false;
                self.writes(&mut world, e);
            }
            Act::Meddles { t, to } => world.targets[t].write(to),
            Act::Begin { e } => self.happens(&mut world, e, Event::Start { by: person() }),
            Act::Approve { e } => self.happens(&mut world, e, Event::Approve { by: person() }),
            Act::Press { e } => self.presses(&mut world, e),
            Act::Release { e, t, drift } => {
                world.resets -= 1;
                let id = self.ids[t].clone();
                let hold = if drift { Hold::Drift(id) } else { Hold::Shift(id) };
                let (by, reason) = (person(), "visto".to_owned());
                self.happens(&mut world, e, Event::Release { by, hold, reason });
            }
            Act::Reset { e } => {
                world.resets -= 1;
                let (by, reason) = (person(), "visto".to_owned());
                self.happens(&mut world, e, Event::Reset { by, reason });
                for (other, engine) in world.engines.iter_mut().enumerate() {
                    if let Some(engine) = engine.as_mut().filter(|_| other != e) {
                        engine.superseded = Self::knows_of_rollback(engine);
                    }
                }
            }
            Act::Arm { e } => self.arms(&mut world, e),
            Act::Well { e } => self.happens(&mut world, e, Event::Assessed(Default::default())),
            Act::Fires { e } => self.happens(&mut world, e, Event::Assessed(firing(at(before.tick)))),
            Act::Loses { e } => self.happens(&mut world, e, Event::Assessed(lost())),
            Act::Passes => self.passes(&mut world),
        }
        self.judge_helms(&mut world);
        (world != *before).then_some(world)
    }

    fn presses(&self, world: &mut World, e: usize) {
        let (level, cause) = (Level::Total, Cause::Person(person()));
        let confirmed = false;
        self.happens(
            world,
            e,
            Event::RollBack {
                level,
                cause,
                confirmed,
            },
        );
    }

    fn hand(world: &World, e: usize, t: usize) -> Hand {
        world.engines[e]
            .as_ref()
            .map(|engine| engine.hands[t].clone())
            .unwrap_or_default()
    }

    fn put(world: &mut World, e: usize, t: usize, hand: Hand) {
        if let Some(engine) = &mut world.engines[e] {
            engine.hands[t] = hand;
        }
    }

    fn sends(&self, world: &mut World, e: usize, t: usize, read: bool) {
        let Hand::Begun(order) = Self::hand(world, e, t) else {
            return;
        };
        if !read {
            return self.gives_up(world, e, t, order, Hand::Idle);
        }
        let holds = world.engines[e].as_ref().is_some_and(|engine| engine.state.helm);
        if order.raises && !holds {
            return self.gives_up(world, e, t, order, Hand::Idle);
        }
        match world.targets[t].send(e, &order, self.fence()) {
            Planned::Sent => {
                if order.raises {
                    self.judge_raise(world, e, t, &order);
                }
                Self::put(world, e, t, Hand::Sent(order));
            }
            Planned::Lower => {
                Self::put(world, e, t, Hand::Idle);
                let weight = world.targets[t].weight;
                self.reports(world, e, t, Report::read(Some(order.op), weight));
            }
            Planned::Refused => self.gives_up(world, e, t, order, Hand::Idle),
        }
    }

    /// A lowering is tried again; a raise is over, or read back where nobody knows.
    fn gives_up(&self, world: &mut World, e: usize, t: usize, order: Order, raise: Hand) {
        let over = raise == Hand::Idle;
        let again = !order.raises && self.flaw != Flaw::LowersOnce;
        let hand = if again { Hand::Begun(order.clone()) } else { raise };
        Self::put(world, e, t, hand);
        if over || !order.raises {
            let failure = failed("x");
            self.reports(world, e, t, Report::Failed { op: order.op, failure });
        }
    }

    fn ends(&self, world: &mut World, e: usize, t: usize, answer: Answer) {
        let Hand::Sent(order) = Self::hand(world, e, t) else {
            return;
        };
        let of_it = |flight: &Flight| flight.awaited_by == Some(e);
        let Some(at) = world.targets[t].flights.iter().position(of_it) else {
            return;
        };
        if answer == Answer::Late {
            world.targets[t].abandon(e);
            return self.gives_up(world, e, t, order.clone(), Hand::Unknown(order));
        }
        let flight = world.targets[t].flights.remove(at);
        if answer == Answer::Fails {
            return self.gives_up(world, e, t, order, Hand::Idle);
        }
        let taken = world.targets[t].arrives(&flight, self.fence());
        match answer {
            Answer::Lost => self.gives_up(world, e, t, order.clone(), Hand::Unknown(order)),
            // Somebody was faster: read and planned anew, at once.
            _ if !taken => Self::put(world, e, t, Hand::Begun(order)),
            Answer::Slow => {
                let report = Report::accepted(order.op);
                Self::put(world, e, t, Hand::Accepted(order));
                if let Some(engine) = &mut world.engines[e] {
                    engine.mail.push((t, report));
                }
            }
            Answer::Prompt | Answer::Fails | Answer::Late => {
                let op = order.op;
                Self::put(world, e, t, Hand::Accepted(order));
                self.tells(world, e, t, Report::accepted(op));
                self.reads_back(world, e, t, true);
            }
        }
    }

    fn reads_back(&self, world: &mut World, e: usize, t: usize, read: bool) {
        let hand = Self::hand(world, e, t);
        let (Hand::Accepted(order) | Hand::Unknown(order)) = &hand else {
            return;
        };
        if !read {
            // A raise that was accepted and cannot be read is unknown; one that is unknown, and cannot be read, has failed.
            let known = matches!(hand, Hand::Accepted(_));
            let raise = if known {
                Hand::Unknown(order.clone())
            } else {
                Hand::Idle
            };
            return self.gives_up(world, e, t, order.clone(), raise);
        }
        let weight = world.targets[t].weight;
        let unknown = matches!(hand, Hand::Unknown(_));
        let again = !order.raises && weight > order.to;
        Self::put(world, e, t, if again { Hand::Begun(order.clone()) } else { Hand::Idle });
        if unknown && weight != order.to {
            let failure = failed("x");
            return self.tells(world, e, t, Report::Failed { op: order.op, failure });
        }
        if unknown {
            self.tells(world, e, t, Report::accepted(order.op));
        }
        self.tells(world, e, t, Report::read(Some(order.op), weight));
    }

    /// A hand tells the owner: at once, or behind what waits already.
    fn tells(&self, world: &mut World, e: usize, t: usize, report: Report) {
        let Some(engine) = &mut world.engines[e] else { return };
        if engine.mail.is_empty() {
            self.reports(world, e, t, report);
        } else {
            engine.mail.push((t, report));
        }
    }

    /// Clocks go on.
    fn passes(&self, world: &mut World) {
        world.tick += 1;
        for e in 0..ENGINES {
            if world.engines[e].as_ref().is_some_and(|engine| !engine.asleep) {
                self.happens(world, e, Event::Tick);
            }
        }
    }
}
