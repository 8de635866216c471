//! Where a program lies: the one console that is in force, what else could be opened, and how everybody who watches follows
//! when another takes its place.
//!
//! One rollout is open at a time, since one program watches one. A real one that is under way is not left for another: nobody
//! would watch it. At its start a program opens what it left, so that a crash in the night goes on where it was; what cannot
//! be opened is told, and never hidden behind the simulator. Deliberately not here: what an open rollout answers (`console`),
//! where its past is (`desk`), and windows.

mod known;
mod make;
mod passage;
mod problem;

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use tempfile::TempDir;
use timonel_domain::value::{RolloutId, Writer};
use timonel_plan::parsed::SIMULATOR;
use timonel_ports::clock::{SharedClock, SystemClock};
use timonel_ports::store::RolloutStore;
use timonel_simulator::time::Speed;
use timonel_wire::{Environments, Picture, PlanFile, ToOpen, WireError};
use tokio::sync::{OnceCell, watch};

use crate::console::{Asker, BEAT, Console, Keys, Scene, Watch, is_under_way};
use crate::desk::{HelmKeeper, Listed, composed, takes_nothing, unheard_of};
use crate::{BridgeError, Desk};
pub(crate) use known::plan_finding;
use problem::told_to_window;

/// The pictures of each console are numbered from a beginning of their own on: no console shows so many, and a page, which
/// passes over what is older than what it knows, counts exactly up to 2^53.
const PICTURES: u64 = 1 << 32;
/// So many programs of one kind can have an installation open at the same time.
const PROGRAMS: u32 = 20;

/// What a program brings.
#[derive(Debug, Clone)]
pub struct Moorings {
    /// The installation's folder.
    pub home: PathBuf,
    /// A store that is shared, in place of the file in `home`: whoever has the helm leads the rollouts in it, and this program looks
    /// on. Its address may hold a password.
    pub store: Option<SecretString>,
    /// Where helms are kept.
    pub helm: HelmKeeper,
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
    /// How many consoles there have been.
    opened: AtomicU64,
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
    /// `None` where the disk takes no file.
    _mine: Option<File>,
}

/// What is in force.
#[derive(Debug, Clone)]
enum Standing {
    /// Something is on its way.
    Opening,
    /// It is there.
    Open(Console),
    /// Nothing is, why, and what nobody watches therefore.
    Closed { why: WireError, left: Left },
    /// The program ends.
    Over,
}

/// What may be without anybody who watches it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Left {
    /// Nothing that we know of.
    Nothing,
    /// This rollout.
    Rollout(String),
    /// Nobody knows: the installation cannot be read.
    Unknown,
}

impl Berth {
    /// Nothing is opened yet: [`Berth::begin`] does. Whoever asks meanwhile waits.
    pub fn new(with: Moorings) -> Self {
        Self(Arc::new(Inner {
            with,
            clock: SystemClock::shared(),
            standing: watch::Sender::new(Standing::Opening),
            scenes: watch::Sender::new(Scene::Empty),
            opened: AtomicU64::new(0),
            opening: tokio::sync::Mutex::new(()),
            desk: OnceCell::new(),
            folder: Mutex::new(None),
        }))
    }

    /// Opens what the program was told to, else the rollout of this installation that somebody has to watch, else its newest
    /// that is not over, else the simulator. Everybody who waits is told how it went. Needs a tokio runtime.
    pub async fn begin(&self, first: Option<ToOpen>) {
        let _alone = self.0.opening.lock().await;
        let first = match first {
            Some(first) => first,
            None => match self.left_open().await {
                Ok(left) => left.unwrap_or(ToOpen::Simulator),
                Err(error) => return self.lost(error, Left::Unknown),
            },
        };
        match self.make(&first).await {
            Ok(made) => self.show(made).await,
            Err(error) => {
                let left = match first {
                    // One that there is none of is a slip of the pen.
                    ToOpen::Rollout { .. } if error.0.code == "error-open-unknown-rollout" => Left::Nothing,
                    ToOpen::Rollout { rollout } => Left::Rollout(rollout),
                    ToOpen::Simulator | ToOpen::Plan { .. } => Left::Nothing,
                };
                self.lost(error, left);
            }
        }
    }

    /// Whether somebody has to go on watching, so that the program is not ended in passing: a real rollout is under way, or
    /// nobody can say yet, or none could be taken up.
    pub fn is_needed(&self) -> bool {
        match &*self.0.standing.borrow() {
            Standing::Opening => true,
            Standing::Open(console) => console.is_needed(),
            Standing::Closed { left, .. } => *left != Left::Nothing,
            Standing::Over => false,
        }
    }

    /// Why nothing is open, once nothing is; `None` when the program ends.
    pub async fn unwatched(&self) -> Option<WireError> {
        let mut standing = self.0.standing.subscribe();
        let closed = |standing: &Standing| matches!(standing, Standing::Closed { .. } | Standing::Over);
        match &*standing.wait_for(closed).await.ok()? {
            Standing::Closed { why, .. } => Some(why.clone()),
            Standing::Opening | Standing::Open(_) | Standing::Over => None,
        }
    }

    /// The console in force, once there is one. Errors where nothing could be opened.
    pub async fn console(&self) -> Result<Console, WireError> {
        let mut standing = self.0.standing.subscribe();
        let settled = standing.wait_for(|s| !matches!(s, Standing::Opening)).await;
        match settled.as_deref() {
            Ok(Standing::Open(console)) => Ok(console.clone()),
            Ok(Standing::Closed { why, .. }) => Err(why.clone()),
            Ok(Standing::Opening | Standing::Over) | Err(_) => Err(WireError::new("error-gone")),
        }
    }

    /// The console in force that is another than `left`, once there is one. `None` when the program ends. For whoever keeps
    /// something beside each console.
    pub async fn after(&self, left: Option<&Console>) -> Option<Console> {
        let other = |standing: &Standing| match standing {
            Standing::Open(console) => left.is_none_or(|left| !console.is(left)),
            Standing::Over => true,
            Standing::Opening | Standing::Closed { .. } => false,
        };
        match &*self.0.standing.subscribe().wait_for(other).await.ok()? {
            Standing::Open(console) => Some(console.clone()),
            Standing::Opening | Standing::Closed { .. } | Standing::Over => None,
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
            Standing::Closed { why, .. } => Some(why.0.clone()),
            Standing::Opening | Standing::Open(_) | Standing::Over => None,
        };
        let stays = match &now {
            Some(console) => self.may_leave(console).await.err().map(|why| why.0),
            None => None,
        };
        Environments {
            folder: self.0.with.home.display().to_string(),
            store: self
                .0
                .desk
                .get()
                .filter(|_| self.0.with.store.is_some())
                .map(|quay| quay.desk.store().place().to_owned()),
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

    /// The number of the first picture of the next console.
    fn first_picture(&self) -> u64 {
        self.0.opened.fetch_add(1, Ordering::Relaxed) * PICTURES + 1
    }

    fn in_force(&self) -> Option<Console> {
        match &*self.0.standing.borrow() {
            Standing::Open(console) => Some(console.clone()),
            Standing::Opening | Standing::Closed { .. } | Standing::Over => None,
        }
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
                Ok(listed) if !listed.is_over() && !is_under_way(listed.state.stage.into()) => {
                    draft = draft.or(Some(id))
                }
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
            let Moorings {
                home,
                store,
                helm,
                kubeconfig,
                ..
            } = &self.0.with;
            let desk = Desk::of(home, store.as_ref(), &self.0.clock).await?;
            let desk = match store {
                Some(_) => desk.with_helms(helm, kubeconfig.as_deref()).await,
                None => desk.only_with_helms(helm, kubeconfig.as_deref()).await?,
            };
            // Each says in the log what became of it.
            desk.merge_kits().await;
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
    fn name_of_mine(&self) -> Result<(String, Option<File>), BridgeError> {
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
            let file = match File::create(path) {
                Ok(file) => file,
                Err(error) if takes_nothing(&error) => {
                    return Ok((format!("{}-{}", self.0.with.program, unheard_of()), None));
                }
                Err(error) => return Err(folder(error.to_string())),
            };
            match file.try_lock() {
                Ok(()) => return Ok((name, Some(file))),
                Err(std::fs::TryLockError::WouldBlock) => {}
                Err(std::fs::TryLockError::Error(error)) => return Err(folder(error.to_string())),
            }
        }
        Err(folder(format!("{PROGRAMS} programs have it open already; close one")))
    }
}

impl Quay {
    /// Each rollout has a chain of its own from each program: one can be opened while another closes.
    fn writer(&self, rollout: &RolloutId) -> Writer {
        composed(&self.name, rollout.as_str())
    }
}

impl Listed {
    /// Whether nothing more will happen to it.
    pub(crate) fn is_over(&self) -> bool {
        self.state.stage == timonel_domain::rollout::Stage::Closed
    }
}
