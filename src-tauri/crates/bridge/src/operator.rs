//! The virtual person of a rehearsal: signs, arms, starts and approves, as the scenario says.

use std::time::Duration;

use timonel_domain::rollout::{Stage, State};
use timonel_domain::value::Person;
use timonel_engine::command::Wish;
use timonel_journal::entry::Body;
use timonel_plan::Parsed;
use timonel_plan::scenario::Operator;
use timonel_ports::clock::{SharedClock, sleep};
use timonel_ports::commands::{Command, CommandId, Commands, QueueEnd};
use timonel_ports::task::spawn;

/// The person's name in the journal.
const NAME: &str = "instructor";
/// Signals need two readings before anything is fresh: the person waits for so many of the slowest source.
const SETTLED_READINGS: u32 = 4;

/// The virtual person. It does with commands what a person would do on the screen.
#[derive(Debug)]
pub(crate) struct VirtualOperator {
    clock: SharedClock,
    commands: QueueEnd,
    operator: Option<Operator>,
    next: u64,
    asked_in: Option<usize>,
    drill: Drill,
    started: bool,
}

/// Whether the rollback is drilled before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drill {
    /// It is to be, as soon as it can.
    Due,
    /// It was asked for.
    Asked,
    /// It has been, or was never wanted.
    Over,
}

impl VirtualOperator {
    pub(crate) fn new(clock: SharedClock, commands: QueueEnd, operator: Option<Operator>) -> Self {
        let drills = operator.as_ref().is_some_and(|o| o.drills);
        Self {
            clock,
            commands,
            operator,
            next: 1,
            asked_in: None,
            drill: if drills { Drill::Due } else { Drill::Over },
            started: false,
        }
    }

    /// Signs what there is to sign and tries to arm after a while, again and again; the engine refuses what is too early.
    pub(crate) fn begin(&mut self, plan: &Parsed) {
        if self.operator.as_ref().is_some_and(|o| o.signs) {
            // One after the other, so that they are signed in the same order every time.
            for (millis, list) in (1..).zip(&plan.plan.checklists) {
                self.wish(
                    Duration::from_millis(millis),
                    Wish::Sign {
                        checklist: list.id.clone(),
                    },
                );
            }
        }
        let slowest = plan.sources.iter().map(|s| s.interval).max().unwrap_or_default();
        self.wish(slowest * SETTLED_READINGS, Wish::Arm);
    }

    /// What it does about where the rollout stands after a step.
    pub(crate) fn sees(&mut self, state: &State, rejected: bool) {
        let idle = state.targets.values().all(|t| t.op.is_none());
        match &state.stage {
            Stage::Draft if rejected => self.wish(Duration::from_secs(15), Wish::Arm),
            Stage::Armed if self.drill == Drill::Due => {
                self.drill = Drill::Asked;
                self.wish(Duration::from_secs(1), Wish::Drill);
            }
            Stage::RollingBack { .. } if self.drill == Drill::Asked => self.drill = Drill::Over,
            Stage::Armed if self.drill == Drill::Over && idle && !self.started => {
                self.started = true;
                self.wish(Duration::from_secs(1), Wish::Start);
            }
            Stage::AwaitingApproval { phase } if self.asked_in != Some(*phase) => {
                self.asked_in = Some(*phase);
                if let Some(after) = self.operator.as_ref().and_then(|o| o.approves_after) {
                    self.wish(after, Wish::Approve);
                }
            }
            Stage::Draft
            | Stage::Armed
            | Stage::AwaitingApproval { .. }
            | Stage::Shifting { .. }
            | Stage::Baking { .. }
            | Stage::Deciding { .. }
            | Stage::RollingBack { .. }
            | Stage::RolledBack
            | Stage::Completed { .. }
            | Stage::Closed => {}
        }
    }

    fn wish(&mut self, after: Duration, wish: Wish) {
        let command = Command {
            id: CommandId::new(&format!("{NAME}:{}", self.next)).expect("a good id"),
            by: Person::new(NAME).expect("a good id"),
            at: self.clock.now() + after,
            what: Body::of(&wish).expect("a wish serialises"),
        };
        self.next += 1;
        let (clock, commands) = (self.clock.clone(), self.commands.clone());
        drop(spawn(&self.clock, async move {
            sleep(&*clock, after).await;
            if let Err(error) = commands.submit(command).await {
                tracing::debug!(%error, "the rehearsal is over");
            }
        }));
    }
}
