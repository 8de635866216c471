//! Looking on at a rollout that any program leads, through the store alone: what happens, who has the helm, and when the store is
//! away. Deliberately not here: signals, which whoever leads reads, and doing anything (`carry`).

use std::sync::Arc;

use timonel_domain::plan::Plan;
use timonel_domain::rollout::{Stage, State};
use timonel_engine::{Bulletin, Onlooker};
use timonel_ports::clock::within;
use timonel_ports::helm::Held;
use timonel_ports::store::RolloutRow;

use super::Desk;
use super::carry::QUIET;
use crate::BridgeError;

/// What is seen of a rollout.
#[derive(Debug, Clone, Copy)]
pub enum Sight<'a> {
    /// Where it stands, first of all.
    Stands {
        /// Its state by the journal.
        state: &'a Arc<State>,
        /// The plan that it runs.
        plan: &'a Plan,
    },
    /// Who has the helm from now on; `None` where nobody has.
    Helm(Option<&'a Held>),
    /// Something happened.
    Step(&'a Bulletin),
    /// The store does not say how it goes on. What was seen last may be old; it is asked again and again.
    Lost(&'a BridgeError),
    /// It says so again.
    Back,
}

impl Desk {
    /// Tells what happens to a rollout until it is closed. Errors only where it cannot be read at all to begin with.
    pub async fn watch(&self, row: &RolloutRow, mut tell: impl FnMut(Sight<'_>) + Send) -> Result<(), BridgeError> {
        let store = self.store().clone();
        let (plan, _) = self.plan_of(row).await?;
        let mut news = store.news();
        let mut onlooker = Onlooker::new(&**self.store(), &row.id, plan.plan).await;
        onlooker.read_on(&*store, |_| ()).await?;
        tell(Sight::Stands {
            state: onlooker.state(),
            plan: onlooker.plan(),
        });
        let (mut led, mut lost) = (None, false);
        loop {
            let looked = async {
                onlooker.read_on(&*store, |step| tell(Sight::Step(step))).await?;
                self.led_by(row).await
            };
            match looked.await {
                Ok(held) => {
                    if std::mem::take(&mut lost) {
                        tell(Sight::Back);
                    }
                    // Not each time that it is renewed.
                    let now = held.as_ref().map(|held| (held.by.clone(), held.since));
                    if led.as_ref() != Some(&now) {
                        tell(Sight::Helm(held.as_ref()));
                        led = Some(now);
                    }
                }
                Err(error) if !std::mem::replace(&mut lost, true) => tell(Sight::Lost(&error)),
                Err(error) => tracing::debug!(%error, "the store is still away"),
            }
            if onlooker.state().stage == Stage::Closed {
                return Ok(());
            }
            // Looked at all the same where nothing is heard.
            let _ = within(&**self.clock(), QUIET, news.next()).await;
        }
    }

    /// Who has the helm of a rollout.
    pub async fn led_by(&self, row: &RolloutRow) -> Result<Option<Held>, BridgeError> {
        let state = self.helm().current(&row.id).await;
        Ok(state.map_err(timonel_engine::EngineError::Helm)?.held)
    }
}
