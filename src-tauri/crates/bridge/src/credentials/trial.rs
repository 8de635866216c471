//! Trying a credential at its provider: whose it is, its rights, what is left. Writes nothing there.

use futures::future::join_all;
use timonel_plan::Parsed;
use timonel_ports::secrets::SecretId;
use timonel_ports::target::Check;
use timonel_telnyx::account::{Access, Account};
use timonel_vault::ANY_TELNYX_KEY;

use super::{CredentialError, Credentials, Loaded, TELNYX, Trial};

/// What one account answered to a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The account, by its name in the plan; the credential's own name where no plan uses it.
    pub account: String,
    /// One after the other. No proof holds a secret.
    pub checks: Vec<Check>,
}

/// Where a credential is tried.
struct Address {
    account: String,
    url: String,
}

impl Credentials {
    /// Tries the credential in force at the addresses of the accounts of `plan` that use it in the plan's environment.
    pub async fn test_in(&self, name: &SecretId, plan: &Parsed) -> Result<Vec<Check>, CredentialError> {
        let addresses = addresses(plan, &plan.plan.environment, name);
        if addresses.is_empty() {
            let environment = plan.environments.get(&plan.plan.environment);
            let accounts = environment.into_iter().flat_map(|e| e.accounts.values());
            let used: Vec<_> = accounts.map(|config| config.credential.as_str()).collect();
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
        let tried = self.test_at(name, addresses).await?;
        Ok(tried.into_iter().flat_map(|tried| tried.checks).collect())
    }

    /// The same for a person who looks at no environment in particular: at every account of `plan` that uses it, whichever
    /// environment names it, and at the provider's own address where none does.
    pub async fn test(&self, name: &SecretId, plan: Option<&Parsed>) -> Result<Vec<Tried>, CredentialError> {
        let environments = plan
            .into_iter()
            .flat_map(|plan| plan.environments.keys().map(move |e| (plan, e)));
        let mut all: Vec<Address> = Vec::new();
        for address in environments.flat_map(|(plan, environment)| addresses(plan, environment, name)) {
            if !all.iter().any(|known| known.url == address.url) {
                all.push(address);
            }
        }
        if all.is_empty() {
            all.push(Address {
                account: name.to_string(),
                url: TELNYX.to_owned(),
            });
        }
        self.test_at(name, all).await
    }

    async fn test_at(&self, name: &SecretId, addresses: Vec<Address>) -> Result<Vec<Tried>, CredentialError> {
        let loaded = self.load(name).await?;
        let loaded = loaded.ok_or_else(|| CredentialError::Unknown { name: name.clone() })?;
        let found = Check {
            code: "credential.found".to_owned(),
            ok: true,
            proof: if loaded.general {
                format!("{}: {ANY_TELNYX_KEY}, the key for every account", loaded.place)
            } else {
                loaded.place.to_string()
            },
        };
        let ask = async |Address { account, url }: Address| {
            let access = Access {
                name: account.clone(),
                base: url,
                key: loaded.secret.clone(),
            };
            let opened = Account::new(self.0.clock.clone(), access);
            let opened = opened.map_err(|e| CredentialError::Account(e.to_string()))?;
            let mut checks = vec![found.clone()];
            checks.extend(opened.check().await);
            Ok(Tried { account, checks })
        };
        let tried: Result<Vec<Tried>, CredentialError> =
            join_all(addresses.into_iter().map(ask)).await.into_iter().collect();
        let tried = tried?;
        let ok = tried.iter().flat_map(|tried| &tried.checks).all(|check| check.ok);
        self.note(name, &loaded, ok).await;
        Ok(tried)
    }

    /// Keeps in mind how it went, for exactly the secret that was tried.
    async fn note(&self, name: &SecretId, loaded: &Loaded, ok: bool) {
        let trial = Trial {
            at: self.0.clock.now(),
            ok,
        };
        let id = match loaded.general {
            true => SecretId::new(ANY_TELNYX_KEY).expect("a good name"),
            false => name.clone(),
        };
        let mut stored_at = None;
        for place in self.all().filter(|place| place.place() == loaded.place) {
            let stored = place.list().await.unwrap_or_default();
            stored_at = stored
                .into_iter()
                .find(|stored| stored.id == id)
                .and_then(|s| s.stored_at);
        }
        self.0.trials.note(&id, &loaded.place, stored_at, trial).await;
    }
}

/// The accounts of one environment of `plan` that use a credential.
fn addresses(plan: &Parsed, environment: &str, name: &SecretId) -> Vec<Address> {
    let accounts = plan
        .environments
        .get(environment)
        .into_iter()
        .flat_map(|e| e.accounts.iter());
    let ours = accounts.filter(|(_, config)| config.credential == name.as_str());
    let address = |(account, config): (&String, &timonel_plan::parsed::AccountConfig)| Address {
        account: account.clone(),
        url: config.url.clone().unwrap_or_else(|| TELNYX.to_owned()),
    };
    ours.map(address).collect()
}
