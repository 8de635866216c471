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
//! Deliberately not here: how a place keeps them (crates `vault` and `desktop`).

use std::path::Path;
use std::sync::Arc;

use futures::future::join_all;
use secrecy::SecretString;
use timonel_domain::time::Timestamp;
use timonel_plan::Parsed;
use timonel_ports::clock::{SharedClock, SystemClock};
use timonel_ports::secrets::{Place, Probe, SecretId, Secrets, SecretsError};
use timonel_ports::target::Check;
use timonel_telnyx::account::{Access, Account};
use timonel_vault::{ANY_TELNYX_KEY, Environment, SecretsFile, Session, variable};

/// Where Telnyx answers.
pub(crate) const TELNYX: &str = "https://api.telnyx.com";

/// The file of an installation's secrets, in its folder.
const FILE: &str = "credentials.json";

/// Where this installation remembers what it put into the keychain, in its folder. Holds no secret.
#[cfg(feature = "desktop")]
const INDEX: &str = "keychain.json";

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

/// A credential as a screen may show it. One kept in two places is shown twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialInfo {
    /// Its name, as plans write it.
    pub name: SecretId,
    /// Where it is.
    pub place: Place,
    /// Since when; `None` where the place does not know.
    pub stored_at: Option<Timestamp>,
    /// Whether it can be read there at this moment, by the state of the place.
    pub state: Probe,
    /// Whether this is the one that is used: the first, in the order of the places, whose place is available.
    pub in_force: bool,
}

/// A place as a screen may show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceInfo {
    /// Which.
    pub place: Place,
    /// Whether it can be used, and else what to do.
    pub state: Probe,
    /// Whether [`Credentials::put`] keeps secrets here.
    pub usual: bool,
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
        Self::new(clock, Environment::of_process(), places)
    }

    /// Of these places, in this order after `environment`. Ages are by `clock`, and so are requests that test a key.
    pub fn new(clock: SharedClock, environment: Environment, places: Vec<Arc<dyn Secrets>>) -> Self {
        Self(Arc::new(Inner {
            clock,
            environment,
            places,
        }))
    }

    /// Every credential in every place, by name and then in the order of precedence. Never fails: what a place that does not
    /// answer holds is shown with that state, or, where not even its names can be read, left to [`Credentials::probe`].
    ///
    /// Proves by use that a keychain which holds something is open, which may make it ask a person to unlock it: call it when
    /// a person looks, not by a timer.
    pub async fn list(&self) -> Vec<CredentialInfo> {
        let mut out: Vec<CredentialInfo> = Vec::new();
        for stored in join_all(self.0.places.iter().map(rows)).await {
            out.extend(stored);
        }
        let mut of_process = rows(&self.environment()).await;
        for row in &mut of_process {
            // Several names have the same variable: the one by which it is known elsewhere says more.
            let same = |known: &&CredentialInfo| variable(known.name.as_str()) == variable(row.name.as_str());
            if let Some(known) = out.iter().find(same) {
                row.name = known.name.clone();
            }
        }
        if self.0.environment.any_telnyx_key().is_some() {
            of_process.push(CredentialInfo {
                name: SecretId::new(ANY_TELNYX_KEY).expect("a good name"),
                place: Place::Environment,
                stored_at: None,
                state: Probe::Available,
                in_force: false,
            });
        }
        // Stable, and the process's first: within a name the order of the places stays.
        of_process.append(&mut out);
        let mut out = of_process;
        out.sort_by(|a, b| a.name.cmp(&b.name));
        let mut taken: Option<SecretId> = None;
        for row in &mut out {
            row.in_force = row.state == Probe::Available && taken.as_ref() != Some(&row.name);
            if row.in_force {
                taken = Some(row.name.clone());
            }
        }
        out
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
        Ok(place.place())
    }

    /// Keeps a credential where the person says.
    pub async fn put_in(&self, keep: Keep, name: &SecretId, secret: SecretString) -> Result<Place, CredentialError> {
        let place = self.0.places.iter().find(|place| keep.is(&place.place()));
        let place = place.ok_or(CredentialError::NoKeychain)?;
        place.put(name, secret).await?;
        Ok(place.place())
    }

    /// Takes a credential away wherever it is, and says where it was. A variable of the process stays: `ReadOnly` where there
    /// is one, after all others are gone. The first failure is told once every place has been asked.
    pub async fn delete(&self, name: &SecretId) -> Result<Vec<Place>, CredentialError> {
        let mut was_in = Vec::new();
        let mut failed = None;
        for place in self.0.places.iter().cloned().chain([self.environment()]) {
            match place.delete(name).await {
                Ok(true) => was_in.push(place.place()),
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

    /// Tries a key at its provider, at the provider's own address: whose it is, its rights, what is left. Writes nothing.
    pub async fn test(&self, name: &SecretId) -> Result<Vec<Check>, CredentialError> {
        self.test_at(name, name.as_str(), TELNYX).await
    }

    /// [`Credentials::test`] at the addresses of the accounts of `plan` that use it in the plan's environment.
    pub async fn test_in(&self, name: &SecretId, plan: &Parsed) -> Result<Vec<Check>, CredentialError> {
        let accounts = plan.environments.get(&plan.plan.environment);
        let accounts = accounts.into_iter().flat_map(|e| e.accounts.iter());
        let (uses, others): (Vec<_>, Vec<_>) = accounts.partition(|(_, config)| config.credential == name.as_str());
        if uses.is_empty() {
            let used: Vec<_> = others.iter().map(|(_, config)| config.credential.as_str()).collect();
            return Err(CredentialError::Unused {
                name: name.clone(),
                environment: plan.plan.environment.clone(),
                used: if used.is_empty() {
                    "none".to_owned()
                } else {
                    used.join(", ")
                },
            });
        }
        let mut out = Vec::new();
        for (account, config) in uses {
            let url = config.url.as_deref().unwrap_or(TELNYX);
            out.extend(self.test_at(name, account, url).await?);
        }
        Ok(out)
    }

    async fn test_at(&self, name: &SecretId, account: &str, url: &str) -> Result<Vec<Check>, CredentialError> {
        let loaded = self.load(name).await?;
        let loaded = loaded.ok_or_else(|| CredentialError::Unknown { name: name.clone() })?;
        let access = Access {
            name: account.to_owned(),
            base: url.to_owned(),
            key: loaded.secret,
        };
        let account = Account::new(self.0.clock.clone(), access);
        let account = account.map_err(|e| CredentialError::Account(e.to_string()))?;
        let proof = if loaded.general {
            format!("{}: {ANY_TELNYX_KEY}, the key for every account", loaded.place)
        } else {
            loaded.place.to_string()
        };
        let mut checks = vec![Check {
            code: "credential.found".to_owned(),
            ok: true,
            proof,
        }];
        checks.extend(account.check().await);
        Ok(checks)
    }

    /// The state of every place, in the order of precedence, proved by use. May make a keychain ask a person to unlock it.
    pub async fn probe(&self) -> Vec<PlaceInfo> {
        let usual = self.usual();
        let one = async |place: Arc<dyn Secrets>| PlaceInfo {
            usual: place.place() == usual,
            state: place.probe().await,
            place: place.place(),
        };
        join_all(
            [self.environment()]
                .into_iter()
                .chain(self.0.places.iter().cloned())
                .map(one),
        )
        .await
    }

    /// The credential of this name with the place that had it; `None` where none has. Errors where none has it and one could not
    /// be asked: with the first failure.
    pub async fn load(&self, name: &SecretId) -> Result<Option<Loaded>, SecretsError> {
        let mut failed = None;
        for place in [self.environment()].into_iter().chain(self.0.places.iter().cloned()) {
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

    fn environment(&self) -> Arc<dyn Secrets> {
        Arc::new(self.0.environment.clone())
    }

    fn place_of_usual(&self) -> Option<&Arc<dyn Secrets>> {
        self.0.places.iter().find(|place| place.place() != Place::Session)
    }
}

/// What a place holds, with its state; nothing where it holds nothing, without trying it.
async fn rows(place: &Arc<dyn Secrets>) -> Vec<CredentialInfo> {
    let stored = match place.list().await {
        Ok(stored) if stored.is_empty() => return Vec::new(),
        Ok(stored) => stored,
        Err(error) => {
            tracing::warn!(%error, "its credentials cannot be listed");
            return Vec::new();
        }
    };
    let state = place.probe().await;
    let row = |stored: timonel_ports::secrets::Stored| CredentialInfo {
        name: stored.id,
        place: place.place(),
        stored_at: stored.stored_at,
        state: state.clone(),
        in_force: false,
    };
    stored.into_iter().map(row).collect()
}
