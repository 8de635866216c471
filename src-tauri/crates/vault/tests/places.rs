//! The places of the vault keep the contract of every place, and the file is nobody else's.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use timonel_ports::clock::SystemClock;
use timonel_ports::secrets::{Probe, SecretId, Secrets, SecretsError};
use timonel_testkit::secrets::{TRACE, contract};
use timonel_vault::{SecretsFile, Session};

fn id(name: &str) -> SecretId {
    SecretId::new(name).unwrap()
}

fn file(path: &Path) -> SecretsFile {
    SecretsFile::new(SystemClock::shared(), path)
}

fn names(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[tokio::test]
async fn the_session_keeps_the_contract() {
    contract(&Session::new(SystemClock::shared())).await;
}

#[tokio::test]
async fn the_file_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract(&file(&folder.path().join("new/folder/credentials.json"))).await;
}

#[tokio::test]
async fn looking_makes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let place = file(&folder.path().join("new/credentials.json"));
    assert_eq!(place.probe().await, Probe::Available);
    assert!(place.list().await.unwrap().is_empty());
    assert!(!place.delete(&id("uno")).await.unwrap());
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn another_process_finds_what_was_put() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.json");
    file(&path).put(&id("uno"), "clave".into()).await.unwrap();
    let found = file(&path).get(&id("uno")).await.unwrap().unwrap();
    assert_eq!(found.expose_secret(), "clave");
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.json");
    let place = file(&path);
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    for n in 0..2 {
        place.put(&id("uno"), format!("{TRACE}{n}").into()).await.unwrap();
        assert_eq!(mode(), 0o600, "also where it replaces another");
    }
    for wider in [0o640, 0o604, 0o666, 0o610] {
        fs::set_permissions(&path, fs::Permissions::from_mode(wider)).unwrap();
        for refused in [
            place.get(&id("uno")).await.map(drop),
            place.list().await.map(drop),
            place.put(&id("dos"), TRACE.into()).await,
            place.delete(&id("uno")).await.map(drop),
        ] {
            let error = refused.unwrap_err();
            assert!(matches!(error, SecretsError::Denied { .. }), "{wider:o}: {error}");
            let says = error.to_string();
            assert!(
                says.contains("chmod 600") && says.contains(&format!("{wider:04o}")),
                "{says}"
            );
            assert!(!says.contains(TRACE), "{says}");
        }
        assert_eq!(place.probe().await.code(), "denied");
        assert_eq!(
            mode(),
            wider,
            "a mode that somebody chose is not changed behind their back"
        );
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(place.list().await.unwrap().len(), 1, "what was refused was not written");
}

#[tokio::test]
async fn a_write_that_was_cut_short_leaves_the_former_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.json");
    let place = file(&path);
    place.put(&id("uno"), "antes".into()).await.unwrap();
    let before = fs::read(&path).unwrap();
    // A directory in its place: writing beside it works, and the last step, renaming, cannot.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(place.put(&id("uno"), TRACE.into()).await.is_err());
    fs::remove_dir(&path).unwrap();
    fs::write(&path, &before).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::write(folder.path().join(".credentials-half"), "{\"version\": 1, \"secr").unwrap();
    assert_eq!(place.get(&id("uno")).await.unwrap().unwrap().expose_secret(), "antes");
    place.put(&id("dos"), "despues".into()).await.unwrap();
    assert_eq!(place.list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn many_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.json");
    let ids: Vec<_> = (0..16).map(|n| id(&format!("clave-{n:02}"))).collect();
    let places: Vec<_> = ids.iter().map(|_| file(&path)).collect();
    let puts = ids
        .iter()
        .zip(&places)
        .map(|(id, place)| place.put(id, id.as_str().into()));
    for put in futures::future::join_all(puts).await {
        put.unwrap();
    }
    let listed: Vec<_> = places[0].list().await.unwrap().into_iter().map(|s| s.id).collect();
    assert_eq!(listed, ids);
}

#[cfg(unix)]
#[tokio::test]
async fn a_damaged_file_is_not_believed_and_not_repeated() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.json");
    let place = file(&path);
    place.put(&id("uno"), TRACE.into()).await.unwrap();
    let whole = fs::read_to_string(&path).unwrap();
    let bad = [
        whole[..whole.len() / 2].to_owned(),
        format!("{{\"version\": \"{TRACE}\", \"secrets\": {{}}}}"),
        "{\"version\": 9, \"secrets\": {}}".to_owned(),
        format!(
            "{{\"version\": 1, \"secrets\": {{\"{TRACE}\": {{\"value\": \"a\", \"stored_at\": \"2026-01-01T00:00:00Z\"}}}}}}"
        ),
        String::new(),
    ];
    for text in bad {
        fs::write(&path, &text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for error in [
            place.get(&id("uno")).await.map(drop).unwrap_err(),
            place.put(&id("dos"), "x".into()).await.unwrap_err(),
        ] {
            assert_eq!(error.code(), "secret.damaged", "{text}");
            assert!(!error.to_string().contains(TRACE), "{error}");
        }
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            text,
            "what cannot be read is not written over"
        );
    }
}
