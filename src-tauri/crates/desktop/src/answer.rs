//! What the keychain's answer means for a person.
//!
//! On Linux the names of D-Bus errors are looked for in the text: they are never translated, while their texts are. Errors that
//! could repeat a secret are never written out.

use keyring::Error;
use timonel_ports::secrets::{Place, SecretsError};

/// Names of errors by which D-Bus says that there is no bus, or no Secret Service on it.
const ABSENT: &[&str] = &[
    "DBus.Error.ServiceUnknown",
    "DBus.Error.NameHasNoOwner",
    "DBus.Error.FileNotFound",
    "DBus.Error.NoServer",
    "DBus.Error.NotSupported",
    "DBus.Error.Spawn.",
    "DBus.Error.BadAddress",
    "DBus.Error.Disconnected",
];

/// Names of errors by which it says that nobody answered.
const SILENT: &[&str] = &["DBus.Error.NoReply", "DBus.Error.Timeout", "DBus.Error.TimedOut"];

/// Names of errors, and on macOS numbers, by which a keychain says that it does not let us in.
const DENIED: &[&str] = &[
    "DBus.Error.AccessDenied",
    "DBus.Error.AuthFailed",
    "code: -25293",
    "code: -128",
    "code: -34018",
];

/// Names of errors, and on macOS the number, by which a keychain says that it is locked.
const LOCKED: &[&str] = &["IsLocked", "Locked", "Prompt", "code: -25308"];

#[cfg(target_os = "linux")]
const BRING_UP: &str = "start gnome-keyring, KWallet or KeePassXC (with its Secret Service switched on) in your session, make a keyring \
                        in it if it has none, and try again";
#[cfg(not(target_os = "linux"))]
const BRING_UP: &str = "log in with a desktop session, and try again";

const LET_IN: &str = "allow it in the keychain's own program, and try again";

/// What `error` says, which took longer than `limit` only where it is `Silent`; `None` where it says that there is no such entry.
pub(crate) fn of(error: Error, limit: std::time::Duration) -> Option<SecretsError> {
    let place = Place::Keychain;
    match error {
        Error::NoEntry => None,
        Error::NoStorageAccess(source) => Some(of_source(&format!("{source:?}"), &source.to_string(), true, limit)),
        Error::PlatformFailure(source) => Some(of_source(&format!("{source:?}"), &source.to_string(), false, limit)),
        // Its bytes are the secret.
        Error::BadEncoding(_) => Some(damaged("an entry of ours is no text".to_owned())),
        Error::Ambiguous(found) => Some(damaged(format!("{} entries have the same name", found.len()))),
        Error::TooLong(what, most) => Some(SecretsError::System {
            place,
            said: format!("its {what} may have {most} characters"),
        }),
        Error::Invalid(what, why) => Some(SecretsError::System {
            place,
            said: format!("its {what} is not good: {why}"),
        }),
        // The enum is open: whatever comes later says so itself.
        other => Some(SecretsError::System {
            place,
            said: other.to_string(),
        }),
    }
}

pub(crate) fn damaged(said: String) -> SecretsError {
    SecretsError::Damaged {
        place: Place::Keychain,
        said,
    }
}

/// `names` is the error as a programmer sees it, with names and numbers; `said` as a person does.
fn of_source(names: &str, said: &str, no_access: bool, limit: std::time::Duration) -> SecretsError {
    let (place, said) = (Place::Keychain, said.to_owned());
    let one_of = |list: &[&str]| list.iter().any(|name| names.contains(name));
    if one_of(SILENT) {
        SecretsError::Silent { place, limit }
    } else if one_of(ABSENT) || names == "NoResult" {
        // `NoResult`: a service without any keyring to keep something in.
        SecretsError::Absent {
            place,
            what_to_do: BRING_UP.to_owned(),
            said,
        }
    } else if one_of(DENIED) {
        SecretsError::Denied {
            place,
            what_to_do: LET_IN.to_owned(),
            said,
        }
    } else if no_access || one_of(LOCKED) {
        SecretsError::Locked { place, said }
    } else {
        SecretsError::System { place, said }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Texts as gnome-keyring 42 and libdbus 1.14 give them.
    #[test]
    fn what_a_person_should_do_follows_from_names() {
        let dbus = |text: &str, name: &str| format!("Dbus(D-Bus error: {text} (org.freedesktop.{name}))");
        for (names, no_access, code) in [
            (dbus("Kein Dienst", "DBus.Error.ServiceUnknown"), false, "secret.absent"),
            (
                dbus("Failed to connect", "DBus.Error.FileNotFound"),
                false,
                "secret.absent",
            ),
            ("NoResult".to_owned(), true, "secret.absent"),
            (
                dbus("Did not receive a reply", "DBus.Error.NoReply"),
                false,
                "secret.silent",
            ),
            (dbus("no", "DBus.Error.AccessDenied"), false, "secret.denied"),
            ("Prompt".to_owned(), true, "secret.locked"),
            (dbus("", "Secret.Error.IsLocked"), false, "secret.locked"),
            (dbus("out of memory", "DBus.Error.NoMemory"), false, "secret.system"),
        ] {
            let error = of_source(&names, "said", no_access, Duration::from_secs(5));
            assert_eq!(error.code(), code, "{names}");
        }
    }

    #[test]
    fn what_was_kept_is_never_written_out() {
        let error = of(Error::BadEncoding(b"KEY-secreta".to_vec()), Duration::ZERO).unwrap();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("secreta") && !shown.contains("75, 69"), "{shown}");
        assert!(of(Error::NoEntry, Duration::ZERO).is_none());
    }
}
