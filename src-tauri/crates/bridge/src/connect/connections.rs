//! How the clusters, accounts and sources of a plan are reached in one environment, and the keys of its accounts.
//!
//! Deliberately not here: where keys are kept (`credentials`), and which adapter serves which kind (`connect`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use secrecy::SecretString;
use timonel_domain::value::{RolloutId, TargetId};
use timonel_kubernetes::Access;
use timonel_plan::parsed::{AccountConfig, Parsed, TargetConfig, Way};
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::secrets::SecretId;
use timonel_telnyx::account::{self, Account};
use timonel_vault::{ANY_TELNYX_KEY, variable};

use super::{Pushed, failed};
use crate::BridgeError;
use crate::credentials::{Credentials, Loaded, TELNYX};

/// The variable from which manual commands take the address of Telnyx.
const TELNYX_URL: &str = "TELNYX_API_URL";

/// How the clusters, accounts and sources of a plan are reached in one environment.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    /// How each cluster is reached, by the name that targets use; others go by the person's own kubeconfig.
    pub clusters: BTreeMap<String, Cluster>,
    /// How each account is reached, by the name that targets and sources use.
    pub accounts: BTreeMap<String, Key>,
    /// Addresses of sources that stand in for the plan's own, by name.
    pub sources: BTreeMap<String, String>,
    /// Where finished calls are pushed to, in place of reading a source for what they tell.
    pub(super) pushed: Option<(Pushed, RolloutId)>,
    /// Why an account has no key, where a place that may hold it could not be asked.
    without: BTreeMap<String, String>,
    /// Where a key is looked for that was not there at first.
    credentials: Option<Credentials>,
    /// One client an account: its targets and its sources share what the provider lets them ask.
    open: Arc<Mutex<BTreeMap<String, Account>>>,
}

/// How a cluster is reached.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Where its address and credentials come from.
    pub access: Access,
    /// The kubeconfig's context; its current one where none is given.
    pub context: Option<String>,
}

/// How an account is reached.
#[derive(Debug, Clone)]
pub struct Key {
    /// The provider's address.
    pub url: String,
    /// The key.
    pub key: SecretString,
}

impl Key {
    fn new(config: &AccountConfig, key: SecretString) -> Self {
        Self {
            url: config.url.clone().unwrap_or_else(|| TELNYX.to_owned()),
            key,
        }
    }
}

/// The account that a target moves numbers of.
pub(crate) fn account_of(target: &TargetConfig) -> Option<&str> {
    match &target.way {
        Way::NumberShare(way) => Some(&way.account),
        Way::VirtualService(_) => None,
    }
}

/// What a person's bash needs before it takes manual commands of this plan's targets, a line each: they know the variables
/// of Telnyx's own tools, and keys are given to us by other names. No line holds a key.
pub fn preparation(plan: &Parsed) -> Vec<String> {
    let mut lines = Vec::new();
    let accounts = plan.targets.iter().filter_map(account_of);
    for config in accounts.filter_map(|name| plan.account(name)) {
        let own = variable(&config.credential);
        lines.push(format!("export {ANY_TELNYX_KEY}=\"${{{own}:-${ANY_TELNYX_KEY}}}\""));
        let quoted = |url: &String| url.replace('\'', r"'\''");
        lines.extend(
            config
                .url
                .as_ref()
                .map(|url| format!("export {TELNYX_URL}='{}'", quoted(url))),
        );
    }
    lines
}

impl Connections {
    /// Of the given clusters, accounts and sources.
    pub fn new(
        clusters: BTreeMap<String, Cluster>,
        accounts: BTreeMap<String, Key>,
        sources: BTreeMap<String, String>,
    ) -> Self {
        Self {
            clusters,
            accounts,
            sources,
            pushed: None,
            without: BTreeMap::new(),
            credentials: None,
            open: Arc::default(),
        }
    }

    /// What the plan's environment says, over the kubeconfig in `kubeconfig` or the one `kubectl` would use. Without the
    /// keys of accounts: see [`Connections::with_keys`].
    pub fn of_environment(plan: &Parsed, kubeconfig: Option<PathBuf>) -> Self {
        let access = kubeconfig.map_or(Access::Default, Access::File);
        let mut connections = Self::default();
        for target in &plan.targets {
            match &target.way {
                Way::VirtualService(way) => {
                    let cluster = Cluster {
                        access: access.clone(),
                        context: plan.context_of(target).map(str::to_owned),
                    };
                    connections.clusters.insert(way.cluster.clone(), cluster);
                }
                Way::NumberShare(_) => {}
            }
        }
        connections
    }

    /// What finished calls tell of `rollout` is not read at a source but pushed.
    pub fn pushed(mut self, to: &Pushed, rollout: &RolloutId) -> Self {
        self.pushed = Some((to.clone(), rollout.clone()));
        self
    }

    /// Without keys yet: what needs one looks for it here when it is asked.
    pub(crate) fn looking_in(mut self, credentials: &Credentials) -> Self {
        self.credentials = Some(credentials.clone());
        self
    }

    /// With the keys of all accounts of the plan. They stay in memory as long as these connections and what is opened through
    /// them: done when a rollout is opened, a keychain that is locked later blocks nothing. Waits for no place longer than that
    /// place's own limit, and for all accounts at once. An account without a key says so when it is used; the others work.
    pub async fn with_keys(mut self, plan: &Parsed, credentials: &Credentials) -> Self {
        self.credentials = Some(credentials.clone());
        let of_sources = plan.sources.iter().filter_map(|s| s.account.as_deref());
        let names: BTreeSet<&str> = plan.targets.iter().filter_map(account_of).chain(of_sources).collect();
        let load = async |name: &str| {
            let config = plan.account(name)?;
            Some((name.to_owned(), config, load(config, credentials).await))
        };
        let all = join_all(names.into_iter().map(load)).await;
        for (name, config, loaded) in all.into_iter().flatten() {
            match loaded {
                Ok(Some(Loaded { secret, .. })) => {
                    self.accounts.insert(name, Key::new(config, secret));
                }
                Ok(None) => {}
                Err(why) => {
                    self.without.insert(name, why);
                }
            }
        }
        self
    }

    /// As [`Connections::with_keys`]; keys that are not there within `limit` are looked for when they are asked for.
    pub(crate) async fn with_keys_within(
        self,
        plan: &Parsed,
        credentials: &Credentials,
        clock: &SharedClock,
        limit: Duration,
    ) -> Self {
        let without = self.clone().looking_in(credentials);
        let loaded = within(&**clock, limit, self.with_keys(plan, credentials)).await;
        loaded.unwrap_or(without)
    }

    /// The same, with something in the place of every key that nobody gave: enough for what asks nobody.
    pub(crate) fn without_asking(&self, plan: &Parsed) -> Self {
        let mut all = Self::new(self.clusters.clone(), self.accounts.clone(), self.sources.clone());
        let accounts = plan.targets.iter().filter_map(account_of);
        for (name, config) in accounts.filter_map(|name| Some((name, plan.account(name)?))) {
            let unknown = || Key::new(config, "nobody-gave-it".into());
            all.accounts.entry(name.to_owned()).or_insert_with(unknown);
        }
        all
    }

    /// A number that is another one after a credential was kept.
    pub(super) fn kept(&self) -> u64 {
        self.credentials.as_ref().map_or(0, Credentials::kept)
    }

    /// [`Credentials::is_locked`], where there are any.
    pub(super) async fn is_locked(&self) -> Option<bool> {
        self.credentials.as_ref()?.is_locked().await
    }

    /// [`Connections::account`], after another look for the key where it was not there before.
    pub(super) async fn account_now(
        &self,
        plan: &Parsed,
        name: &str,
        clock: &SharedClock,
    ) -> Result<Account, BridgeError> {
        let without = match self.account(plan, name, clock) {
            Ok(account) => return Ok(account),
            Err(error) => error,
        };
        let (Some(config), Some(credentials)) = (plan.account(name), &self.credentials) else {
            return Err(without);
        };
        match load(config, credentials).await {
            Ok(Some(Loaded { secret, .. })) => self.enter(name, &Key::new(config, secret), clock),
            Ok(None) => Err(without),
            Err(why) => Err(refused(name, config, &why)),
        }
    }

    /// Whether an account was opened with a key, or has found one since.
    pub(crate) fn has_key(&self, account: &str) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        self.accounts.contains_key(account) || open.contains_key(account)
    }

    /// The client of an account, the same for all who ask.
    pub(super) fn account(&self, plan: &Parsed, name: &str, clock: &SharedClock) -> Result<Account, BridgeError> {
        let open = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = open().get(name) {
            return Ok(account.clone());
        }
        let key = self.accounts.get(name).ok_or_else(|| self.no_key(plan, name))?;
        self.enter(name, key, clock)
    }

    /// Why an account cannot be asked.
    fn no_key(&self, plan: &Parsed, name: &str) -> BridgeError {
        match (plan.account(name), self.without.get(name)) {
            (Some(config), Some(why)) => refused(name, config, why),
            (Some(config), None) => BridgeError::NoKey {
                account: name.to_owned(),
                credential: config.credential.clone(),
                variable: variable(&config.credential),
                instead: ANY_TELNYX_KEY,
            },
            (None, _) => BridgeError::Connect {
                what: format!("account {name}"),
                why: format!(
                    "environment `{}` does not say how to reach it; add it under [environments]",
                    plan.plan.environment
                ),
            },
        }
    }

    /// The targets whose account has no key, each with why. Asks nobody.
    pub fn keyless(&self, plan: &Parsed) -> Vec<(TargetId, BridgeError)> {
        let of = |target: &TargetConfig| {
            let account = account_of(target).filter(|name| !self.has_key(name))?;
            Some((target.id.clone(), self.no_key(plan, account)))
        };
        plan.targets.iter().filter_map(of).collect()
    }

    /// Makes the client of an account, unless somebody else did meanwhile.
    fn enter(&self, name: &str, key: &Key, clock: &SharedClock) -> Result<Account, BridgeError> {
        let access = account::Access {
            name: name.to_owned(),
            base: key.url.clone(),
            key: key.key.clone(),
        };
        let account = Account::new(clock.clone(), access).map_err(|e| failed(name, e))?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(open.entry(name.to_owned()).or_insert(account).clone())
    }
}

/// The key of an account, or why a place that may hold it could not be asked.
async fn load(config: &AccountConfig, credentials: &Credentials) -> Result<Option<Loaded>, String> {
    match SecretId::new(&config.credential) {
        Ok(id) => credentials.load(&id).await.map_err(|e| e.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn refused(account: &str, config: &AccountConfig, why: &str) -> BridgeError {
    BridgeError::KeyOutOfReach {
        account: account.to_owned(),
        credential: config.credential.clone(),
        variable: variable(&config.credential),
        why: why.to_owned(),
    }
}
