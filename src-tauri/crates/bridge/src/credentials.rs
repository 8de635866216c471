//! The credentials of an installation: several places, one after the other, and what a screen may know of them.
//!
//! A name is looked for in this order, and the first that has it is used:
//!
//! 1. its own variable of the process (`TIMONEL_KEY_` and the name in capitals), so that a person at a terminal can always
//!    say otherwise;
//! 2. the memory of this process, where somebody put it "for this session";
//! 3. the keychain of the desk, where this program was built with one (feature `desktop`);
//! 4. the file `credentials.json` of the installation;
//! 5. `TELNYX_API_KEY`, the key of every account that has none of its own. Last, since what is kept under a name says more.
//!
//! A place that fails is told of and passed over: some key puts calls back, an error does not. Only where no place has the
//! name does its failure count. What a rollout needs is loaded when it is opened ([`crate::connect::Connections::with_keys`])
//! and stays in memory as long as it, so that a keychain which is locked later blocks no rollback.
//!
//! Deliberately not here: how a place keeps them (crates `vault` and `desktop`), trying one at its provider (`trial`), and what
//! crosses to a window of all this ([`crate::console::Keys`]).

mod look;
mod trial;
mod trials;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::join_all;
use secrecy::SecretString;
use timonel_ports::clock::{SharedClock, SystemClock};
use timonel_ports::secrets::{Place, SecretId, Secrets, SecretsError};
use timonel_vault::{Environment, SecretsFile, Session, variable};

pub use look::{CredentialInfo, Looked, PlaceInfo};
pub use trial::Tried;
pub use trials::Trial;
use trials::Trials;

/// Where Telnyx answers.
pub(crate) const TELNYX: &str = "https://api.telnyx.com";

/// The file of an installation's secrets, in its folder.
const FILE: &str = "credentials.json";

/// Where this installation remembers what it put into the keychain, in its folder. Holds no secret.
#[cfg(feature = "desktop")]
const INDEX: &str = "keychain.json";

/// Where it remembers which credential was last tried when, in its folder. Holds no secret.
const TRIALS: &str = "credentials-tried.json";

/// Where a person can have a secret kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// In the memory of this process, until it ends.
    Session,
    /// In the keychain of the desk.
    Keychain,
    /// In the installation's file, which only its owner may read.
    File,
}

impl Keep {
    fn is(self, place: &Place) -> bool {
        match place {
            Place::Session => self == Keep::Session,
            Place::Keychain => self == Keep::Keychain,
            Place::File(_) => self == Keep::File,
            Place::Environment => false,
        }
    }
}

/// A credential with where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The secret.
    pub secret: SecretString,
    /// The place that had it.
    pub place: Place,
    /// Whether it is the key for every account rather than its own.
    pub general: bool,
}

/// Why something could not be done with a credential. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// A place did not do it.
    #[error("{0}")]
    Place(#[from] SecretsError),
    /// No place has it.
    #[error("there is no credential `{name}`: {}", how_to_store(name))]
    Unknown {
        /// Its name.
        name: SecretId,
    },
    /// This installation has no such place.
    #[error(
        "this program was built without a keychain: keep the credential in the installation's file, or set its variable"
    )]
    NoKeychain,
    /// The plan uses no such credential in its environment.
    #[error("no account of environment `{environment}` uses the credential `{name}`: it uses {used}")]
    Unused {
        /// Its name.
        name: SecretId,
        /// The plan's environment.
        environment: String,
        /// What its accounts use.
        used: String,
    },
    /// The account cannot be asked at all.
    #[error("the account cannot be asked: {0}")]
    Account(String),
}

impl CredentialError {
    /// A stable code, which the screens translate: that of the place, or `credential.unknown`, `credential.no-keychain`,
    /// `credential.unused`, `credential.account`.
    pub fn code(&self) -> &'static str {
        match self {
            CredentialError::Place(error) => error.code(),
            CredentialError::Unknown { .. } => "credential.unknown",
            CredentialError::NoKeychain => "credential.no-keychain",
            CredentialError::Unused { .. } => "credential.unused",
            CredentialError::Account(_) => "credential.account",
        }
    }
}

/// What a person does to have a credential of this name.
pub(crate) fn how_to_store(name: &SecretId) -> String {
    format!(
        "store it with `timonelctl credential set {name}` or in Conexiones, or set {}",
        variable(name.as_str())
    )
}

/// The credentials of an installation. Cheap to clone; clones share what is kept for the session.
#[derive(Debug, Clone)]
pub struct Credentials(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: SharedClock,
    environment: Environment,
    /// After the environment, in their order.
    places: Vec<Arc<dyn Secrets>>,
    trials: Trials,
    /// How often a credential was kept.
    kept: AtomicU64,
}

impl Credentials {
    /// Those of the installation in `folder`, of this process and its desk. On the machine's clock whatever clock a rollout
    /// runs on, since no keychain runs on a virtual one. Asks nothing of any place yet.
    pub fn of_installation(folder: &Path) -> Self {
        let clock = SystemClock::shared();
        let mut places: Vec<Arc<dyn Secrets>> = vec![Arc::new(Session::new(clock.clone()))];
        #[cfg(feature = "desktop")]
        {
            let index = folder.join(INDEX);
            let keychain = timonel_desktop::Keychain::new(clock.clone(), index, timonel_desktop::LIMIT);
            places.push(Arc::new(keychain));
        }
        places.push(Arc::new(SecretsFile::new(clock.clone(), folder.join(FILE))));
        let trials = Trials::in_file(clock.clone(), folder.join(TRIALS));
        Self::with(clock, Environment::of_process(), places, trials)
    }

    /// Of these places, in this order after `environment`. Ages are by `clock`, and so are requests that test a key. When one
    /// was last tried is forgotten with the process.
    pub fn new(clock: SharedClock, environment: Environment, places: Vec<Arc<dyn Secrets>>) -> Self {
        let trials = Trials::in_memory(clock.clone());
        Self::with(clock, environment, places, trials)
    }

    fn with(clock: SharedClock, environment: Environment, places: Vec<Arc<dyn Secrets>>, trials: Trials) -> Self {
        Self(Arc::new(Inner {
            clock,
            environment,
            places,
            trials,
            kept: AtomicU64::new(0),
        }))
    }

    /// A number that is another one after a credential was kept: whoever waits for one looks again.
    pub(crate) fn kept(&self) -> u64 {
        self.0.kept.load(Ordering::Relaxed)
    }

    /// The clock by which credentials age.
    pub fn clock(&self) -> &SharedClock {
        &self.0.clock
    }

    /// The place where [`Credentials::put`] keeps secrets: the keychain, or the file where this program was built without one.
    pub fn usual(&self) -> Place {
        self.place_of_usual().map_or(Place::Environment, |place| place.place())
    }

    /// Keeps a credential in the usual place, in place of what was kept there under this name. Never anywhere else: where a
    /// keychain is locked or absent the error says so, and the person chooses with [`Credentials::put_in`].
    pub async fn put(&self, name: &SecretId, secret: SecretString) -> Result<Place, CredentialError> {
        let place = self.place_of_usual().ok_or(CredentialError::NoKeychain)?;
        place.put(name, secret).await?;
        self.0.kept.fetch_add(1, Ordering::Relaxed);
        Ok(place.place())
    }

    /// Keeps a credential where the person says.
    pub async fn put_in(&self, keep: Keep, name: &SecretId, secret: SecretString) -> Result<Place, CredentialError> {
        let place = self.0.places.iter().find(|place| keep.is(&place.place()));
        let place = place.ok_or(CredentialError::NoKeychain)?;
        place.put(name, secret).await?;
        self.0.kept.fetch_add(1, Ordering::Relaxed);
        Ok(place.place())
    }

    /// Takes a credential away wherever it is, and says where it was. A variable of the process stays: `ReadOnly` where there
    /// is one, after all others are gone. The first failure is told once every place has been asked.
    pub async fn delete(&self, name: &SecretId) -> Result<Vec<Place>, CredentialError> {
        let mut was_in = Vec::new();
        let mut failed = None;
        for place in self.0.places.iter().cloned().chain([self.environment()]) {
            match place.delete(name).await {
                Ok(true) => {
                    self.0.trials.forget(name, &place.place()).await;
                    was_in.push(place.place());
                }
                Ok(false) => {}
                // Nothing of ours can be in what is not there.
                Err(SecretsError::Absent { .. }) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match (failed, was_in.is_empty()) {
            (Some(error), _) => Err(error.into()),
            (None, true) => Err(CredentialError::Unknown { name: name.clone() }),
            (None, false) => Ok(was_in),
        }
    }

    /// Takes a credential away from one place, and says whether it was there.
    pub async fn delete_in(&self, keep: Keep, name: &SecretId) -> Result<bool, CredentialError> {
        let place = self.0.places.iter().find(|place| keep.is(&place.place()));
        let place = place.ok_or(CredentialError::NoKeychain)?;
        let was_there = place.delete(name).await?;
        self.0.trials.forget(name, &place.place()).await;
        Ok(was_there)
    }

    /// The credential of this name with the place that had it; `None` where none has. Errors where none has it and one could not
    /// be asked: with the first failure.
    pub async fn load(&self, name: &SecretId) -> Result<Option<Loaded>, SecretsError> {
        let mut failed = None;
        for place in self.all() {
            match place.get(name).await {
                Ok(Some(secret)) => {
                    return Ok(Some(Loaded {
                        secret,
                        place: place.place(),
                        general: false,
                    }));
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(credential = %name, %error, "this place is passed over");
                    failed = failed.or(Some(error));
                }
            }
        }
        match (self.0.environment.any_telnyx_key(), failed) {
            (Some(secret), _) => Ok(Some(Loaded {
                secret,
                place: Place::Environment,
                general: true,
            })),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(None),
        }
    }

    /// Whether a place is locked that may hold what no other has, as far as that can be known without asking a person; `None`
    /// where no place says so.
    pub(crate) async fn is_locked(&self) -> Option<bool> {
        let asked = join_all(self.0.places.iter().map(|place| place.is_locked())).await;
        asked.into_iter().flatten().reduce(|one, other| one || other)
    }

    fn environment(&self) -> Arc<dyn Secrets> {
        Arc::new(self.0.environment.clone())
    }

    /// Every place, in the order of precedence.
    fn all(&self) -> impl Iterator<Item = Arc<dyn Secrets>> {
        [self.environment()].into_iter().chain(self.0.places.iter().cloned())
    }

    fn place_of_usual(&self) -> Option<&Arc<dyn Secrets>> {
        self.0.places.iter().find(|place| place.place() != Place::Session)
    }
}
