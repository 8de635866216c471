//! Whether the keychain is locked, asked in a way that makes it ask nobody: by the Secret Service Specification a property says so
//! (<https://specifications.freedesktop.org/secret-service-spec/latest/>), and reading it opens no prompt.
//!
//! Over a connection of its own, since the keychain's thread may be waiting for a person's password. On macOS and Windows nobody
//! is asked: there the system unlocks its keychain with the person's session. Deliberately not here: unlocking, which a call for a
//! secret asks a person for.

#[cfg(all(unix, not(target_os = "macos")))]
use std::time::Duration;

use timonel_ports::clock::Clock;

/// So long the Secret Service may take for an answer.
#[cfg(all(unix, not(target_os = "macos")))]
const LIMIT: Duration = Duration::from_secs(1);

/// Whether the keyring that secrets are kept in is locked; `None` where nobody says so in time.
#[cfg(all(unix, not(target_os = "macos")))]
pub(crate) async fn is_locked(clock: &dyn Clock) -> Option<bool> {
    match timonel_ports::clock::within(clock, LIMIT, ask()).await {
        Ok(Ok(locked)) => locked,
        Ok(Err(error)) => {
            tracing::debug!(%error, "nobody says whether the keychain is locked");
            None
        }
        Err(_) => None,
    }
}

/// As the other, on a system where nobody can be asked.
#[cfg(not(all(unix, not(target_os = "macos"))))]
pub(crate) async fn is_locked(_clock: &dyn Clock) -> Option<bool> {
    None
}

#[cfg(all(unix, not(target_os = "macos")))]
async fn ask() -> zbus::Result<Option<bool>> {
    use zbus::zvariant::{OwnedObjectPath, OwnedValue};

    const NAME: &str = "org.freedesktop.secrets";
    let bus = zbus::Connection::session().await?;
    let service = Some("org.freedesktop.Secret.Service");
    let alias = bus
        .call_method(Some(NAME), "/org/freedesktop/secrets", service, "ReadAlias", &"default")
        .await?;
    let keyring: OwnedObjectPath = alias.body().deserialize()?;
    // So it says that there is none.
    if keyring.as_str() == "/" {
        return Ok(None);
    }
    let properties = Some("org.freedesktop.DBus.Properties");
    let of = ("org.freedesktop.Secret.Collection", "Locked");
    let answer = bus.call_method(Some(NAME), &keyring, properties, "Get", &of).await?;
    let locked: OwnedValue = answer.body().deserialize()?;
    Ok(bool::try_from(locked).ok())
}
