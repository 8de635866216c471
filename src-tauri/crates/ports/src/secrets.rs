//! The port to where secrets are kept: the keychain of the desk, a file of a server, variables of the process, its memory.
//!
//! A secret goes in and comes out as a `SecretString`: no `Display`, a `Debug` that shows nothing, erased when it is dropped.
//! What a screen may show of one is its name, its place and its age. Every call ends within a time limit of its own on the
//! machine's clock, since a keychain may wait for a person or for nobody. A virtual clock knows nothing of a keychain:
//! places are given the machine's.
//!
//! Deliberately not here: which place goes before which (`bridge::credentials`), and any place.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use timonel_domain::time::Timestamp;

/// The longest secret in bytes. A Windows credential holds 2,560 bytes and reads passwords as UTF-16, so this fits everywhere.
pub const LONGEST: usize = 1_200;

/// The longest name in bytes.
const LONGEST_NAME: usize = 80;

/// Keys of Telnyx begin so; names of connections have no need to. The same rule holds for names in plans.
const KEY: &str = "KEY";

/// The name of a secret, as plans write it: `telnyx-produccion`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId(String);

/// A text that cannot name a secret. Does not repeat it: it may be the secret itself, written in the wrong place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecretId {
    /// It is empty, too long, or has characters that no name has.
    #[error(
        "this cannot name a credential: write 1 to {LONGEST_NAME} characters without spaces or quotes, such as telnyx-produccion"
    )]
    Text,
    /// It is a key.
    #[error(
        "this looks like a key, not like the name of one: write a name such as telnyx-produccion, and renew the key if somebody \
         may have seen it"
    )]
    Secret,
}

impl SecretId {
    /// Checks and keeps `text`.
    pub fn new(text: &str) -> Result<Self, BadSecretId> {
        if text.starts_with(KEY) {
            return Err(BadSecretId::Secret);
        }
        let bad = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '"' | '\'' | '`');
        if text.is_empty() || text.len() > LONGEST_NAME || text.contains(bad) {
            return Err(BadSecretId::Text);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for SecretId {
    type Err = BadSecretId;

    fn from_str(text: &str) -> Result<Self, BadSecretId> {
        Self::new(text)
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where secrets are kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Variables of this process: read only.
    Environment,
    /// The memory of this process: gone with it.
    Session,
    /// The keychain of the person's desk.
    Keychain,
    /// A file that only its owner may read.
    File(PathBuf),
}

impl Place {
    /// A stable code: `environment`, `session`, `keychain`, `file`.
    pub fn code(&self) -> &'static str {
        match self {
            Place::Environment => "environment",
            Place::Session => "session",
            Place::Keychain => "keychain",
            Place::File(_) => "file",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Environment => f.write_str("the variables of this process"),
            Place::Session => f.write_str("the memory of this process"),
            Place::Keychain => f.write_str("the keychain"),
            Place::File(path) => path.display().fmt(f),
        }
    }
}

/// A secret as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub id: SecretId,
    /// When it was put there; `None` where the place does not know.
    pub stored_at: Option<Timestamp>,
}

impl Stored {
    /// How long it has been there; `None` where the place does not know.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.stored_at.map(|at| now.since(at))
    }
}

/// Whether a place can be used at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// What was put there came back, or what is read there can be read.
    Available,
    /// It waits for a person to unlock it.
    Locked(String),
    /// There is none, or nothing in which it could keep anything.
    Absent(String),
    /// It is there and does not let us.
    Denied(String),
    /// It did not answer in time: it hangs, or waits for a person in a window of its own.
    Silent(String),
}

impl Probe {
    /// A stable code: `available`, `locked`, `absent`, `denied`, `silent`.
    pub fn code(&self) -> &'static str {
        match self {
            Probe::Available => "available",
            Probe::Locked(_) => "locked",
            Probe::Absent(_) => "absent",
            Probe::Denied(_) => "denied",
            Probe::Silent(_) => "silent",
        }
    }

    /// What was seen and what to do; empty where it is available.
    pub fn advice(&self) -> &str {
        match self {
            Probe::Available => "",
            Probe::Locked(advice) | Probe::Absent(advice) | Probe::Denied(advice) | Probe::Silent(advice) => advice,
        }
    }
}

/// Why a place did not do what it was asked to. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// It waits for a person to unlock it.
    #[error("{place} is locked: unlock it and try again ({said})")]
    Locked {
        /// Which place.
        place: Place,
        /// What it said.
        said: String,
    },
    /// There is none, or nothing in which it could keep anything.
    #[error("{place} is not there: {what_to_do} ({said})")]
    Absent {
        /// Which place.
        place: Place,
        /// What would bring it up.
        what_to_do: String,
        /// What was said instead of it.
        said: String,
    },
    /// It is there and does not let us.
    #[error("{place} does not let us in: {what_to_do} ({said})")]
    Denied {
        /// Which place.
        place: Place,
        /// What would let us in.
        what_to_do: String,
        /// What it said.
        said: String,
    },
    /// It did not answer in time. What was asked for may still happen.
    #[error(
        "{place} did not answer within {limit:?}: answer its window if one is open, or start its service again; then try again"
    )]
    Silent {
        /// Which place.
        place: Place,
        /// The time that it had.
        limit: Duration,
    },
    /// Nothing can be put there or taken away.
    #[error("{place} cannot be changed from here: {what_to_do}")]
    ReadOnly {
        /// Which place.
        place: Place,
        /// What to do instead.
        what_to_do: String,
    },
    /// The secret is none that every place could keep.
    #[error(
        "this secret has {bytes} bytes, and must have 1 to {LONGEST}: store the token alone, not the file that it is in"
    )]
    Size {
        /// How many bytes it has.
        bytes: usize,
    },
    /// What was kept cannot be read.
    #[error("{place} is damaged ({said}): move it away and store its credentials again")]
    Damaged {
        /// Which place.
        place: Place,
        /// What is wrong with it; never any of its content.
        said: String,
    },
    /// The system does not do what it should.
    #[error("{place} cannot be used ({said}): free space or rights there, then try again")]
    System {
        /// Which place.
        place: Place,
        /// What the system said.
        said: String,
    },
}

impl SecretsError {
    /// A stable code, such as `secret.locked`, which the screens translate.
    pub fn code(&self) -> &'static str {
        match self {
            SecretsError::Locked { .. } => "secret.locked",
            SecretsError::Absent { .. } => "secret.absent",
            SecretsError::Denied { .. } => "secret.denied",
            SecretsError::Silent { .. } => "secret.silent",
            SecretsError::ReadOnly { .. } => "secret.read-only",
            SecretsError::Size { .. } => "secret.size",
            SecretsError::Damaged { .. } => "secret.damaged",
            SecretsError::System { .. } => "secret.system",
        }
    }

    /// The state of the place by what it answered.
    pub fn probe(&self) -> Probe {
        let said = self.to_string();
        match self {
            SecretsError::Locked { .. } => Probe::Locked(said),
            SecretsError::Absent { .. } => Probe::Absent(said),
            SecretsError::Silent { .. } => Probe::Silent(said),
            SecretsError::Denied { .. }
            | SecretsError::ReadOnly { .. }
            | SecretsError::Size { .. }
            | SecretsError::Damaged { .. }
            | SecretsError::System { .. } => Probe::Denied(said),
        }
    }
}

/// `Size` where a secret is empty or longer than every place can keep.
pub fn fits(secret: &SecretString) -> Result<(), SecretsError> {
    match secret.expose_secret().len() {
        1..=LONGEST => Ok(()),
        bytes => Err(SecretsError::Size { bytes }),
    }
}

/// A place that keeps secrets. Every call ends within the place's own time limit, with `Silent` where it has to.
#[async_trait]
pub trait Secrets: Send + Sync + fmt::Debug {
    /// Which place this is.
    fn place(&self) -> Place;

    /// The secret of this name; `None` where there is none. Errors: any but `ReadOnly` and `Size`.
    async fn get(&self, id: &SecretId) -> Result<Option<SecretString>, SecretsError>;

    /// Keeps `secret` in place of what was kept under this name. Where it is `Silent`, it may yet be kept. Errors: any.
    async fn put(&self, id: &SecretId, secret: SecretString) -> Result<(), SecretsError>;

    /// Takes a secret away, and says whether there was one. Errors: any but `Size`.
    async fn delete(&self, id: &SecretId) -> Result<bool, SecretsError>;

    /// What is kept here, in the order of names. Asks nobody to unlock anything. Errors: `Damaged`, `Denied`, `System`, `Silent`.
    async fn list(&self) -> Result<Vec<Stored>, SecretsError>;

    /// Whether the place is locked, where it says so without asking a person to unlock it; `None` where it does not. Ends within a
    /// second or two.
    async fn is_locked(&self) -> Option<bool> {
        None
    }

    /// Whether the place can be used, proved by use where it can be written. May make a keychain ask a person to unlock it.
    async fn probe(&self) -> Probe;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_plans_write() {
        for good in ["telnyx-produccion", "cuenta.2", "Ñandú", "a"] {
            assert_eq!(SecretId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", " a", "a b", "a\n", "\"a\"", &"a".repeat(81)] {
            assert_eq!(SecretId::new(bad), Err(BadSecretId::Text), "{bad:?}");
        }
    }

    #[test]
    fn a_key_in_the_place_of_a_name_is_not_repeated() {
        let refused = SecretId::new("KEY0123456789_secret").unwrap_err();
        assert_eq!(refused, BadSecretId::Secret);
        assert!(!refused.to_string().contains("0123456789"), "{refused}");
    }

    #[test]
    fn what_fits_everywhere_fits() {
        assert!(fits(&"x".repeat(LONGEST).into()).is_ok());
        for bytes in [0, LONGEST + 1] {
            assert_eq!(fits(&"x".repeat(bytes).into()), Err(SecretsError::Size { bytes }));
        }
    }

    #[test]
    fn age_is_what_has_passed_since() {
        let id = SecretId::new("telnyx").unwrap();
        let at = Timestamp::from_secs(1_000);
        let stored = |stored_at| Stored {
            id: id.clone(),
            stored_at,
        };
        assert_eq!(
            stored(Some(at)).age(Timestamp::from_secs(1_060)),
            Some(Duration::from_secs(60))
        );
        assert_eq!(stored(None).age(at), None);
    }
}
