//! Carrying out an order on a rollout: by whoever has its helm, or from here. Deliberately not here: the asking itself (`ask`).

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::plan::Plan;
use timonel_domain::rollout::{Effect, State};
use timonel_domain::value::{Person, Writer};
use timonel_engine::{Answer, Bulletin, Engine};
use timonel_journal::entry::Body;
use timonel_journal::record::AnswerRecord;
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::commands::{Command, CommandId, Commands, QueueEnd};
use timonel_ports::mailbox::Receiver;
use timonel_ports::store::RolloutRow;

use super::ask::Asked;
use super::{Desk, Order, PROGRAM, Progress};
use crate::BridgeError;
use crate::connect::{self, Connections, sources_in_time, targets_in_time};

/// So long without news, and it is asked how things stand.
pub(super) const QUIET: Duration = Duration::from_secs(1);
/// The journal has this long to take what happened before a person at a terminal is told that it has not.
const FOR_WRITING: Duration = Duration::from_secs(10);

/// How an order ended.
#[derive(Debug, Clone)]
pub struct Done {
    /// Where the rollout stands.
    pub state: Arc<State>,
    /// The plan that it runs.
    pub plan: Arc<Plan>,
    /// What the engine that has the helm made of it, here or elsewhere.
    pub answer: Answer,
    /// Whether all of it is in the journal. Where it is not, what was done is done all the same; a rollback that is not
    /// written down is resumed by the next program that takes the rollout up.
    pub written: bool,
}

impl Desk {
    /// Carries out an order on a rollout and follows it to its end: a rollback until every target is verified, or read back and
    /// traffic says nothing; anything else until nothing is under way. Whoever has the helm is asked, through the store. Where
    /// nobody has it, or nobody answers a rollback in time, it is done from here: the engine is taken up in this process, so
    /// that it is journalled, verified and resumed as any other. A rollback from here begins with what can be reached, and goes
    /// on until the rest can be.
    pub async fn carry_out(
        &self,
        row: &RolloutRow,
        by: Person,
        order: Order,
        connections: &Connections,
        mut tell: impl FnMut(Progress<'_>) + Send,
    ) -> Result<Done, BridgeError> {
        // Held until all has ended.
        let (name, _mine) = self.own_name().await?;
        let at = self.clock.now();
        let id = format!("{PROGRAM}:{}:{}", std::process::id(), at.micros());
        let command = Command {
            id: CommandId::new(&id).expect("a good id"),
            by,
            at,
            what: Body::of(&order.wish()).map_err(|_| BridgeError::TooLong)?,
        };
        let leader = self.leader(row, &name).await.flatten();
        let limit = order.waits();
        match &leader {
            Some(held) => tell(Progress::Asked {
                by: &held.by,
                since: held.since,
                limit,
            }),
            None if !order.can_be_done_from_here() => tell(Progress::Waiting { limit }),
            None => {
                tell(Progress::FromHere { unanswered: false });
                return self
                    .do_here(row, name, &order, (command, None), connections, tell)
                    .await;
            }
        }
        let asked = self.ask(row, &order, &command, &name, &mut tell).await;
        match (asked, &order) {
            (Ok(Asked::Done(done)), Order::RollBack { .. }) if is_dropped(&done.answer) => {}
            (Ok(Asked::Done(done)), _) => {
                self.keep_kit_of(row, &done.state).await;
                return Ok(done);
            }
            // Nothing keeps the calls where they are.
            (Ok(Asked::Vacant | Asked::Silent), Order::RollBack { .. }) => {}
            (Err(error), Order::RollBack { .. }) => tracing::warn!(%error, "whoever has the helm cannot be asked"),
            (Ok(Asked::Vacant), Order::Pin { .. } | Order::Unpin { .. } | Order::Drill) => {}
            (Ok(Asked::Vacant | Asked::Silent), _) => return Err(self.unheard(row, &command.id, limit).await),
            (Err(error), _) => return Err(error),
        }
        tell(Progress::FromHere { unanswered: true });
        let given = match order {
            // Under another id, or an answer that the journal has to the first would be all that comes of it.
            Order::RollBack { .. } => {
                let first = command.id.clone();
                let command = Command {
                    id: CommandId::new(&format!("{id}:here")).expect("a good id"),
                    ..command
                };
                (command, Some(first))
            }
            // Obeyed once even where somebody else has it as well.
            Order::Pin { .. } | Order::Unpin { .. } | Order::Drill | Order::Sent(_) => (command, None),
        };
        self.do_here(row, name, &order, given, connections, tell).await
    }

    /// With the command that was `asked` of others before, which is taken back once it is begun here: whoever has the helm next would do
    /// it once more, which does no harm, and where nothing can be begun here it is all that is left.
    async fn do_here(
        &self,
        row: &RolloutRow,
        name: Writer,
        order: &Order,
        (command, asked): (Command, Option<CommandId>),
        connections: &Connections,
        mut tell: impl FnMut(Progress<'_>) + Send,
    ) -> Result<Done, BridgeError> {
        let (engine, bulletins, commands) = self.engine(row, name, connections, order).await?;
        let tell = |bulletin: &Bulletin| tell(Progress::Step(bulletin));
        let done = follow(&self.clock, engine, bulletins, &commands, command, order, tell);
        let taken_back = async {
            if let Some(asked) = asked {
                let _in_time = self.withdraw(row, &asked).await;
            }
        };
        let (done, ()) = futures::future::join(done, taken_back).await;
        let done = done?;
        // Afterwards: a rollback waits for no kit.
        self.keep_kit_of(row, &done.state).await;
        Ok(done)
    }

    async fn engine(
        &self,
        row: &RolloutRow,
        writer: Writer,
        connections: &Connections,
        order: &Order,
    ) -> Result<(Engine, Receiver<Bulletin>, QueueEnd), BridgeError> {
        let (plan, plan_text) = self.plan_of(row).await?;
        let kits = self.kits(row);
        // What one account or cluster lacks must not keep the calls of another where they are.
        let targets = if order.takes_what_is_there() {
            targets_in_time(&plan, connections, &kits, &self.clock).await
        } else {
            connect::targets(&plan, connections, &kits, &self.clock).await?
        };
        let parts = || {
            // Without sources the traffic's own marks stay open; the calls go back all the same.
            let sources = sources_in_time(&plan, connections, &self.clock);
            let (plan, text, targets) = (plan.plan.clone(), plan_text.clone(), targets.clone());
            self.parts(row, plan, text, targets, sources, writer.clone())
        };
        let (first, commands) = parts();
        let begun = match order {
            // Whoever has the helm, alive or not, does not keep the calls where they are.
            Order::RollBack { .. } => Engine::seize(first).await,
            Order::Pin { .. } | Order::Unpin { .. } | Order::Drill | Order::Sent(_) => Engine::start(first).await,
        };
        match begun {
            Ok((engine, bulletins)) => Ok((engine, bulletins, commands)),
            Err(refused) => {
                self.wait_out(&row.id, refused.into()).await?;
                let (again, commands) = parts();
                let (engine, bulletins) = Engine::start(again).await?;
                Ok((engine, bulletins, commands))
            }
        }
    }
}

/// Gives an order to an engine that has just begun, and follows it to its end.
pub(super) async fn follow(
    clock: &SharedClock,
    engine: Engine,
    mut bulletins: Receiver<Bulletin>,
    commands: &QueueEnd,
    command: Command,
    order: &Order,
    mut tell: impl FnMut(&Bulletin) + Send,
) -> Result<Done, BridgeError> {
    let id = command.id.clone();
    commands.submit(command).await.map_err(|_| BridgeError::Gone)?;
    let begun = clock.mono();
    let mut answer = Answer::Obeyed;
    loop {
        let bulletin = match within(&**clock, QUIET, bulletins.recv()).await {
            Ok(bulletin) => bulletin.ok_or(BridgeError::Gone)?,
            // Nothing happens: perhaps there was nothing left to do, or only traffic can say more.
            Err(_) => {
                let state = engine.handle().look().await?.state;
                let waited = clock.mono().saturating_since(begun);
                if order.is_over(&state, waited) {
                    break;
                }
                continue;
            }
        };
        tell(&bulletin);
        let refused = bulletin.effects.iter().find_map(|effect| match effect {
            Effect::Rejected(why) => Some(why.to_string()),
            Effect::Raise { .. } | Effect::Lower { .. } | Effect::Notify(_) | Effect::ShowManual { .. } => None,
        });
        if let Some(why) = refused.filter(|_| bulletin.command.as_ref() == Some(&id)) {
            answer = Answer::Refused(why);
            break;
        }
    }
    let end = engine.handle().look().await?;
    let written = within(&**clock, FOR_WRITING, engine.stop()).await.is_ok();
    Ok(Done {
        state: end.state,
        plan: end.plan,
        answer,
        written,
    })
}

/// Whether whoever has the helm left an order alone that is still meant.
fn is_dropped(answer: &Answer) -> bool {
    match answer {
        Answer::Obeyed | Answer::Refused(_) => false,
        Answer::Answered(record) => match record {
            AnswerRecord::Late | AnswerRecord::Overtaken | AnswerRecord::Unread => true,
            AnswerRecord::Nothing | AnswerRecord::Seen => false,
        },
    }
}
