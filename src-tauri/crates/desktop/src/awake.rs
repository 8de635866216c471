//! Keeping the machine awake while calls are being moved: a laptop that falls asleep watches nobody.
//!
//! On Linux by logind (`Inhibit`, <https://www.freedesktop.org/software/systemd/man/org.freedesktop.login1>), over the system bus,
//! for as long as the answer's file descriptor is open: a program that crashes keeps no machine awake. Falling asleep by itself
//! and by a person's wish are both held off, and desks say why; closing the lid is left alone, since a laptop in a bag must not
//! run. On other systems nothing is held off yet, and whoever asks is told so.
//!
//! Deliberately not here: when to keep it awake (`bridge::awake`), and noticing that it slept (the engine's gaps).

#[cfg(target_os = "linux")]
use std::time::Duration;

use timonel_ports::clock::SharedClock;

/// Why the machine may fall asleep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AwakeError {
    /// Nobody on this system can be asked.
    #[error("this machine cannot be kept awake ({said}). Set it not to sleep for as long as a rollout runs")]
    Nobody {
        /// What was found instead.
        said: String,
    },
    /// It was asked and did not do it.
    #[error("this machine refuses to be kept awake ({said}). Set it not to sleep for as long as a rollout runs")]
    Refused {
        /// What it said.
        said: String,
    },
}

/// The machine stays awake until this is dropped.
#[derive(Debug)]
pub struct Awake {
    #[cfg(target_os = "linux")]
    _held: zbus::zvariant::OwnedFd,
}

/// Who keeps this machine awake.
#[derive(Debug, Clone)]
pub struct Sleep {
    #[cfg(target_os = "linux")]
    clock: SharedClock,
    /// The bus; the system's own where none is given.
    #[cfg(target_os = "linux")]
    bus: Option<String>,
}

/// So long logind may take for an answer.
#[cfg(target_os = "linux")]
const LIMIT: Duration = Duration::from_secs(5);

#[cfg(target_os = "linux")]
impl Sleep {
    /// Of this machine. Asks nobody yet; `clock` must be the machine's.
    pub fn of_this_machine(clock: &SharedClock) -> Self {
        Self {
            clock: clock.clone(),
            bus: None,
        }
    }

    /// By whoever is on the bus at `address`.
    pub fn on_bus(clock: &SharedClock, address: &str) -> Self {
        Self {
            clock: clock.clone(),
            bus: Some(address.to_owned()),
        }
    }

    /// Holds it off until what it gives is dropped. `why` is read by people whose machine does not sleep.
    pub async fn hold_off(&self, why: &str) -> Result<Awake, AwakeError> {
        let asked = timonel_ports::clock::within(&*self.clock, LIMIT, self.inhibit(why)).await;
        let held = asked.unwrap_or_else(|_| {
            let said = format!("logind does not answer within {} s", LIMIT.as_secs());
            Err(AwakeError::Nobody { said })
        });
        held.map(|fd| Awake { _held: fd })
    }

    async fn inhibit(&self, why: &str) -> Result<zbus::zvariant::OwnedFd, AwakeError> {
        let nobody = |error: zbus::Error| AwakeError::Nobody {
            said: error.to_string(),
        };
        let bus = match &self.bus {
            Some(address) => {
                zbus::connection::Builder::address(address.as_str())
                    .map_err(nobody)?
                    .build()
                    .await
            }
            None => zbus::Connection::system().await,
        };
        let asked = ("sleep:idle", "Timonel", why, "block");
        let answer = bus
            .map_err(nobody)?
            .call_method(
                Some("org.freedesktop.login1"),
                "/org/freedesktop/login1",
                Some("org.freedesktop.login1.Manager"),
                "Inhibit",
                &asked,
            )
            .await
            .map_err(|error| match error {
                zbus::Error::MethodError(name, said, _) if !name.contains("ServiceUnknown") => AwakeError::Refused {
                    said: said.unwrap_or_else(|| name.to_string()),
                },
                other => nobody(other),
            })?;
        answer.body().deserialize().map_err(|error| AwakeError::Refused {
            said: error.to_string(),
        })
    }
}

#[cfg(not(target_os = "linux"))]
impl Sleep {
    /// Of this machine.
    pub fn of_this_machine(_clock: &SharedClock) -> Self {
        Self {}
    }

    /// Holds nothing off yet on this system, and says so.
    pub async fn hold_off(&self, _why: &str) -> Result<Awake, AwakeError> {
        Err(AwakeError::Nobody {
            said: "Timonel does that by logind alone so far".to_owned(),
        })
    }
}
