//! What a screen may know of credentials: every place with its state, every name with where, since when and whether it is used.
//!
//! To know whether a place can be used is to use it, which may make a keychain ask a person to unlock it: all of this is for a
//! person who looks, and for no timer.

use std::sync::Arc;

use futures::future::join_all;
use timonel_domain::time::Timestamp;
use timonel_ports::secrets::{Place, Probe, SecretId, Secrets, Stored};
use timonel_vault::{ANY_TELNYX_KEY, variable};

use super::{Credentials, Trial};

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
    /// Whether it was kept there and is gone: somebody took it out of the keychain in the keychain's own program.
    pub missing: bool,
    /// Whether this is the one that is used: the first, in the order of the places, that can be read.
    pub in_force: bool,
    /// When this very one was last tried; `None` where it was not since it was kept.
    pub last_trial: Option<Trial>,
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

/// Everything that a screen shows of credentials, seen in one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Every place, in the order of precedence.
    pub places: Vec<PlaceInfo>,
    /// Every credential in every place, by name and then in the order of precedence.
    pub credentials: Vec<CredentialInfo>,
}

impl Credentials {
    /// Every credential in every place, by name and then in the order of precedence. Never fails: what a place that does not
    /// answer holds is shown with that state, or, where not even its names can be read, left to [`Credentials::probe`].
    ///
    /// Proves by use that a keychain which holds something is open, which may make it ask a person to unlock it: call it when
    /// a person looks, not by a timer.
    pub async fn list(&self) -> Vec<CredentialInfo> {
        let held = self.all().map(async |place| {
            let stored = stored(&place).await;
            if stored.is_empty() {
                return Vec::new();
            }
            let state = place.probe().await;
            rows(&place, stored, &state).await
        });
        self.arranged(join_all(held).await).await
    }

    /// All places and all credentials, with every place tried once. As [`Credentials::list`], this is for a person who looks.
    pub async fn look(&self) -> Looked {
        let usual = self.usual();
        let seen = self.all().map(async |place| {
            let (stored, state) = futures::join!(stored(&place), place.probe());
            let rows = rows(&place, stored, &state).await;
            let info = PlaceInfo {
                usual: place.place() == usual,
                place: place.place(),
                state,
            };
            (info, rows)
        });
        let (places, rows) = join_all(seen).await.into_iter().unzip();
        Looked {
            places,
            credentials: self.arranged(rows).await,
        }
    }

    /// In the order in which a person reads them, with which of each name is in force. `by_place` begins with the process's own.
    async fn arranged(&self, by_place: Vec<Vec<CredentialInfo>>) -> Vec<CredentialInfo> {
        let mut by_place = by_place.into_iter();
        let mut out = by_place.next().unwrap_or_default();
        let elsewhere: Vec<_> = by_place.flatten().collect();
        for row in &mut out {
            // Several names have the same variable: the one by which it is known elsewhere says more.
            let same = |known: &&CredentialInfo| variable(known.name.as_str()) == variable(row.name.as_str());
            if let Some(known) = elsewhere.iter().find(same) {
                row.name = known.name.clone();
            }
        }
        if self.0.environment.any_telnyx_key().is_some() {
            out.push(CredentialInfo {
                name: SecretId::new(ANY_TELNYX_KEY).expect("a good name"),
                place: Place::Environment,
                stored_at: None,
                state: Probe::Available,
                missing: false,
                in_force: false,
                last_trial: None,
            });
        }
        // Stable, and the process's first: within a name the order of the places stays.
        out.extend(elsewhere);
        out.sort_by(|a, b| a.name.cmp(&b.name));
        let trials = self.0.trials.load().await;
        let mut taken: Option<SecretId> = None;
        for row in &mut out {
            let readable = row.state == Probe::Available && !row.missing;
            row.in_force = readable && taken.as_ref() != Some(&row.name);
            if row.in_force {
                taken = Some(row.name.clone());
            }
            row.last_trial = trials.of(&row.name, &row.place, row.stored_at);
        }
        out
    }

    /// The state of every place, in the order of precedence, proved by use. May make a keychain ask a person to unlock it.
    pub async fn probe(&self) -> Vec<PlaceInfo> {
        let usual = self.usual();
        let one = async |place: Arc<dyn Secrets>| PlaceInfo {
            usual: place.place() == usual,
            state: place.probe().await,
            place: place.place(),
        };
        join_all(self.all().map(one)).await
    }
}

/// What a place holds by its own list.
async fn stored(place: &Arc<dyn Secrets>) -> Vec<Stored> {
    place.list().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "its credentials cannot be listed");
        Vec::new()
    })
}

/// What a place holds, as a screen shows it. A keychain has a program of its own in which a person may take away what our list
/// still has, so where it is open each entry is looked for.
async fn rows(place: &Arc<dyn Secrets>, stored: Vec<Stored>, state: &Probe) -> Vec<CredentialInfo> {
    let mut state = state.clone();
    let mut out = Vec::new();
    for Stored { id, stored_at } in stored {
        let (mut missing, mut here) = (false, state.clone());
        if state == Probe::Available && place.place() == Place::Keychain {
            match place.get(&id).await {
                Ok(found) => missing = found.is_none(),
                Err(error) => here = error.probe(),
            }
            // What is locked or hangs is so for all of them, and would be waited for once for each.
            if matches!(here, Probe::Locked(_) | Probe::Silent(_)) {
                state = here.clone();
            }
        }
        out.push(CredentialInfo {
            name: id,
            place: place.place(),
            stored_at,
            state: here,
            missing,
            in_force: false,
            last_trial: None,
        });
    }
    out
}
