//! Credentials as a screen may see them: names, places, ages and what to do. A secret crosses once, towards us, as [`Typed`].
//!
//! Deliberately not here: how a place is found locked or absent (`ports::secrets`), and which goes before which
//! (`bridge::credentials`).

use std::fmt;

use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretString};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use timonel_domain::time::Timestamp;
use ts_rs::TS;

use crate::millis;
use crate::sentence::Sentence;

/// A secret as a person typed it, on its way to where it is kept. Erased when it is dropped; shows nothing in `Debug`, and
/// written as JSON it is empty: what is read back can be told from it, what was typed cannot.
#[derive(Clone)]
pub struct Typed(SecretString);

impl Typed {
    /// The secret, without the blanks that a copied line has at its ends and no key has.
    pub fn secret(&self) -> SecretString {
        self.0.expose_secret().trim().into()
    }
}

impl From<SecretString> for Typed {
    fn from(secret: SecretString) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Typed(…)")
    }
}

impl PartialEq for Typed {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Serialize for Typed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str("")
    }
}

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_string(Reader)
    }
}

/// Reads a text and leaves no copy of it behind. Whatever else stands there is not repeated.
struct Reader;

impl Visitor<'_> for Reader {
    type Value = Typed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret as text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Typed, E> {
        Ok(Typed(text.into()))
    }

    fn visit_string<E: de::Error>(self, mut text: String) -> Result<Typed, E> {
        let kept = Typed(text.as_str().into());
        text.zeroize();
        Ok(kept)
    }
}

/// Where credentials are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceName {
    /// Variables of the process: read only.
    Environment,
    /// The memory of the process: gone with it.
    Session,
    /// The keychain of the desk.
    Keychain,
    /// A file that only its owner may read.
    File,
}

/// Where a person has one kept, or taken away from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the place of the same name that can be written")]
pub enum KeepName {
    Session,
    Keychain,
    File,
}

/// Whether a place can be used at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceCondition {
    /// It can.
    Available,
    /// It waits for a person to unlock it.
    Locked,
    /// There is none.
    Absent,
    /// It does not let us.
    Denied,
    /// It did not answer in time.
    Silent,
    /// This program was built without it.
    Unbuilt,
}

/// A place, and what to do where it cannot be used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PlaceState {
    /// Which.
    pub place: PlaceName,
    /// Where it is, for one that is a file.
    pub path: Option<String>,
    /// Whether it can be used.
    pub condition: PlaceCondition,
    /// What to do; `None` where it is available.
    pub advice: Option<Sentence>,
    /// What was seen, in the words of whoever said it; `None` where it is available.
    pub said: Option<String>,
    /// Whether credentials are kept here where nobody says otherwise.
    pub usual: bool,
    /// Whether one can be kept here.
    pub writable: bool,
}

/// Who uses a credential, by the plan of the rollout that is open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
pub struct Use {
    /// In which environment of the plan.
    pub environment: String,
    /// Whether that is the environment that is open.
    pub open: bool,
    /// The account, by its name in the plan.
    pub account: String,
    /// The targets that move calls through it.
    pub targets: Vec<String>,
    /// The sources that read from it.
    pub sources: Vec<String>,
}

/// When a credential was last tried, and how it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LastTest {
    /// When.
    pub at: i64,
    /// Whether everything was as it should be.
    pub ok: bool,
}

/// A credential in one place. One kept in two places is there twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Credential {
    /// Its name, as plans write it; for the key of every account without its own, the name of its variable.
    pub name: String,
    /// Where.
    pub place: PlaceName,
    /// Since when; `None` where the place does not know.
    pub stored_at: Option<i64>,
    /// Whether the place can be used.
    pub condition: PlaceCondition,
    /// Whether it was kept there and is there no longer: somebody took it away outside Timonel.
    pub missing: bool,
    /// Whether this is the one that is used: the first, in the order of the places, that can be read.
    pub in_force: bool,
    /// Whether it is the key of every account that has none of its own.
    pub general: bool,
    /// When exactly this one was last tried; `None` where it was not since it was kept.
    pub last_test: Option<LastTest>,
    /// Who uses it.
    pub used_by: Vec<Use>,
}

/// A name that the plan uses and no place has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Wanted {
    /// The name.
    pub name: String,
    /// Who uses it.
    pub used_by: Vec<Use>,
    /// Whether the key of every account stands in for it.
    pub general: bool,
}

/// Everything that a screen shows of credentials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Vault {
    /// When this was seen, on the desk's own clock: ages are up to it, also where a rollout runs on another clock.
    pub at: i64,
    /// In the order in which they are asked for a name.
    pub places: Vec<PlaceState>,
    /// By name, then in the order of the places.
    pub credentials: Vec<Credential>,
    /// What is wanted; those of the open environment first.
    pub wanted: Vec<Wanted>,
    /// The most bytes that one may have.
    pub most_bytes: u32,
}

/// From when on a change counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nothing that is open uses it: from the next rollout on that is opened.
    Next,
    /// The open rollout waits for it, and looks for it again within a minute.
    Soon,
    /// The open rollout uses it, and goes on with what it loaded when it was opened: from its next opening on.
    Reopen,
}

/// What became of a credential that was kept or taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CredentialChange {
    /// Its name.
    pub name: String,
    /// Where it was kept, or is no longer.
    pub place: PlaceName,
    /// The place whose credential of this name is used from now on; `None` where none has one that can be read.
    pub in_force: Option<PlaceName>,
    /// From when on.
    pub effect: Effect,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct CredentialCheck {
    /// The account that was asked, by its name in the plan, else by the name of the credential.
    pub account: String,
    /// What was tried, and how it went.
    pub sentence: Sentence,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was seen, in the words of whoever said it. Never a secret.
    pub said: String,
}

/// What came of trying a credential at its provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct CredentialTest {
    /// Its name.
    pub name: String,
    /// When.
    pub at: i64,
    /// Whether everything is as it should be.
    pub ok: bool,
    /// One after the other.
    pub checks: Vec<CredentialCheck>,
}

impl LastTest {
    /// Of a moment of the desk.
    pub fn new(at: Timestamp, ok: bool) -> Self {
        Self { at: millis(at), ok }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{Ask, Question};

    const PUT: &str =
        r#"{"id":1,"ask":{"ask":"credential-put","name":"telnyx","keep":"keychain","secret":" KEY-\u0073ecreta\n"}}"#;

    #[test]
    fn a_typed_secret_is_read_and_never_written() {
        let ask: Ask = serde_json::from_str(PUT).unwrap();
        for shown in [format!("{ask:?}"), serde_json::to_string(&ask).unwrap()] {
            assert!(shown.contains("telnyx") && !shown.contains("secreta"), "{shown}");
        }
        let Question::CredentialPut { secret, keep, .. } = ask.ask else {
            panic!("another question");
        };
        assert_eq!(keep, KeepName::Keychain);
        assert_eq!(secret.secret().expose_secret(), "KEY-secreta");
    }

    #[test]
    fn what_stands_in_its_place_is_told_without_being_a_secret() {
        let wrong = PUT.replace(r#"" KEY-\u0073ecreta\n""#, "7");
        let error = serde_json::from_str::<Ask>(&wrong).unwrap_err().to_string();
        assert!(error.contains("a secret as text"), "{error}");
    }
}
