//! The console: what a window, a page or a terminal asks of a running rollout, and what it is told.
//!
//! One [`Console`] serves any number of surfaces; each question says which surface asks and who, and what that surface may
//! do is checked here, not in the page. It opens on a rollout of an installation, in its real environment, or on the
//! simulator: the whole product against a world that is not real, at a multiple of the desk's time (`opening`). Deliberately
//! not here: windows, sockets, languages, any decision, and which rollout is opened (`berth`).

mod chart;
mod credentials;
mod elsewhere;
mod kit;
mod opening;
mod orders;
mod origin;
mod paint;
mod past;
mod plan;
mod popups;
mod room;
#[cfg(test)]
mod tests;
mod watch;
mod watched;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use timonel_domain::rollout::{Effect, Event, Stage};
use timonel_domain::value::{Person, RolloutId};
use timonel_engine::command::Wish;
use timonel_engine::{Bulletin, EVERY, Handle, Listener, Snapshot, retell};
use timonel_journal::entry::Body;
use timonel_plan::Parsed;
use timonel_ports::clock::{Clock, SharedClock, sleep, within};
use timonel_ports::commands::{Command, CommandId, Commands, QueueEnd};
use timonel_ports::helm::Helm;
use timonel_ports::mailbox::Receiver;
use timonel_ports::store::{RolloutRow, RolloutStore};
use timonel_ports::task::{Task, spawn};
use timonel_simulator::simulator::Simulator;
use timonel_store::Sqlite;
use timonel_wire::{Aim, Order, Picture, Receipt, WireError};

pub use chart::PictureFile;
pub use credentials::Keys;
pub use opening::{Opening, TakeUp};
pub(crate) use orders::wish;
pub use past::PastCounts;
pub(crate) use popups::PopupSeat;
pub(crate) use watch::Scene;
pub use watch::{Curtain, Watch};
pub(crate) use watched::is_under_way;

use crate::chart::Telling;
use crate::operator::VirtualOperator;
use elsewhere::{Elsewhere, FromKit};
use kit::KitSeat;
use origin::{Origin, Way};
use paint::Easel;
use past::Past;
use plan::Written;
use plan::planner::Planner;

/// The picture is painted anew this often, and a window is told no more often.
pub(crate) const BEAT: Duration = Duration::from_millis(500);
/// An order that was not heard of for so long on the desk's clock changes nothing, or is still being checked.
const ANSWER: Duration = Duration::from_secs(3);
/// Arming asks every target first.
const ARMING: Duration = Duration::from_secs(10);
/// Characters that a person may write about an alert, or as a reason.
const LONGEST_COMMENT: usize = 2000;

/// From where something is asked. It decides what may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// The main window.
    Main,
    /// The window on the wall: it shows and does nothing.
    Wallboard,
    /// A page in a browser, through the second host.
    Browser,
    /// A terminal.
    Terminal,
}

impl Surface {
    /// Whether it may only look.
    pub fn is_read_only(self) -> bool {
        match self {
            Surface::Wallboard => true,
            Surface::Main | Surface::Browser | Surface::Terminal => false,
        }
    }
}

/// Who asks, from where. The host says it, never the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// From where.
    pub surface: Surface,
    /// Who.
    pub person: Person,
}

impl Asker {
    pub(crate) fn may_act(&self) -> Result<(), WireError> {
        if self.surface.is_read_only() {
            return Err(WireError::new("error-read-only"));
        }
        Ok(())
    }
}

/// A running rollout with everything that can be asked of it. Clone it freely.
#[derive(Debug, Clone)]
pub struct Console(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The rollout's clock.
    clock: SharedClock,
    /// The desk's clock: how often a window is told something is a matter of real time.
    desk: SharedClock,
    plan: Parsed,
    /// The same as it is written.
    written: Written,
    planner: Planner,
    /// What its journal tells, for charts; told when first asked for.
    telling: tokio::sync::Mutex<Option<Telling>>,
    rollout: RolloutId,
    /// As the installation keeps it; `None` in the simulator.
    row: Option<RolloutRow>,
    handle: Handle,
    way: Way,
    commanded: AtomicU64,
    store: Arc<Sqlite>,
    /// Where its helm is kept.
    helm: Arc<dyn Helm>,
    pictures: tokio::sync::watch::Receiver<Arc<Picture>>,
    counts: tokio::sync::watch::Receiver<PastCounts>,
    popups: PopupSeat,
    running: Mutex<Option<Running>>,
}

/// What ends with the console.
#[derive(Debug)]
struct Running {
    origin: Origin,
    painter: Task<()>,
    world: Option<Imagined>,
}

/// A world of the console's own: its servers, its time and its store end with it.
#[derive(Debug)]
struct Imagined {
    driver: Task<()>,
    _world: Simulator,
}

impl Running {
    fn abort(&self) {
        self.painter.abort();
        if let Some(world) = &self.world {
            world.driver.abort();
        }
    }
}

impl Console {
    /// Everything now; at most one [`BEAT`] old.
    pub fn picture(&self) -> Arc<Picture> {
        self.0.pictures.borrow().clone()
    }

    /// What happened how often in the rollout's life; at most one [`BEAT`] old.
    pub(crate) fn counts(&self) -> PastCounts {
        *self.0.counts.borrow()
    }

    /// What the engine says of itself and how long it took to say it, on the machine's `clock`; `None` where it has ended or
    /// does not answer within `limit`.
    pub(crate) async fn look(&self, clock: &dyn Clock, limit: Duration) -> Option<(Snapshot, Duration)> {
        let asked = clock.mono();
        let said = within(clock, limit, self.0.handle.look()).await.ok()?.ok()?;
        Some((said, clock.mono().saturating_since(asked)))
    }

    /// Batches for one window, from everything on.
    pub fn watch(&self) -> Watch {
        Watch::new(self.0.pictures.clone(), self.0.desk.clone(), BEAT)
    }

    /// Where a watch that follows the console in force finds this one's pictures.
    pub(crate) fn scene(&self) -> Scene {
        Scene::Of(self.0.pictures.clone())
    }

    /// Whether both are the same one, not only of the same rollout.
    pub(crate) fn is(&self, other: &Console) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Which rollout it is.
    pub fn rollout(&self) -> &RolloutId {
        &self.0.rollout
    }

    /// Whether its world is not real.
    pub fn is_simulated(&self) -> bool {
        self.0.row.is_none()
    }

    /// The plan as it runs, in its environment.
    pub fn plan(&self) -> &Parsed {
        &self.0.plan
    }

    /// A person orders, with what is at `aim` before them: `error-other-rollout` where that is not this one. Answers when the
    /// order is in force or was refused; putting traffic back waits for nobody below.
    pub async fn order(&self, by: &Asker, aim: &Aim, order: Order) -> Result<Receipt, WireError> {
        self.may(by, aim)?;
        let look = || async { self.0.handle.look().await.map_err(|_| gone()) };
        let wishes = match &order {
            Order::SignAll => orders::unsigned(&look().await?),
            Order::Arm
            | Order::Start
            | Order::Sign { .. }
            | Order::Approve
            | Order::Freeze { .. }
            | Order::Release { .. }
            | Order::RollBack { .. }
            | Order::Reset { .. }
            | Order::Pin { .. }
            | Order::Unpin { .. }
            | Order::Drill
            | Order::Close => vec![orders::wish(order)?],
        };
        let mut receipt = Receipt::Taken;
        for wish in wishes {
            if self.wish(by, wish).await? == Receipt::Handed {
                receipt = Receipt::Handed;
            }
        }
        Ok(receipt)
    }

    /// A person has seen an alert of the rollout at `aim`: it goes into the journal. The first who has is the one who has.
    pub async fn acknowledge(&self, by: &Asker, aim: &Aim, alert: &str, comment: &str) -> Result<(), WireError> {
        self.may(by, aim)?;
        if comment.chars().count() > LONGEST_COMMENT {
            return Err(WireError::new("error-comment-too-long"));
        }
        if !self.picture().alerts.iter().any(|known| known.id == alert) {
            return Err(WireError::new("error-unknown-alert"));
        }
        let wish = Wish::Acknowledge {
            alert: alert.to_owned(),
            comment: comment.trim().to_owned(),
        };
        match &self.0.way {
            Way::Here(queue) => self.submit(queue, by, &wish).await,
            Way::Elsewhere(elsewhere) => elsewhere.give(&by.person, wish).await.map(drop),
        }
    }

    /// Ends once everything that happened is in the store. Later questions are answered with `error-gone`.
    pub async fn close(&self) {
        let running = lock(&self.0.running).take();
        if let Some(running) = running {
            running.painter.abort();
            running.origin.stop().await;
            if let Some(world) = running.world {
                self.0.store.close().await;
                world.driver.abort();
            }
        }
    }

    fn may(&self, by: &Asker, aim: &Aim) -> Result<(), WireError> {
        by.may_act()?;
        orders::aimed(aim, &self.picture().aim())
    }

    async fn submit(&self, queue: &QueueEnd, by: &Asker, wish: &Wish) -> Result<(), WireError> {
        let number = self.0.commanded.fetch_add(1, Ordering::Relaxed);
        let command = Command {
            id: CommandId::new(&format!("consola:{number}")).expect("a good id"),
            by: by.person.clone(),
            at: self.0.clock.now(),
            what: Body::of(wish).map_err(|_| WireError::new("error-comment-too-long"))?,
        };
        queue.submit(command).await.map_err(|_| gone())
    }

    async fn wish(&self, by: &Asker, wish: Wish) -> Result<Receipt, WireError> {
        let queue = match &self.0.way {
            Way::Here(queue) => queue,
            Way::Elsewhere(elsewhere) => return elsewhere.give(&by.person, wish).await,
        };
        let bulletins = self.0.handle.subscribe().map_err(|_| gone())?;
        self.submit(queue, by, &wish).await?;
        let limit = if matches!(wish, Wish::Arm) { ARMING } else { ANSWER };
        match within(&*self.0.desk, limit, heard(bulletins, &wish, &by.person)).await {
            Ok(answer) => answer,
            Err(_) => Ok(Receipt::Handed),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(running) = lock(&self.running).take() {
            running.abort();
        }
    }
}

/// What the engine says to a wish.
async fn heard(mut bulletins: Receiver<Bulletin>, wish: &Wish, by: &Person) -> Result<Receipt, WireError> {
    loop {
        let bulletin = bulletins.recv().await.ok_or_else(gone)?;
        if !orders::is_of(&bulletin.event, wish, by) {
            continue;
        }
        return orders::taken(&bulletin.effects);
    }
}

fn gone() -> WireError {
    WireError::new("error-gone")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the newest picture. Whoever is slow misses some and never gets a backlog.
struct Painter {
    easel: Easel,
    past: Past,
    operator: Option<VirtualOperator>,
    handle: Handle,
    desk: SharedClock,
    show: tokio::sync::watch::Sender<Arc<Picture>>,
    count: tokio::sync::watch::Sender<PastCounts>,
    popups: PopupSeat,
    /// The size of a real store.
    room: Option<tokio::sync::watch::Receiver<Option<room::Seen>>>,
    /// The rollout as lists have it, until it is closed there too.
    open: Option<(Arc<Sqlite>, RolloutRow)>,
    /// Steps that were heard.
    heard: u64,
    /// `None` in the simulator.
    kit: Option<KitSeat>,
    /// Where it only looks on.
    elsewhere: Option<Elsewhere>,
}

impl Painter {
    /// Until the engine ends. Bulletins are taken as they come, since an untaken one holds up virtual time.
    async fn run(mut self, mut bulletins: Receiver<Bulletin>) {
        let mut beat = sleep(&*self.desk, BEAT);
        loop {
            tokio::select! {
                biased;
                bulletin = bulletins.recv() => {
                    let Some(bulletin) = bulletin else { return };
                    self.hear(&bulletin);
                    self.close_row(&bulletin).await;
                }
                () = &mut beat => {
                    beat = sleep(&*self.desk, BEAT);
                    let Ok(snapshot) = self.handle.look().await else { return };
                    // What is not read any more is not seen.
                    let is_seen = snapshot.looking_on.as_ref().is_none_or(|seen| seen.lost.is_none());
                    if let Some(kit) = self.kit.as_ref().filter(|_| is_seen) {
                        kit.see(&snapshot.state);
                    }
                    while let Some(bulletin) = bulletins.try_recv() {
                        self.hear(&bulletin);
                        self.close_row(&bulletin).await;
                    }
                    let revision = self.show.borrow().revision + 1;
                    let mut picture = self.paint(&snapshot, revision);
                    picture.popups = self.popups.state();
                    if let Some(seen) = self.room.as_ref().and_then(|room| room.borrow().clone()) {
                        seen.show(&mut picture, &snapshot);
                    }
                    self.show.send_replace(Arc::new(picture));
                    self.count.send_replace(self.past.counts);
                }
            }
        }
    }

    fn paint(&self, now: &Snapshot, revision: u64) -> Picture {
        let Some(FromKit { state, manual }) = self.elsewhere.as_ref().and_then(|way| way.beside(now)) else {
            return self.easel.paint(now, &self.past, revision);
        };
        let now = Snapshot { state, ..now.clone() };
        let mut past = self.past.clone();
        past.manual = manual;
        let mut picture = self.easel.paint(&now, &past, revision);
        if let Some(looking_on) = &mut picture.environment.looking_on {
            looking_on.from_kit = true;
        }
        picture
    }

    /// A rollout that was closed is closed in lists.
    async fn close_row(&mut self, bulletin: &Bulletin) {
        if bulletin.state.stage != Stage::Closed {
            return;
        }
        let Some((store, mut row)) = self.open.take() else {
            return;
        };
        row.closed_at = Some(bulletin.at);
        if let Err(error) = store.put_rollout(&row).await {
            tracing::error!(%error, "the journal has the rollout closed, and the list of rollouts has not");
        }
    }

    /// Has what the journal leaves to be shown put away now and then, so that the next one who takes the rollout up need not
    /// read all of it.
    fn put_away(&self) {
        let Some((store, row)) = &self.open else { return };
        let (store, row, plan) = (store.clone(), row.clone(), self.easel.plan().clone());
        drop(spawn(&self.desk, async move {
            if let Err(error) = retell(&*store, &row.id, &plan, Past::new(row.opened_at)).await {
                tracing::warn!(rollout = %row.id, %error, "the journal cannot be followed; the next start reads more of it");
            }
        }));
    }

    fn hear(&mut self, bulletin: &Bulletin) {
        self.past.hear(bulletin, self.easel.plan());
        self.heard += 1;
        if self.heard.is_multiple_of(EVERY) {
            self.put_away();
        }
        if let Some(operator) = &mut self.operator {
            let rejected = bulletin.effects.iter().any(|e| matches!(e, Effect::Rejected(_)));
            operator.sees(&bulletin.state, rejected && !matches!(bulletin.event, Event::Tick));
        }
    }
}
