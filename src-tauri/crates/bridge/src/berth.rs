//! Where a program lies: the one console that is in force, what else could be opened, and how everybody who watches follows
//! when another takes its place.
//!
//! One rollout is open at a time, since one program watches one. A real one that is under way is not left for another: nobody
//! would watch it. At its start a program opens what it left, so that a crash in the night goes on where it was; what cannot
//! be opened is told, and never hidden behind the simulator. Deliberately not here: what an open rollout answers (`console`),
//! where its past is (`desk`), and windows.

mod known;
mod make;
mod problem;

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use timonel_domain::value::{RolloutId, Writer};
use timonel_plan::parsed::SIMULATOR;
use timonel_ports::clock::{SharedClock, SystemClock, within};
use timonel_ports::store::RolloutStore;
use timonel_simulator::time::Speed;
use timonel_wire::{Arg, Environments, Picture, PlanFile, Sentence, ToOpen, WireError};
use tokio::sync::{OnceCell, watch};

use crate::console::{Asker, BEAT, Console, Keys, Scene, Watch, is_under_way};
use crate::desk::Listed;
use crate::{BridgeError, Desk};
use problem::told_to_window;

/// What was open has this long to write down what happened before it is left behind.
const FOR_CLOSING: Duration = Duration::from_secs(5);
/// So many programs of one kind can have an installation open at the same time.
const PROGRAMS: u32 = 20;

/// What a program brings.
#[derive(Debug, Clone)]
pub struct Moorings {
    /// The installation's folder.
    pub home: PathBuf,
    /// A kubeconfig in place of the one kubectl would use.
    pub kubeconfig: Option<PathBuf>,
    /// The program's name in the journal, such as `ventana`: lowercase letters.
    pub program: &'static str,
    /// The installation's keys.
    pub keys: Keys,
    /// How fast time goes by in the simulator; its own pace where none is given.
    pub speed: Option<Speed>,
    /// Whether a virtual person signs, arms, starts and approves in the simulator.
    pub virtual_operator: bool,
}

/// Where a program lies. Clone it freely.
#[derive(Debug, Clone)]
pub struct Berth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    with: Moorings,
    clock: SharedClock,
    standing: watch::Sender<Standing>,
    scenes: watch::Sender<Scene>,
    /// One opening at a time.
    opening: tokio::sync::Mutex<()>,
    desk: OnceCell<Quay>,
    /// Where the simulator's store is; gone with it.
    folder: Mutex<Option<TempDir>>,
}

/// The installation, and this program's own name in it.
#[derive(Debug)]
struct Quay {
    desk: Desk,
    /// No other program writes under it.
    name: String,
    _mine: File,
}

/// What is in force.
#[derive(Debug, Clone)]
enum Standing {
    /// Something is on its way.
    Opening,
    /// It is there.
    Open(Console),
    /// Nothing is, and why.
    Closed(WireError),
    /// The program ends.
    Over,
}

impl Berth {
    /// Nothing is opened yet: [`Berth::begin`] does. Whoever asks meanwhile waits.
    pub fn new(with: Moorings) -> Self {
        Self(Arc::new(Inner {
            with,
            clock: SystemClock::shared(),
            standing: watch::Sender::new(Standing::Opening),
            scenes: watch::Sender::new(Scene::Empty),
            opening: tokio::sync::Mutex::new(()),
            desk: OnceCell::new(),
            folder: Mutex::new(None),
        }))
    }

    /// Opens what the program was told to, else the rollout of this installation that somebody has to watch, else its newest
    /// that is not over, else the simulator. Everybody who waits is told how it went. Needs a tokio runtime.
    pub async fn begin(&self, first: Option<ToOpen>) {
        let _alone = self.0.opening.lock().await;
        let opened = async {
            let first = match first {
                Some(first) => first,
                None => self.left_open().await?.unwrap_or(ToOpen::Simulator),
            };
            self.make(&first, 1).await
        };
        match opened.await {
            Ok(console) => self.show(console),
            Err(error) => {
                tracing::error!(%error, "nothing is open");
                self.0.standing.send_replace(Standing::Closed(error));
            }
        }
    }

    /// The console in force, once there is one. Errors where nothing could be opened.
    pub async fn console(&self) -> Result<Console, WireError> {
        let mut standing = self.0.standing.subscribe();
        let settled = standing.wait_for(|s| !matches!(s, Standing::Opening)).await;
        match settled.as_deref() {
            Ok(Standing::Open(console)) => Ok(console.clone()),
            Ok(Standing::Closed(why)) => Err(why.clone()),
            Ok(Standing::Opening | Standing::Over) | Err(_) => Err(WireError::new("error-gone")),
        }
    }

    /// The console in force that is another than `left`, once there is one. `None` when the program ends. For whoever keeps
    /// something beside each console.
    pub async fn after(&self, left: Option<&Console>) -> Option<Console> {
        let other = |standing: &Standing| match standing {
            Standing::Open(console) => left.is_none_or(|left| !console.is(left)),
            Standing::Over => true,
            Standing::Opening | Standing::Closed(_) => false,
        };
        match &*self.0.standing.subscribe().wait_for(other).await.ok()? {
            Standing::Open(console) => Some(console.clone()),
            Standing::Opening | Standing::Closed(_) | Standing::Over => None,
        }
    }

    /// Batches of whichever console is in force, from everything on; the first of another one is everything again. Errors
    /// where nothing could be opened.
    pub async fn watch(&self) -> Result<Watch, WireError> {
        self.console().await?;
        Ok(self.follow())
    }

    /// As [`Berth::watch`], for whoever waits for as long as it takes.
    pub fn follow(&self) -> Watch {
        Watch::following(self.0.scenes.subscribe(), self.0.clock.clone(), BEAT)
    }

    /// Everything now; `None` where nothing is open.
    pub fn picture(&self) -> Option<Arc<Picture>> {
        self.in_force().map(|console| console.picture())
    }

    /// What can be opened, and what is.
    pub async fn environments(&self) -> Environments {
        let now = self.in_force();
        let (rollouts, fault) = match self.quay().await {
            Ok(quay) => known::rollouts(&quay.desk, now.as_ref()).await,
            Err(error) => (Vec::new(), Some(told_to_window(error).0)),
        };
        let closed = match &*self.0.standing.borrow() {
            Standing::Closed(why) => Some(why.0.clone()),
            Standing::Opening | Standing::Open(_) | Standing::Over => None,
        };
        let stays = match &now {
            Some(console) => self.may_leave(console).await.err().map(|why| why.0),
            None => None,
        };
        Environments {
            folder: self.0.with.home.display().to_string(),
            simulated: now.as_ref().is_some_and(Console::is_simulated),
            closed,
            stays,
            rollouts,
            fault,
            plans: known::plans(&self.0.with.home).await,
        }
    }

    /// What there is to know of a plan file. Errors where it cannot be read; a plan that cannot be used says what is wrong.
    pub async fn plan_file(&self, by: &Asker, path: &str) -> Result<PlanFile, WireError> {
        by.may_act()?;
        let (path, text) = known::read(path).await?;
        Ok(known::plan_file(&path, &text))
    }

    /// Opens something else in place of what is open. Moves nothing: what was open may be left, or this is refused, and what
    /// is opened stands where its journal stands. Where it cannot be opened, what was open stays. The rollout that is open
    /// already is taken up anew, which changed keys ask for: it is closed first, since one program writes its journal.
    pub async fn open(&self, by: &Asker, what: &ToOpen) -> Result<(), WireError> {
        by.may_act()?;
        let Ok(_alone) = self.0.opening.try_lock() else {
            return Err(WireError::new("error-open-busy"));
        };
        let before = self.in_force();
        let first_picture = before.as_ref().map_or(1, |console| console.picture().revision + 1);
        tracing::info!(by = %by.person, ?what, "opening");
        let what = &self.resolved(what).await?;
        let left = self.0.folder.lock().unwrap_or_else(PoisonError::into_inner).take();
        let opened = match &before {
            Some(console) if is_of(console, what) => {
                // Who asks meanwhile waits, and who watches keeps what was seen last.
                self.0.standing.send_replace(Standing::Opening);
                self.leave(console).await;
                self.make(what, first_picture).await.inspect_err(|error| {
                    self.0.standing.send_replace(Standing::Closed(error.clone()));
                })
            }
            Some(console) => match self.may_leave(console).await {
                Ok(()) => self.make(what, first_picture).await,
                Err(stays) => Err(stays),
            },
            None => self.make(what, first_picture).await,
        };
        match opened {
            Ok(console) => self.show(console),
            Err(error) => {
                self.keep_folder(left);
                return Err(error);
            }
        }
        if let Some(console) = before {
            self.leave(&console).await;
        }
        Ok(())
    }

    async fn leave(&self, console: &Console) {
        let closing = within(&*self.0.clock, FOR_CLOSING, console.close());
        if closing.await.is_err() {
            tracing::warn!("what was open is left before everything is written down");
        }
    }

    /// Writes down what happened and clears up. For the end of the program.
    pub async fn close(&self) {
        let standing = self.0.standing.send_replace(Standing::Over);
        self.0.scenes.send_replace(Scene::Over);
        if let Standing::Open(console) = standing {
            console.close().await;
        }
        if let Some(quay) = self.0.desk.get() {
            quay.desk.store().close().await;
        }
        self.keep_folder(None);
    }

    fn in_force(&self) -> Option<Console> {
        match &*self.0.standing.borrow() {
            Standing::Open(console) => Some(console.clone()),
            Standing::Opening | Standing::Closed(_) | Standing::Over => None,
        }
    }

    fn show(&self, console: Console) {
        self.0.scenes.send_replace(console.scene());
        self.0.standing.send_replace(Standing::Open(console));
    }

    fn keep_folder(&self, folder: Option<TempDir>) {
        *self.0.folder.lock().unwrap_or_else(PoisonError::into_inner) = folder;
    }

    /// A real rollout that somebody has to watch is not left for another.
    async fn may_leave(&self, console: &Console) -> Result<(), WireError> {
        // One that has ended has nothing left to be watched by us.
        let Ok(Some(stage)) = console.wants_watching().await else {
            return Ok(());
        };
        let picture = console.picture();
        Err(Sentence::new("error-open-under-way")
            .with("rollout", Arg::text(console.rollout()))
            .with("stage", Arg::sentence(picture.rollout.sentence.clone()))
            .with(
                "closable",
                Arg::Count(u64::from(picture.rollout.may.iter().any(|order| order == "close"))),
            )
            .into())
        .inspect_err(|_: &WireError| tracing::info!(?stage, "not left"))
    }

    /// What this installation was at when its last program ended.
    async fn left_open(&self) -> Result<Option<ToOpen>, WireError> {
        let quay = self.quay().await.map_err(told_to_window)?;
        let rows = quay.desk.store().rollouts().await;
        let rows = rows.map_err(|error| told_to_window(error.into()))?;
        let (mut watched, mut draft) = (None, None);
        for row in rows {
            if row.closed_at.is_some() || row.environment == SIMULATOR {
                continue;
            }
            let id = row.id.clone();
            match quay.desk.listed(row).await {
                Ok(listed) if !listed.is_over() && !is_under_way(listed.state.stage) => draft = draft.or(Some(id)),
                Ok(listed) if listed.is_over() => {}
                Ok(_) => watched = watched.or(Some(id)),
                Err(error) => {
                    // Nobody knows where it stands, so a person has to look.
                    tracing::error!(rollout = %id, %error, "its past cannot be read");
                    watched = watched.or(Some(id));
                }
            }
        }
        Ok(watched.or(draft).map(|id| ToOpen::Rollout {
            rollout: id.to_string(),
        }))
    }

    async fn quay(&self) -> Result<&Quay, BridgeError> {
        let open = || async {
            let desk = Desk::open(&self.0.with.home, &self.0.clock).await?;
            let (name, mine) = self.name_of_mine()?;
            Ok(Quay {
                desk,
                name,
                _mine: mine,
            })
        };
        self.0.desk.get_or_try_init(open).await
    }

    /// A name that no other program of this installation has while we run: two that wrote one chain would break it.
    fn name_of_mine(&self) -> Result<(String, File), BridgeError> {
        let folder = |why: String| BridgeError::Folder {
            place: self.0.with.home.display().to_string(),
            why,
        };
        for n in 1..=PROGRAMS {
            let name = match n {
                1 => self.0.with.program.to_owned(),
                n => format!("{}{n}", self.0.with.program),
            };
            let path = self.0.with.home.join(format!("{name}.lock"));
            let file = File::create(path).map_err(|e| folder(e.to_string()))?;
            match file.try_lock() {
                Ok(()) => return Ok((name, file)),
                Err(std::fs::TryLockError::WouldBlock) => {}
                Err(std::fs::TryLockError::Error(error)) => return Err(folder(error.to_string())),
            }
        }
        Err(folder(format!("{PROGRAMS} programs have it open already; close one")))
    }
}

/// Whether it is the very rollout that is to be opened.
fn is_of(console: &Console, what: &ToOpen) -> bool {
    matches!(what, ToOpen::Rollout { rollout } if !console.is_simulated() && console.rollout().as_str() == rollout)
}

impl Quay {
    /// Each rollout has a chain of its own from each program: one can be opened while another closes.
    fn writer(&self, rollout: &RolloutId) -> Writer {
        let rollout: String = rollout.as_str().chars().take(60).collect();
        Writer::new(&format!("{}-{rollout}", self.name)).expect("a name and the beginning of an id")
    }
}

impl Listed {
    /// Whether nothing more will happen to it.
    pub(crate) fn is_over(&self) -> bool {
        self.state.stage == timonel_domain::rollout::Stage::Closed
    }
}
