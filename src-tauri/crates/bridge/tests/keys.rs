//! What a window asks about keys and changes: who may, that no answer holds a secret, that a locked keychain is told of with what
//! to do and used again without a restart, and that one which hangs holds up nothing else.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod lockable;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::{Json, Router, extract::Request};
use lockable::Lockable;
use secrecy::SecretString;
use serde_json::json;
use timonel_bridge::connect::Connections;
use timonel_bridge::console::{Asker, Keys, Surface};
use timonel_bridge::credentials::Credentials;
use timonel_domain::value::Person;
use timonel_plan::Parsed;
use timonel_ports::clock::{SystemClock, within};
use timonel_ports::secrets::Secrets;
use timonel_ports::task::spawn;
use timonel_vault::{Environment, SecretsFile, Session};
use timonel_wire::{Arg, CredentialChange, Effect, KeepName, PlaceCondition, PlaceName, Typed, Use, Vault, WireError};

const NAME: &str = "telnyx-produccion";
const SECRET: &str = "CLAVE-QUE-NADIE-VE";
const PATIENCE: Duration = Duration::from_secs(60);

fn asker(surface: Surface) -> Asker {
    let person = Person::new("guardia").unwrap();
    Asker { surface, person }
}

fn main_window() -> Asker {
    asker(Surface::Main)
}

fn typed(secret: &str) -> Typed {
    SecretString::from(secret).into()
}

/// The shipped plan, which uses [`NAME`] in `produccion`.
fn plan(environment: &str) -> Parsed {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plans/ivr-texml.toml");
    let text = std::fs::read_to_string(path).unwrap();
    timonel_plan::check(&text)
        .value
        .unwrap()
        .in_environment(environment)
        .unwrap()
}

struct Desk {
    folder: tempfile::TempDir,
    keychain: Arc<Lockable>,
    keys: Keys,
}

fn desk(variables: &[(&str, &str)]) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let clock = SystemClock::shared();
    let keychain = Lockable::new();
    let places: Vec<Arc<dyn Secrets>> = vec![
        Arc::new(Session::new(clock.clone())),
        keychain.clone(),
        Arc::new(SecretsFile::new(clock.clone(), folder.path().join("credentials.json"))),
    ];
    let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let keys = Keys::new(Credentials::new(clock, Environment::new(variables), places));
    Desk { folder, keychain, keys }
}

/// What a window is told, held against the secrets of these tests.
async fn seen(keys: &Keys) -> Vault {
    let vault = keys.vault(&main_window()).await.unwrap();
    let text = format!("{vault:?} {}", serde_json::to_string(&vault).unwrap());
    assert!(!text.contains(SECRET) && !text.contains("general-secreta"), "{text}");
    vault
}

/// Name, place and whether it is in force, of every row.
fn rows(vault: &Vault) -> Vec<(&str, PlaceName, bool)> {
    vault
        .credentials
        .iter()
        .map(|row| (row.name.as_str(), row.place, row.in_force))
        .collect()
}

fn condition(vault: &Vault, place: PlaceName) -> (PlaceCondition, Option<&str>) {
    let state = vault.places.iter().find(|state| state.place == place).unwrap();
    (
        state.condition,
        state.advice.as_ref().map(|advice| advice.code.as_str()),
    )
}

fn code<T>(answer: Result<T, WireError>) -> String {
    answer.err().unwrap().0.code
}

#[tokio::test]
async fn who_may_only_look_is_told_nothing_and_changes_nothing() {
    let Desk { keys, .. } = desk(&[]);
    let wall = asker(Surface::Wallboard);
    let refused = [
        code(keys.vault(&wall).await),
        code(keys.put(&wall, NAME, KeepName::Session, typed(SECRET)).await),
        code(keys.test(&wall, NAME).await),
        code(keys.delete(&wall, NAME, KeepName::Session).await),
    ];
    assert_eq!(refused, ["error-read-only"; 4]);
    assert!(seen(&keys).await.credentials.is_empty());
}

#[tokio::test]
async fn a_key_is_kept_where_a_person_says_and_shown_with_who_uses_it() {
    let Desk { folder, keys, .. } = desk(&[]);
    keys.serve(plan("produccion"));
    let empty = seen(&keys).await;
    assert_eq!(empty.wanted.len(), 1);
    assert_eq!((empty.wanted[0].name.as_str(), empty.wanted[0].general), (NAME, false));
    let uses = empty.wanted[0].used_by.clone();
    let [
        Use {
            environment,
            open: true,
            account,
            targets,
            sources,
        },
    ] = uses.as_slice()
    else {
        panic!("{uses:?}");
    };
    assert_eq!((environment.as_str(), account.as_str()), ("produccion", "principal"));
    assert!(
        targets.contains(&"telnyx".to_owned()) && !sources.is_empty(),
        "{uses:?}"
    );

    for (keep, place) in [
        (KeepName::File, PlaceName::File),
        (KeepName::Keychain, PlaceName::Keychain),
        (KeepName::Session, PlaceName::Session),
    ] {
        // As a line that was copied: without its blanks it is the key.
        let change = keys
            .put(
                &main_window(),
                &format!(" {NAME} "),
                keep,
                typed(&format!("{SECRET}\n")),
            )
            .await;
        let expected = CredentialChange {
            name: NAME.to_owned(),
            place,
            in_force: Some(place),
            effect: Effect::Next,
        };
        assert_eq!(change, Ok(expected));
    }
    let kept = std::fs::read_to_string(folder.path().join("credentials.json")).unwrap();
    assert!(
        kept.contains(&format!("\"{SECRET}\"")),
        "its own file is the one place on the disk, without the line's end"
    );
    let vault = seen(&keys).await;
    assert_eq!(vault.wanted, []);
    assert_eq!(
        rows(&vault),
        [
            (NAME, PlaceName::Session, true),
            (NAME, PlaceName::Keychain, false),
            (NAME, PlaceName::File, false)
        ]
    );
    for row in &vault.credentials {
        assert_eq!(row.used_by, uses);
        assert!(row.stored_at.is_some_and(|at| at <= vault.at), "{row:?}");
    }

    let change = keys.delete(&main_window(), NAME, KeepName::Session).await.unwrap();
    assert_eq!(
        (change.place, change.in_force),
        (PlaceName::Session, Some(PlaceName::Keychain))
    );
    assert_eq!(rows(&seen(&keys).await).len(), 2, "from one place only");
    let change = keys.delete(&main_window(), NAME, KeepName::Session).await;
    assert!(change.is_ok(), "what is not there is not there: {change:?}");
}

#[tokio::test]
async fn on_the_simulator_nothing_is_due_and_the_plans_own_environments_are_shown_all_the_same() {
    let Desk { keys, .. } = desk(&[("TELNYX_API_KEY", "general-secreta")]);
    keys.opened(plan("simulador"), None);
    let vault = seen(&keys).await;
    let [wanted] = vault.wanted.as_slice() else {
        panic!("{:?}", vault.wanted);
    };
    assert!(
        wanted.general && wanted.used_by.iter().all(|used| !used.open),
        "{wanted:?}"
    );
    assert_eq!(rows(&vault), [("TELNYX_API_KEY", PlaceName::Environment, true)]);
    assert!(vault.credentials[0].general);
    let change = keys
        .put(&main_window(), NAME, KeepName::Session, typed(SECRET))
        .await
        .unwrap();
    assert_eq!(change.effect, Effect::Next);
}

#[tokio::test]
async fn a_change_says_from_when_on_the_open_rollout_has_it() {
    let Desk { keys, .. } = desk(&[]);
    let plan = plan("produccion");
    let keep = KeepName::Session;
    let put = async |name: &str| {
        keys.put(&main_window(), name, keep, typed(SECRET))
            .await
            .unwrap()
            .effect
    };

    let without = Connections::of_environment(&plan, None)
        .with_keys(&plan, keys.credentials())
        .await;
    keys.opened(plan.clone(), Some(without));
    assert_eq!(put(NAME).await, Effect::Soon, "it waits for it");
    assert_eq!(put("otra").await, Effect::Next);

    let with = Connections::of_environment(&plan, None)
        .with_keys(&plan, keys.credentials())
        .await;
    keys.opened(plan, Some(with));
    assert_eq!(put(NAME).await, Effect::Reopen, "it goes on with what it has");
    let gone = keys.delete(&main_window(), NAME, keep).await.unwrap();
    assert_eq!((gone.in_force, gone.effect), (None, Effect::Reopen));
}

#[tokio::test]
async fn a_locked_keychain_says_what_to_do_and_is_used_again_once_it_is_open() {
    let Desk { folder, keychain, keys } = desk(&[]);
    keys.put(&main_window(), NAME, KeepName::Keychain, typed(SECRET))
        .await
        .unwrap();
    keychain.lock();
    let vault = seen(&keys).await;
    assert_eq!(
        condition(&vault, PlaceName::Keychain),
        (PlaceCondition::Locked, Some("advice-keychain-locked"))
    );
    assert_eq!(condition(&vault, PlaceName::File), (PlaceCondition::Available, None));
    let row = &vault.credentials[0];
    assert_eq!(
        (row.condition, row.in_force, row.missing),
        (PlaceCondition::Locked, false, false)
    );
    let refused = keys
        .put(&main_window(), "otra", KeepName::Keychain, typed(SECRET))
        .await
        .unwrap_err();
    assert_eq!(refused.0.code, "error-credential-locked");
    assert!(!format!("{refused:?}").contains(SECRET));
    assert!(
        !folder.path().join("credentials.json").exists(),
        "there is no silent second place"
    );
    assert_eq!(code(keys.test(&main_window(), NAME).await), "error-credential-locked");
    assert_eq!(
        code(keys.delete(&main_window(), NAME, KeepName::Keychain).await),
        "error-credential-locked"
    );

    keychain.unlock();
    let vault = seen(&keys).await;
    assert_eq!(
        condition(&vault, PlaceName::Keychain),
        (PlaceCondition::Available, None)
    );
    assert_eq!(rows(&vault), [(NAME, PlaceName::Keychain, true)]);
}

#[tokio::test]
async fn what_somebody_took_out_of_the_keychain_is_missing_and_wanted() {
    let Desk { keychain, keys, .. } = desk(&[]);
    keys.serve(plan("produccion"));
    keys.put(&main_window(), NAME, KeepName::Keychain, typed(SECRET))
        .await
        .unwrap();
    assert_eq!(seen(&keys).await.wanted, []);
    keychain.lose();
    let vault = seen(&keys).await;
    assert!(vault.credentials[0].missing && !vault.credentials[0].in_force);
    assert_eq!(vault.wanted[0].name, NAME);
}

#[tokio::test]
async fn a_keychain_that_hangs_holds_up_no_other_question() {
    let Desk { keychain, keys, .. } = desk(&[]);
    let hangs = keychain.hangs.lock().await;
    let keep = async |keep: KeepName, name: &str| keys.put(&main_window(), name, keep, typed(SECRET)).await.unwrap();
    let asking = keep(KeepName::Keychain, NAME);
    let clock = SystemClock::shared();
    let meanwhile = async {
        let kept = within(&*clock, PATIENCE, keep(KeepName::Session, "otra")).await;
        drop(hangs);
        kept.expect("it waits for nobody").in_force
    };
    let (late, early) = futures::join!(asking, meanwhile);
    assert_eq!(
        (late.in_force, early),
        (Some(PlaceName::Keychain), Some(PlaceName::Session))
    );
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_with_its_reason_and_never_repeated() {
    let Desk { keys, .. } = desk(&[]);
    let put = async |name: &str, secret: &str| {
        let refused = keys
            .put(&main_window(), name, KeepName::Session, typed(secret))
            .await
            .unwrap_err();
        let text = format!("{refused:?} {}", serde_json::to_string(&refused).unwrap());
        assert!(!text.contains(SECRET), "{text}");
        refused.0
    };
    assert_eq!(put("con espacio", SECRET).await.code, "error-credential-name");
    assert_eq!(
        put(&format!("KEY{SECRET}"), SECRET).await.code,
        "error-credential-name-is-key"
    );
    let long = put(NAME, &SECRET.repeat(100)).await;
    assert_eq!(long.code, "error-credential-size");
    assert_eq!(long.args.get("most"), Some(&Arg::Count(1_200)));
    assert_eq!(long.args.get("bytes"), Some(&Arg::Count(SECRET.len() as u64 * 100)));
    assert_eq!(put(NAME, " \n").await.args.get("bytes"), Some(&Arg::Count(0)));
    assert_eq!(code(keys.test(&main_window(), NAME).await), "error-credential-unknown");
    assert!(seen(&keys).await.credentials.is_empty());
}

/// A provider that knows one key, and what it was asked.
async fn provider() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let answer = |headers: HeaderMap, request: Request| async move {
        let known = headers
            .get("authorization")
            .is_some_and(|h| h.as_bytes() == format!("Bearer {SECRET}").as_bytes());
        if !known {
            return (
                StatusCode::UNAUTHORIZED,
                Json(json!({"errors": [{"code": "10009", "title": "no"}]})),
            );
        }
        let body = match request.uri().path() {
            path if path.ends_with("/balance") => json!({"data": {"available_credit": "120.00", "currency": "USD"}}),
            path if path.ends_with("/whoami") => json!({"data": {"organization_id": "org-1"}}),
            _ => json!({"data": [{"id": "1", "friendly_name": "voz", "voice_url": "https://voz.example.test"}],
                        "meta": {"total_pages": 1, "total_results": 1, "page_number": 1, "page_size": 1}}),
        };
        (StatusCode::OK, Json(body))
    };
    let router = Router::new().fallback(answer);
    drop(spawn(&SystemClock::shared(), async move {
        axum::serve(listener, router).await.unwrap();
    }));
    format!("http://{at}")
}

#[tokio::test]
async fn a_key_is_tried_at_the_plans_account_and_the_screen_remembers_how_it_went() {
    let Desk { keys, .. } = desk(&[]);
    let mut plan = plan("produccion");
    let production = plan.environments.get_mut("produccion").unwrap();
    production.accounts.get_mut("principal").unwrap().url = Some(provider().await);
    keys.serve(plan);

    keys.put(&main_window(), NAME, KeepName::Keychain, typed(SECRET))
        .await
        .unwrap();
    assert_eq!(seen(&keys).await.credentials[0].last_test, None);
    let good = keys.test(&main_window(), NAME).await.unwrap();
    assert!(good.ok, "{good:?}");
    let codes: Vec<_> = good.checks.iter().map(|check| check.sentence.code.as_str()).collect();
    assert_eq!(
        codes,
        [
            "check-credential-found",
            "check-account-key",
            "check-account-balance",
            "check-account-rights"
        ]
    );
    assert!(good.checks.iter().all(|check| check.account == "principal"));
    assert!(!format!("{good:?}").contains(SECRET));
    let last = seen(&keys).await.credentials[0].last_test.unwrap();
    assert!(last.ok && last.at <= good.at);

    keys.put(&main_window(), NAME, KeepName::Keychain, typed("otra que no abre"))
        .await
        .unwrap();
    assert_eq!(
        seen(&keys).await.credentials[0].last_test,
        None,
        "another secret was tried"
    );
    let bad = keys.test(&main_window(), NAME).await.unwrap();
    assert!(
        !bad.ok
            && bad
                .checks
                .iter()
                .any(|check| check.sentence.code == "check-account-key-bad"),
        "{bad:?}"
    );
    assert!(!seen(&keys).await.credentials[0].last_test.unwrap().ok);
}
