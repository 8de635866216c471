//! Keeping the machine awake, by a logind that the test is, on a bus of its own.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use timonel_desktop::{AwakeError, Sleep};
use timonel_ports::clock::SystemClock;
use timonel_testkit::process::keyring::at_a_desk;
use timonel_testkit::process::until;
use zbus::Connection;

const SOON: Duration = Duration::from_secs(30);

/// What logind does of `Inhibit`: it keeps one end of a pipe and gives the other away; the end of that is the end of the lock.
#[derive(Clone, Default)]
struct Logind {
    asked: Arc<Mutex<Vec<[String; 4]>>>,
    held: Arc<Mutex<Vec<std::io::PipeReader>>>,
    refuses: bool,
}

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Logind {
    async fn inhibit(
        &self,
        what: String,
        who: String,
        why: String,
        mode: String,
    ) -> zbus::fdo::Result<zbus::zvariant::OwnedFd> {
        if self.refuses {
            return Err(zbus::fdo::Error::AccessDenied("no por hoy".to_owned()));
        }
        self.asked.lock().unwrap().push([what, who, why, mode]);
        let (ours, theirs) = std::io::pipe().unwrap();
        self.held.lock().unwrap().push(ours);
        Ok(OwnedFd::from(theirs).into())
    }
}

async fn on_the_bus(logind: &Logind) -> Connection {
    let bus = zbus::connection::Builder::session().unwrap();
    let bus = bus.serve_at("/org/freedesktop/login1", logind.clone()).unwrap();
    bus.name("org.freedesktop.login1").unwrap().build().await.unwrap()
}

fn of_the_desk() -> Sleep {
    Sleep::on_bus(
        &SystemClock::shared(),
        &std::env::var("DBUS_SESSION_BUS_ADDRESS").unwrap(),
    )
}

#[test]
fn the_machine_stays_awake_for_as_long_as_it_is_held() {
    at_a_desk("the_machine_stays_awake_for_as_long_as_it_is_held", async |_| {
        let logind = Logind::default();
        let _bus = on_the_bus(&logind).await;
        let awake = of_the_desk().hold_off("ivr-texml va por el 25 %").await.unwrap();
        let asked = logind.asked.lock().unwrap().clone();
        assert_eq!(
            asked,
            [["sleep:idle", "Timonel", "ivr-texml va por el 25 %", "block"].map(str::to_owned)]
        );
        let mut ours = logind.held.lock().unwrap().pop().unwrap();
        let ended = std::thread::spawn(move || ours.read(&mut [0; 1]).unwrap());
        assert!(!ended.is_finished(), "the lock is held");
        drop(awake);
        let over = until(SOON, async || ended.is_finished().then_some(())).await;
        assert!(over.is_some(), "the lock is let go of");
        assert_eq!(ended.join().unwrap(), 0);
    });
}

#[test]
fn whoever_refuses_and_whoever_is_not_there_are_told_apart() {
    at_a_desk("whoever_refuses_and_whoever_is_not_there_are_told_apart", async |_| {
        let none = of_the_desk().hold_off("nada").await.unwrap_err();
        assert!(matches!(none, AwakeError::Nobody { .. }), "{none}");
        let logind = Logind {
            refuses: true,
            ..Logind::default()
        };
        let _bus = on_the_bus(&logind).await;
        let refused = of_the_desk().hold_off("nada").await.unwrap_err();
        let said = AwakeError::Refused {
            said: "no por hoy".to_owned(),
        };
        assert_eq!(refused, said);
        let nowhere = Sleep::on_bus(&SystemClock::shared(), "unix:path=/nonexistent")
            .hold_off("nada")
            .await;
        assert!(matches!(nowhere, Err(AwakeError::Nobody { .. })), "{nowhere:?}");
    });
}
