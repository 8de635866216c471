//! The virtual person of a rehearsal: signs, arms, starts and approves, as the scenario says.

use std::time::Duration;

use timonel_domain::rollout::Stage;
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
}

impl VirtualOperator {
    pub(crate) fn new(clock: SharedClock, commands: QueueEnd, operator: Option<Operator>) -> Self {
        Self {
            clock,
            commands,
            operator,
            next: 1,
            asked_in: None,
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

    /// What it does about a stage that has just been entered.
    pub(crate) fn sees(&mut self, stage: &Stage, rejected: bool) {
        match stage {
            Stage::Draft if rejected => self.wish(Duration::from_secs(15), Wish::Arm),
            Stage::Armed => self.wish(Duration::from_secs(1), Wish::Start),
            Stage::AwaitingApproval { phase } if self.asked_in != Some(*phase) => {
                self.asked_in = Some(*phase);
                if let Some(after) = self.operator.as_ref().and_then(|o| o.approves_after) {
                    self.wish(after, Wish::Approve);
                }
            }
            Stage::Draft
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
