//! Asking whoever has the helm of a rollout, through the store, and hearing from the journal what became of it.
//!
//! Deliberately not here: doing it from here, where nobody answers (`desk`).

use std::time::Duration;

use timonel_domain::time::Timestamp;
use timonel_domain::value::Writer;
use timonel_engine::{Answer, Bulletin, Onlooker};
use timonel_ports::clock::within;
use timonel_ports::commands::{Command, CommandId, Commands};
use timonel_ports::helm::Held;
use timonel_ports::store::RolloutRow;
use timonel_store::News;

use super::carry::{Done, QUIET};
use super::{Desk, Order};
use crate::BridgeError;

/// Whoever keeps the helm says within this long who has it, or nobody is asked.
const FOR_LOOK: Duration = Duration::from_secs(2);

/// How an order goes, for whoever waits for it.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// Another program has the helm. It was asked, and its answer is waited for so long at most.
    Asked {
        /// Who has it.
        by: &'a Writer,
        /// Since when.
        since: Timestamp,
        /// How long it is waited for.
        limit: Duration,
    },
    /// Nobody has the helm. Whoever takes it within this long is asked.
    Waiting {
        /// How long it is waited for.
        limit: Duration,
    },
    /// It is done from here.
    FromHere {
        /// Because nobody answered, or whoever was at it is gone; else nobody has the helm.
        unanswered: bool,
    },
    /// Something happened.
    Step(&'a Bulletin),
}

/// What came of asking.
#[derive(Debug)]
pub(super) enum Asked {
    /// It was answered.
    Done(Done),
    /// Nobody has the helm, or not any more.
    Vacant,
    /// Whoever has it did not answer in time, or does not get it done.
    Silent,
}

impl Desk {
    /// Who has the helm of a rollout, if that is another than `me`, as far as it can be seen in time.
    /// `None` where it cannot.
    pub(super) async fn leader(&self, row: &RolloutRow, me: &Writer) -> Option<Option<Held>> {
        let state = within(&**self.clock(), FOR_LOOK, self.helm().current(&row.id)).await;
        Some(state.ok()?.ok()?.held.filter(|held| held.by != *me))
    }

    /// What is known of a command that nobody answered within `waited`: it is withdrawn where nobody has taken it yet.
    pub(super) async fn unheard(&self, row: &RolloutRow, id: &CommandId, waited: Duration) -> BridgeError {
        if self.withdraw(row, id).await {
            BridgeError::Unheard { waited }
        } else {
            BridgeError::Unsettled { waited }
        }
    }

    /// Takes a command back, and says whether nobody obeys it any more: who cannot be asked may have it.
    pub(super) async fn withdraw(&self, row: &RolloutRow, id: &CommandId) -> bool {
        let orders = self.store().orders(&row.id);
        matches!(
            within(&**self.clock(), FOR_LOOK, orders.withdraw(id)).await,
            Ok(Ok(true))
        )
    }

    /// Has a command carried out by whoever has the helm, and follows it to its end.
    pub(super) async fn ask(
        &self,
        row: &RolloutRow,
        order: &Order,
        command: &Command,
        me: &Writer,
        tell: &mut (impl FnMut(Progress<'_>) + Send),
    ) -> Result<Asked, BridgeError> {
        let clock = self.clock().clone();
        let begun = async {
            let (plan, _) = self.plan_of(row).await?;
            let news = self.store().news();
            let orders = self.store().orders(&row.id);
            orders.submit(command.clone()).await.map_err(BridgeError::Command)?;
            let mut asking = Asking {
                desk: self,
                onlooker: Onlooker::new(&**self.store(), &row.id, plan.plan).await,
                news,
                id: &command.id,
                telling: false,
            };
            let heard = asking.answered(row, order, me, tell).await?;
            Ok::<_, BridgeError>((asking, heard))
        };
        let (mut asking, heard) = match within(&*clock, order.waits(), begun).await {
            Ok(begun) => begun?,
            Err(_) => return Ok(Asked::Silent),
        };
        let Some(answer) = heard else {
            return Ok(Asked::Vacant);
        };
        let answered = clock.mono();
        loop {
            let is_over = match &answer {
                Answer::Obeyed => order.is_over(asking.onlooker.state(), clock.mono().saturating_since(answered)),
                Answer::Refused(_) | Answer::Answered(_) => true,
            };
            if is_over {
                return Ok(Asked::Done(Done {
                    state: asking.onlooker.state().clone(),
                    plan: asking.onlooker.plan().clone().into(),
                    written: true,
                    answer,
                }));
            }
            if order.is_stuck(asking.onlooker.state(), clock.mono().saturating_since(answered)) {
                return Ok(Asked::Silent);
            }
            if let Some(None) = self.leader(row, me).await {
                return Ok(Asked::Vacant);
            }
            asking.wait().await;
            asking.read_on(tell).await?;
        }
    }
}

/// One who asked.
struct Asking<'a> {
    desk: &'a Desk,
    onlooker: Onlooker,
    news: News,
    id: &'a CommandId,
    /// What happened before it was answered is old.
    telling: bool,
}

impl Asking<'_> {
    /// What became of the command, once that is known. `None` once nobody has the helm, where that is a reason to do it from here.
    async fn answered(
        &mut self,
        row: &RolloutRow,
        order: &Order,
        me: &Writer,
        tell: &mut (impl FnMut(Progress<'_>) + Send),
    ) -> Result<Option<Answer>, BridgeError> {
        loop {
            self.read_on(tell).await?;
            if let Some(answer) = self.onlooker.answer(self.id) {
                return Ok(Some(answer.clone()));
            }
            if order.can_be_done_from_here() && matches!(self.desk.leader(row, me).await, Some(None)) {
                return Ok(None);
            }
            self.wait().await;
        }
    }

    async fn read_on(&mut self, tell: &mut (impl FnMut(Progress<'_>) + Send)) -> Result<(), BridgeError> {
        let (id, telling) = (self.id, &mut self.telling);
        let step = |bulletin: &Bulletin| {
            *telling |= bulletin.command.as_ref() == Some(id);
            if *telling {
                tell(Progress::Step(bulletin));
            }
        };
        Ok(self.onlooker.read_on(&**self.desk.store(), step).await?)
    }

    async fn wait(&mut self) {
        // Looked at all the same where nothing is heard.
        let _ = within(&**self.desk.clock(), QUIET, self.news.next()).await;
    }
}
