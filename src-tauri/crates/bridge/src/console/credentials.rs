//! The keys of an installation, as a window asks for them and changes them.
//!
//! They are there before any rollout is open and whether or not one can be opened: a missing key is often why it cannot. A
//! keychain may wait for a person or for nobody, so nothing here holds up another question, and every answer comes within the
//! places' own limits. Which surface may do it is checked here. No answer, no error and no line of the log holds a secret.
//! Deliberately not here: where credentials are kept and which goes first ([`crate::credentials`]).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use timonel_plan::Parsed;
use timonel_ports::clock::within;
use timonel_ports::secrets::{BadSecretId, LONGEST, Place, Probe, SecretId, SecretsError};
use timonel_vault::{ANY_TELNYX_KEY, variable};
use timonel_wire::{
    Arg, Credential, CredentialChange, CredentialCheck, CredentialTest, Effect, KeepName, LastTest, PlaceCondition,
    PlaceName, PlaceState, Sentence, Typed, Use, Vault, Wanted, WireError, millis,
};

use super::{Asker, lock};
use crate::connect::{Connections, account_of};
use crate::credentials::{CredentialError, CredentialInfo, Credentials, Keep, Looked, PlaceInfo, Trial};

/// A provider that has not answered by then is told to a person who waits.
const TESTING: Duration = Duration::from_secs(12);

/// The keys of an installation. Clone it freely.
#[derive(Debug, Clone)]
pub struct Keys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    credentials: Credentials,
    /// The plan that answers are about.
    plan: Mutex<Option<Arc<Parsed>>>,
    /// The rollout that is open.
    open: Mutex<Option<Open>>,
}

/// A rollout that is open.
#[derive(Debug, Clone)]
struct Open {
    plan: Arc<Parsed>,
    /// What it goes over; `None` on the simulator, whose accounts are its own.
    over: Option<Connections>,
}

impl Keys {
    /// Those in `credentials`, for no rollout yet.
    pub fn new(credentials: Credentials) -> Self {
        Self(Arc::new(Inner {
            credentials,
            plan: Mutex::new(None),
            open: Mutex::new(None),
        }))
    }

    /// Where they are: what opens a rollout loads its keys from here, so that one for this session is found.
    pub fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    /// A rollout of this plan, in the plan's environment, is to be opened: from now on answers are about what it wants,
    /// whether or not it can be.
    pub fn serve(&self, plan: Parsed) {
        *lock(&self.0.plan) = Some(Arc::new(plan));
    }

    /// A rollout of this plan is open over these connections, in place of what was open before; over none on the simulator.
    pub fn opened(&self, plan: Parsed, over: Option<Connections>) {
        let plan = Arc::new(plan);
        *lock(&self.0.plan) = Some(plan.clone());
        *lock(&self.0.open) = Some(Open { plan, over });
    }

    fn plan(&self) -> Option<Arc<Parsed>> {
        lock(&self.0.plan).clone()
    }

    /// Every place and every credential, and what the plan wants. May make a keychain ask a person to unlock it. Errors where
    /// this asker may only look at rollouts.
    pub async fn vault(&self, by: &Asker) -> Result<Vault, WireError> {
        by.may_act()?;
        let Looked { places, credentials } = self.0.credentials.look().await;
        let uses = self.plan().map(|plan| uses(&plan)).unwrap_or_default();
        Ok(Vault {
            at: millis(self.0.credentials.clock().now()),
            wanted: wanted(&uses, &credentials),
            places: states(places),
            credentials: credentials.into_iter().map(|info| credential(info, &uses)).collect(),
            most_bytes: u32::try_from(LONGEST).expect("a secret is far shorter"),
        })
    }

    /// Keeps a credential where the person says, in place of what was kept there under its name, and nowhere else. Errors
    /// where the name is none, the secret is empty or longer than [`LONGEST`] bytes, or the place does not do it.
    pub async fn put(
        &self,
        by: &Asker,
        name: &str,
        keep: KeepName,
        secret: Typed,
    ) -> Result<CredentialChange, WireError> {
        by.may_act()?;
        let name = id(name)?;
        let kept = self.0.credentials.put_in(kept_in(keep), &name, secret.secret()).await;
        kept.map_err(|error| refusal(&error))?;
        tracing::info!(credential = %name, place = ?keep, by = %by.person, "a credential was stored");
        Ok(self.changed(&name, keep).await)
    }

    /// Takes a credential away from one place. Errors where the place does not do it.
    pub async fn delete(&self, by: &Asker, name: &str, keep: KeepName) -> Result<CredentialChange, WireError> {
        by.may_act()?;
        let name = id(name)?;
        let gone = self.0.credentials.delete_in(kept_in(keep), &name).await;
        gone.map_err(|error| refusal(&error))?;
        tracing::info!(credential = %name, place = ?keep, by = %by.person, "a credential was taken away");
        Ok(self.changed(&name, keep).await)
    }

    /// Tries the credential in force at every account of the plan that uses it, and at the provider's own address where none
    /// does: real requests that change nothing, also where the open rollout is on the simulator. Errors where there is none,
    /// or nobody answers in time.
    pub async fn test(&self, by: &Asker, name: &str) -> Result<CredentialTest, WireError> {
        by.may_act()?;
        let name = id(name)?;
        let plan = self.plan();
        let clock = self.0.credentials.clock();
        let trial = self.0.credentials.test(&name, plan.as_deref());
        let tried = match within(&**clock, TESTING, trial).await {
            Ok(tried) => tried.map_err(|error| refusal(&error))?,
            Err(_) => {
                let limit = Arg::Millis(timonel_wire::duration_millis(TESTING));
                return Err(Sentence::new("error-credential-test-late").with("limit", limit).into());
            }
        };
        let mut checks = Vec::new();
        for tried in tried {
            checks.extend(tried.checks.into_iter().map(|check| CredentialCheck {
                account: tried.account.clone(),
                sentence: checked(&check.code, check.ok),
                ok: check.ok,
                said: check.proof,
            }));
        }
        Ok(CredentialTest {
            name: name.to_string(),
            at: millis(clock.now()),
            ok: checks.iter().all(|check| check.ok),
            checks,
        })
    }

    /// What a change means from now on.
    async fn changed(&self, name: &SecretId, keep: KeepName) -> CredentialChange {
        // In their order, and no further than the first that has it: a later place that hangs is not waited for.
        let in_force = self.0.credentials.load(name).await.ok().flatten();
        CredentialChange {
            name: name.to_string(),
            place: match keep {
                KeepName::Session => PlaceName::Session,
                KeepName::Keychain => PlaceName::Keychain,
                KeepName::File => PlaceName::File,
            },
            in_force: in_force.map(|loaded| place(&loaded.place)),
            effect: self.effect(name),
        }
    }

    fn effect(&self, name: &SecretId) -> Effect {
        let open = lock(&self.0.open).clone();
        let Some((plan, over)) = open.and_then(|open| Some((open.plan, open.over?))) else {
            return Effect::Next;
        };
        let all = uses(&plan);
        let used_by = all.get(name.as_str()).into_iter().flatten();
        let has_key: Vec<bool> = used_by
            .filter(|used| used.open)
            .map(|used| over.has_key(&used.account))
            .collect();
        match has_key.as_slice() {
            [] => Effect::Next,
            all if all.iter().all(|has| *has) => Effect::Reopen,
            _ => Effect::Soon,
        }
    }
}

/// Who uses which credential, by its name. The environment that is open first.
fn uses(plan: &Parsed) -> BTreeMap<String, Vec<Use>> {
    let mut out: BTreeMap<String, Vec<Use>> = BTreeMap::new();
    for (environment, config) in &plan.environments {
        for (account, config) in &config.accounts {
            let targets = plan
                .targets
                .iter()
                .filter(|target| account_of(target) == Some(account.as_str()));
            let sources = plan
                .sources
                .iter()
                .filter(|s| s.account.as_deref() == Some(account.as_str()));
            out.entry(config.credential.clone()).or_default().push(Use {
                environment: environment.clone(),
                open: *environment == plan.plan.environment,
                account: account.clone(),
                targets: targets.map(|target| target.id.to_string()).collect(),
                sources: sources.map(|source| source.name.clone()).collect(),
            });
        }
    }
    for used in out.values_mut() {
        used.sort_by_key(|used| !used.open);
    }
    out
}

/// What the plan uses and no place has. Several names have the same variable, so one that is known by its variable is there.
fn wanted(uses: &BTreeMap<String, Vec<Use>>, rows: &[CredentialInfo]) -> Vec<Wanted> {
    let there = |name: &String| {
        rows.iter().any(|row| {
            let by_variable = row.place == Place::Environment && variable(row.name.as_str()) == variable(name);
            !row.missing && (row.name.as_str() == name || by_variable)
        })
    };
    let general = rows.iter().any(is_general);
    let missing = uses.iter().filter(|(name, _)| !there(name));
    let mut out: Vec<Wanted> = missing
        .map(|(name, used_by)| Wanted {
            name: name.clone(),
            used_by: used_by.clone(),
            general,
        })
        .collect();
    out.sort_by_key(|wanted| !wanted.used_by.iter().any(|used| used.open));
    out
}

fn is_general(row: &CredentialInfo) -> bool {
    row.place == Place::Environment && row.name.as_str() == ANY_TELNYX_KEY
}

fn credential(info: CredentialInfo, uses: &BTreeMap<String, Vec<Use>>) -> Credential {
    let by_variable = |name: &str| info.place == Place::Environment && variable(name) == variable(info.name.as_str());
    let used_by = uses
        .iter()
        .filter(|(name, _)| *name == info.name.as_str() || by_variable(name));
    Credential {
        used_by: used_by.flat_map(|(_, used)| used.clone()).collect(),
        general: is_general(&info),
        place: place(&info.place),
        stored_at: info.stored_at.map(millis),
        condition: condition(&info.state),
        missing: info.missing,
        in_force: info.in_force,
        last_test: info.last_trial.map(|Trial { at, ok }| LastTest::new(at, ok)),
        name: info.name.to_string(),
    }
}

/// With a line that says so where this program was built without a keychain.
fn states(places: Vec<PlaceInfo>) -> Vec<PlaceState> {
    let mut out: Vec<PlaceState> = places
        .into_iter()
        .map(|info| PlaceState {
            place: place(&info.place),
            path: match &info.place {
                Place::File(path) => Some(path.display().to_string()),
                Place::Environment | Place::Session | Place::Keychain => None,
            },
            condition: condition(&info.state),
            advice: advice(&info.place, &info.state),
            said: Some(info.state.advice().to_owned()).filter(|said| !said.is_empty()),
            usual: info.usual,
            writable: info.place != Place::Environment,
        })
        .collect();
    if !out.iter().any(|state| state.place == PlaceName::Keychain) {
        let before = out.iter().position(|state| state.place == PlaceName::File);
        let unbuilt = PlaceState {
            place: PlaceName::Keychain,
            path: None,
            condition: PlaceCondition::Unbuilt,
            advice: Some(Sentence::new("advice-keychain-unbuilt")),
            said: None,
            usual: false,
            writable: false,
        };
        out.insert(before.unwrap_or(out.len()), unbuilt);
    }
    out
}

fn place(place: &Place) -> PlaceName {
    match place {
        Place::Environment => PlaceName::Environment,
        Place::Session => PlaceName::Session,
        Place::Keychain => PlaceName::Keychain,
        Place::File(_) => PlaceName::File,
    }
}

fn condition(state: &Probe) -> PlaceCondition {
    match state {
        Probe::Available => PlaceCondition::Available,
        Probe::Locked(_) => PlaceCondition::Locked,
        Probe::Absent(_) => PlaceCondition::Absent,
        Probe::Denied(_) => PlaceCondition::Denied,
        Probe::Silent(_) => PlaceCondition::Silent,
    }
}

/// What a person does about a place in this state.
fn advice(place: &Place, state: &Probe) -> Option<Sentence> {
    let code = match (place, state) {
        (_, Probe::Available) => return None,
        (Place::Keychain, Probe::Locked(_)) => "advice-keychain-locked",
        (Place::Keychain, Probe::Absent(_)) if cfg!(target_os = "linux") => "advice-keychain-absent-linux",
        (Place::Keychain, Probe::Absent(_)) => "advice-keychain-absent",
        (Place::Keychain, Probe::Denied(_)) => "advice-keychain-denied",
        (Place::Keychain, Probe::Silent(_)) => "advice-keychain-silent",
        (Place::File(_), Probe::Denied(_)) => "advice-file-denied",
        (Place::File(_) | Place::Environment | Place::Session, _) => "advice-place",
    };
    Some(Sentence::new(code))
}

fn kept_in(keep: KeepName) -> Keep {
    match keep {
        KeepName::Session => Keep::Session,
        KeepName::Keychain => Keep::Keychain,
        KeepName::File => Keep::File,
    }
}

/// What is no name is not repeated: it may be the secret, written in the wrong field.
fn id(name: &str) -> Result<SecretId, WireError> {
    SecretId::new(name.trim()).map_err(|bad| {
        WireError::new(match bad {
            BadSecretId::Text => "error-credential-name",
            BadSecretId::Secret => "error-credential-name-is-key",
        })
    })
}

/// What was tried, and how it went.
fn checked(code: &str, ok: bool) -> Sentence {
    Sentence::new(match (code, ok) {
        ("credential.found", _) => "check-credential-found",
        ("account.key", true) => "check-account-key",
        ("account.key", false) => "check-account-key-bad",
        ("account.balance", true) => "check-account-balance",
        ("account.balance", false) => "check-account-balance-bad",
        ("account.rights", true) => "check-account-rights",
        ("account.rights", false) => "check-account-rights-bad",
        (_, true) => "check-other",
        (_, false) => "check-other-bad",
    })
    .with("code", Arg::text(code))
}

/// Why it was not done. What places say of themselves crosses as their own words.
fn refusal(error: &CredentialError) -> WireError {
    let of = |code: &str, place: &Place| Sentence::new(code).with("place", Arg::sentence(named(place)));
    let sentence = match error {
        CredentialError::Unknown { name } => Sentence::new("error-credential-unknown").with("name", Arg::text(name)),
        CredentialError::NoKeychain => Sentence::new("error-credential-no-keychain"),
        CredentialError::Unused { name, .. } => Sentence::new("error-credential-unused").with("name", Arg::text(name)),
        CredentialError::Account(said) => Sentence::new("error-credential-account").with("said", Arg::text(said)),
        CredentialError::Place(SecretsError::Locked { place, said }) => {
            of("error-credential-locked", place).with("said", Arg::text(said))
        }
        CredentialError::Place(SecretsError::Absent { place, said, .. }) => {
            of("error-credential-absent", place).with("said", Arg::text(said))
        }
        CredentialError::Place(SecretsError::Denied { place, said, .. }) => {
            of("error-credential-denied", place).with("said", Arg::text(said))
        }
        CredentialError::Place(SecretsError::Silent { place, limit }) => {
            of("error-credential-silent", place).with("limit", Arg::Millis(timonel_wire::duration_millis(*limit)))
        }
        CredentialError::Place(SecretsError::ReadOnly { place, .. }) => of("error-credential-place-read-only", place),
        CredentialError::Place(SecretsError::Size { bytes }) => Sentence::new("error-credential-size")
            .with("bytes", Arg::Count(u64::try_from(*bytes).unwrap_or(u64::MAX)))
            .with("most", Arg::Count(u64::try_from(LONGEST).unwrap_or(u64::MAX))),
        CredentialError::Place(SecretsError::Damaged { place, said }) => {
            of("error-credential-damaged", place).with("said", Arg::text(said))
        }
        CredentialError::Place(SecretsError::System { place, said }) => {
            of("error-credential-system", place).with("said", Arg::text(said))
        }
    };
    sentence.into()
}

/// A place within a sentence.
fn named(place: &Place) -> Sentence {
    match place {
        Place::Environment => Sentence::new("vault-place-environment"),
        Place::Session => Sentence::new("vault-place-session"),
        Place::Keychain => Sentence::new("vault-place-keychain"),
        Place::File(path) => Sentence::new("vault-place-file").with("path", Arg::text(path.display())),
    }
}
