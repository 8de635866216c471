//! The keychain against a real gnome-keyring on a bus of its own: what it keeps, and every way in which it fails.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs;
use std::time::Duration;

use secrecy::ExposeSecret;
use timonel_desktop::{Keychain, LIMIT};
use timonel_ports::clock::SystemClock;
use timonel_ports::secrets::{Probe, SecretId, Secrets, SecretsError};
use timonel_testkit::process::keyring::{Desk, at_a_desk};
use timonel_testkit::secrets::{TRACE, contract};

fn id(name: &str) -> SecretId {
    SecretId::new(name).unwrap()
}

fn index(desk: &Desk) -> std::path::PathBuf {
    desk.home().join("timonel/keychain.json")
}

fn keychain(desk: &Desk) -> Keychain {
    limited(desk, Duration::from_secs(30))
}

fn limited(desk: &Desk, limit: Duration) -> Keychain {
    Keychain::new(SystemClock::shared(), index(desk), limit)
}

async fn read(keychain: &Keychain, name: &str) -> Option<String> {
    let found = keychain.get(&id(name)).await.unwrap();
    found.map(|secret| secret.expose_secret().to_owned())
}

#[test]
fn a_real_keyring_keeps_the_contract() {
    at_a_desk("a_real_keyring_keeps_the_contract", async |desk| {
        desk.start_keyring().await;
        contract(&keychain(desk)).await;
    });
}

#[test]
fn a_secret_is_in_the_keyrings_own_file_and_there_it_is_encrypted() {
    at_a_desk(
        "a_secret_is_in_the_keyrings_own_file_and_there_it_is_encrypted",
        async |desk| {
            desk.start_keyring().await;
            let keychain = keychain(desk);
            keychain.put(&id("telnyx-produccion"), TRACE.into()).await.unwrap();
            let listed = keychain.list().await.unwrap();
            assert_eq!(listed[0].id, id("telnyx-produccion"));
            // A process that starts later, and a program of somebody else's, find it where it should be.
            assert_eq!(
                read(&self::keychain(desk), "telnyx-produccion").await.as_deref(),
                Some(TRACE)
            );
            let login = desk.home().join(".local/share/keyrings/login.keyring");
            assert!(
                fs::metadata(&login).unwrap().len() > 100,
                "it was kept in the login keyring"
            );
            assert!(fs::read_to_string(index(desk)).unwrap().contains("telnyx-produccion"));
            assert_eq!(desk.files_with(TRACE), [""; 0].map(std::path::PathBuf::from));
            // That the search itself finds what is there.
            fs::write(desk.home().join("trap"), TRACE).unwrap();
            assert_eq!(desk.files_with(TRACE).len(), 1);
        },
    );
}

#[test]
fn a_locked_keyring_says_so_and_works_once_it_is_unlocked() {
    at_a_desk("a_locked_keyring_says_so_and_works_once_it_is_unlocked", async |desk| {
        desk.start_keyring().await;
        let keychain = keychain(desk);
        keychain.put(&id("uno"), TRACE.into()).await.unwrap();
        assert_eq!(keychain.is_locked().await, Some(false));
        desk.lock();
        assert_eq!(keychain.is_locked().await, Some(true));
        for error in [
            keychain.get(&id("uno")).await.map(drop).unwrap_err(),
            keychain.put(&id("uno"), "otra".into()).await.unwrap_err(),
            keychain.put(&id("dos"), "otra".into()).await.unwrap_err(),
            keychain.delete(&id("uno")).await.map(drop).unwrap_err(),
        ] {
            assert!(matches!(error, SecretsError::Locked { .. }), "{error:?}");
            assert!(error.to_string().contains("unlock it"), "{error}");
        }
        assert_eq!(keychain.probe().await.code(), "locked");
        // Its names and ages are there all the same, and nothing that failed is among them.
        let listed = keychain.list().await.unwrap();
        assert_eq!(listed.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["uno"]);
        // It starts anew with what it has on the disk, unlocked.
        desk.start_keyring().await;
        assert_eq!(keychain.probe().await, Probe::Available);
        assert_eq!(read(&keychain, "uno").await.as_deref(), Some(TRACE));
    });
}

#[test]
fn without_a_service_it_is_absent_until_one_comes() {
    at_a_desk("without_a_service_it_is_absent_until_one_comes", async |desk| {
        let keychain = keychain(desk);
        for error in [
            keychain.get(&id("uno")).await.map(drop).unwrap_err(),
            keychain.put(&id("uno"), TRACE.into()).await.unwrap_err(),
        ] {
            assert!(matches!(error, SecretsError::Absent { .. }), "{error:?}");
            assert!(error.to_string().contains("gnome-keyring"), "{error}");
        }
        assert_eq!(keychain.probe().await.code(), "absent");
        assert_eq!(keychain.is_locked().await, None);
        assert!(keychain.list().await.unwrap().is_empty());
        assert!(!index(desk).exists(), "what failed is not listed");
        desk.start_keyring().await;
        assert_eq!(keychain.probe().await, Probe::Available);
        desk.end_keyring();
        assert_eq!(keychain.probe().await.code(), "absent");
    });
}

#[test]
fn without_a_bus_it_is_absent() {
    at_a_desk("without_a_bus_it_is_absent", async |desk| {
        // The address of the bus is read again with every call.
        fs::rename(desk.folder().join("run/bus"), desk.folder().join("run/away")).unwrap();
        let keychain = keychain(desk);
        assert_eq!(keychain.probe().await.code(), "absent");
        fs::rename(desk.folder().join("run/away"), desk.folder().join("run/bus")).unwrap();
        desk.start_keyring().await;
        assert_eq!(keychain.probe().await, Probe::Available);
    });
}

#[test]
fn a_service_that_hangs_ends_at_the_limit_and_works_when_it_goes_on() {
    at_a_desk(
        "a_service_that_hangs_ends_at_the_limit_and_works_when_it_goes_on",
        async |desk| {
            desk.start_keyring().await;
            keychain(desk).put(&id("uno"), TRACE.into()).await.unwrap();
            // The library itself waits two seconds for an answer: the limit comes first, or it does.
            for (limit, at_least, at_most) in [(1_u64, 1, 3), (30, 1, 20)] {
                let keychain = limited(desk, Duration::from_secs(limit));
                desk.hang_keyring();
                assert_eq!(keychain.is_locked().await, None, "nobody waits for it");
                let clock = SystemClock::shared();
                let begun = clock.mono();
                let error = keychain.get(&id("uno")).await.map(drop).unwrap_err();
                let took = clock.mono().saturating_since(begun);
                assert!(matches!(error, SecretsError::Silent { .. }), "{error:?}");
                let (at_least, at_most) = (Duration::from_secs(at_least), Duration::from_secs(at_most));
                assert!(took >= at_least && took < at_most, "{took:?} of {limit} s");
                assert_eq!(
                    keychain.list().await.unwrap().len(),
                    1,
                    "names are there while it hangs"
                );
                desk.let_keyring_go_on();
                let back = async || keychain.get(&id("uno")).await.ok().flatten();
                let back = timonel_testkit::process::until(LIMIT * 6, back).await;
                assert_eq!(back.unwrap().expose_secret(), TRACE, "without a restart");
            }
        },
    );
}

#[test]
fn a_bus_that_hangs_ends_at_the_limit_and_works_when_it_goes_on() {
    at_a_desk(
        "a_bus_that_hangs_ends_at_the_limit_and_works_when_it_goes_on",
        async |desk| {
            desk.start_keyring().await;
            let keychain = limited(desk, Duration::from_secs(1));
            // The library has no limit of its own for connecting: this is the thread's.
            desk.hang_bus();
            for _ in 0..3 {
                let error = keychain.put(&id("uno"), TRACE.into()).await.unwrap_err();
                assert!(matches!(error, SecretsError::Silent { .. }), "{error:?}");
            }
            assert_eq!(keychain.probe().await.code(), "silent");
            desk.let_bus_go_on();
            let up = async || (keychain.probe().await == Probe::Available).then_some(());
            assert!(timonel_testkit::process::until(LIMIT * 6, up).await.is_some());
            // The first of the three had begun, so it was carried out late, and is listed.
            assert_eq!(read(&keychain, "uno").await.as_deref(), Some(TRACE));
            assert_eq!(keychain.list().await.unwrap().len(), 1);
        },
    );
}
