//! The chain of credentials: which place goes before which, what a failing place does to it, and that a keychain which is locked
//! after a rollout was opened keeps nobody from putting its calls back.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod lockable;

use std::path::Path;
use std::sync::Arc;

use lockable::Lockable;
use secrecy::ExposeSecret;
use timonel_bridge::credentials::{CredentialError, Credentials, Keep};
use timonel_ports::clock::SystemClock;
use timonel_ports::secrets::{Place, SecretId, Secrets};
use timonel_vault::{Environment, SecretsFile, Session};

fn id(name: &str) -> SecretId {
    SecretId::new(name).unwrap()
}

struct Desk {
    folder: tempfile::TempDir,
    keychain: Arc<Lockable>,
    credentials: Credentials,
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
    let credentials = Credentials::new(clock, Environment::new(variables), places);
    Desk {
        folder,
        keychain,
        credentials,
    }
}

async fn loaded(credentials: &Credentials, name: &str) -> Option<String> {
    let found = credentials.load(&id(name)).await.unwrap();
    found.map(|found| found.secret.expose_secret().to_owned())
}

/// Name, place and whether it is in force, of every row.
async fn shown(credentials: &Credentials) -> Vec<(String, &'static str, bool)> {
    let rows = credentials.list().await.into_iter();
    rows.map(|row| (row.name.to_string(), row.place.code(), row.in_force))
        .collect()
}

#[tokio::test]
async fn the_first_place_that_has_a_name_is_used() {
    let Desk { credentials, .. } = desk(&[
        ("TIMONEL_KEY_TELNYX_A", "de la variable"),
        ("TELNYX_API_KEY", "general"),
    ]);
    for name in ["telnyx.a", "telnyx-b", "telnyx-c", "telnyx-d"] {
        credentials
            .put_in(Keep::File, &id(name), "del fichero".into())
            .await
            .unwrap();
    }
    for name in ["telnyx.a", "telnyx-b", "telnyx-c"] {
        let place = credentials.put(&id(name), "del llavero".into()).await.unwrap();
        assert_eq!(place, Place::Keychain);
    }
    credentials
        .put_in(Keep::Session, &id("telnyx-b"), "de la sesion".into())
        .await
        .unwrap();
    for (name, from) in [
        ("telnyx.a", "de la variable"),
        ("telnyx-b", "de la sesion"),
        ("telnyx-c", "del llavero"),
        ("telnyx-d", "del fichero"),
        ("telnyx-e", "general"),
    ] {
        assert_eq!(loaded(&credentials, name).await.as_deref(), Some(from), "{name}");
    }
    let row = |name: &str, place, in_force| (name.to_owned(), place, in_force);
    assert_eq!(
        shown(&credentials).await,
        [
            row("TELNYX_API_KEY", "environment", true),
            row("telnyx-b", "session", true),
            row("telnyx-b", "keychain", false),
            row("telnyx-b", "file", false),
            row("telnyx-c", "keychain", true),
            row("telnyx-c", "file", false),
            row("telnyx-d", "file", true),
            row("telnyx.a", "environment", true),
            row("telnyx.a", "keychain", false),
            row("telnyx.a", "file", false),
        ]
    );
}

#[tokio::test]
async fn a_locked_keychain_is_passed_over_and_never_replaced_behind_anybodys_back() {
    let Desk {
        folder,
        keychain,
        credentials,
    } = desk(&[]);
    credentials.put(&id("uno"), "del llavero".into()).await.unwrap();
    credentials
        .put_in(Keep::File, &id("dos"), "del fichero".into())
        .await
        .unwrap();
    keychain.lock();
    assert_eq!(loaded(&credentials, "dos").await.as_deref(), Some("del fichero"));
    assert_eq!(credentials.load(&id("uno")).await.unwrap_err().code(), "secret.locked");
    let refused = credentials.put(&id("tres"), "SECRETO-QUE-NO".into()).await.unwrap_err();
    assert_eq!(refused.code(), "secret.locked");
    let kept = std::fs::read_to_string(folder.path().join("credentials.json")).unwrap();
    assert!(!kept.contains("SECRETO-QUE-NO"), "there is no silent second place");
    let rows = credentials.list().await;
    let uno = rows.iter().find(|row| row.name == id("uno")).unwrap();
    assert_eq!((uno.state.code(), uno.in_force), ("locked", false));
    let states: Vec<_> = credentials
        .probe()
        .await
        .into_iter()
        .map(|p| (p.place.code(), p.state.code(), p.usual))
        .collect();
    assert_eq!(
        states,
        [
            ("environment", "available", false),
            ("session", "available", false),
            ("keychain", "locked", true),
            ("file", "available", false)
        ]
    );
}

#[tokio::test]
async fn what_is_deleted_is_gone_everywhere_and_a_variable_says_that_it_stays() {
    let Desk {
        keychain, credentials, ..
    } = desk(&[("TIMONEL_KEY_DOS", "variable")]);
    for name in ["uno", "dos", "tres"] {
        credentials.put(&id(name), "x".into()).await.unwrap();
        credentials.put_in(Keep::File, &id(name), "x".into()).await.unwrap();
    }
    let was_in = credentials.delete(&id("uno")).await.unwrap();
    assert_eq!(was_in.iter().map(Place::code).collect::<Vec<_>>(), ["keychain", "file"]);
    assert_eq!(loaded(&credentials, "uno").await, None);
    let unknown = credentials.delete(&id("uno")).await.unwrap_err();
    assert!(matches!(unknown, CredentialError::Unknown { .. }));
    assert!(
        unknown.to_string().contains("timonelctl credential set uno"),
        "{unknown}"
    );

    let stays = credentials.delete(&id("dos")).await.unwrap_err();
    assert_eq!(stays.code(), "secret.read-only");
    assert!(stays.to_string().contains("TIMONEL_KEY_DOS"), "{stays}");
    assert_eq!(
        shown(&credentials)
            .await
            .iter()
            .filter(|(name, ..)| name == "dos")
            .count(),
        1
    );

    keychain.lock();
    assert_eq!(
        credentials.delete(&id("tres")).await.unwrap_err().code(),
        "secret.locked"
    );
    assert!(
        !shown(&credentials).await.contains(&("tres".to_owned(), "file", true)),
        "the others were asked"
    );
}

#[cfg(target_os = "linux")]
mod at_a_real_desk {
    use std::time::Duration;

    use timonel_bridge::connect::{self, Connections, Kits};
    use timonel_desktop::Keychain;
    use timonel_domain::rollout::Generation;
    use timonel_domain::value::Weight;
    use timonel_plan::Parsed;
    use timonel_plan::parsed::Way;
    use timonel_ports::clock::sleep;
    use timonel_ports::target::{Goal, Progress};
    use timonel_ports::task::spawn;
    use timonel_simulator::simulator::{Place as Stands, Simulator};
    use timonel_simulator::time::{Speed, VirtualClock};
    use timonel_testkit::process::keyring::at_a_desk;

    use super::*;

    const NAME: &str = "telnyx-produccion";

    fn plans() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plans")
    }

    /// The shipped plan's numbers alone.
    fn plan() -> Parsed {
        let text = std::fs::read_to_string(plans().join("ivr-texml.toml")).unwrap();
        let mut plan = timonel_plan::check(&text).value.unwrap();
        plan.targets.retain(|target| matches!(target.way, Way::NumberShare(_)));
        plan
    }

    /// The account of the scenario, in real time.
    async fn account(plan: &Parsed) -> Simulator {
        let real = SystemClock::shared();
        let text = std::fs::read_to_string(plans().join("scenarios/ivr-texml/calm.toml")).unwrap();
        let mut scenario = timonel_plan::scenario::check(&text).value.unwrap();
        scenario.start = real.now();
        let clock = VirtualClock::new(scenario.start);
        let places = plan.targets.iter().map(|target| match &target.way {
            Way::VirtualService(_) => unreachable!("only numbers were kept"),
            Way::NumberShare(way) => {
                let share = Stands::NumberShare {
                    stable: way.stable.clone(),
                    canary: way.canary.clone(),
                    named: Vec::new(),
                    except: way.except.clone(),
                };
                (target.id.clone(), share)
            }
        });
        let simulator = Simulator::start(&clock, &scenario, scenario.seed, places)
            .await
            .unwrap();
        drop(spawn(&real, async move {
            let beats = clock.clone();
            drop(spawn(&clock.shared(), async move {
                loop {
                    sleep(&beats, Duration::from_millis(20)).await;
                }
            }));
            clock.run(Speed::Times(1.0)).await;
        }));
        simulator
    }

    #[test]
    fn a_keychain_that_is_locked_after_a_rollout_was_opened_blocks_no_rollback() {
        at_a_desk(
            "at_a_real_desk::a_keychain_that_is_locked_after_a_rollout_was_opened_blocks_no_rollback",
            async |desk| {
                desk.start_keyring().await;
                let clock = SystemClock::shared();
                let mut plan = plan();
                let simulator = account(&plan).await;
                let url = simulator.telnyx_url().unwrap();
                let production = plan.environments.get_mut("produccion").unwrap();
                production.accounts.get_mut("principal").unwrap().url = Some(url);
                let plan = plan.in_environment("produccion").unwrap();
                let Way::NumberShare(way) = plan.targets[0].way.clone() else {
                    unreachable!("only numbers were kept")
                };

                let index = desk.home().join("keychain.json");
                let keychain = Keychain::new(clock.clone(), index, Duration::from_secs(30));
                let credentials = Credentials::new(clock.clone(), Environment::default(), vec![Arc::new(keychain)]);
                credentials.put(&id(NAME), Simulator::TELNYX_KEY.into()).await.unwrap();
                let checks = credentials.test_in(&id(NAME), &plan).await.unwrap();
                assert!(checks.len() > 1 && checks.iter().all(|check| check.ok), "{checks:?}");

                // Opened.
                let connections = Connections::of_environment(&plan, None)
                    .with_keys(&plan, &credentials)
                    .await;
                let targets = connect::targets(&plan, &connections, &Kits::Nowhere, &clock)
                    .await
                    .unwrap();
                targets[0].preflight().await.unwrap();

                desk.lock();
                assert_eq!(credentials.load(&id(NAME)).await.unwrap_err().code(), "secret.locked");
                // Who opens it only now is told what to do.
                let late = Connections::of_environment(&plan, None)
                    .with_keys(&plan, &credentials)
                    .await;
                let late = connect::targets(&plan, &late, &Kits::Nowhere, &clock)
                    .await
                    .err()
                    .unwrap();
                let says = late.to_string();
                assert!(
                    says.contains("unlock it") && says.contains("TIMONEL_KEY_TELNYX_PRODUCCION"),
                    "{says}"
                );

                let in_force = |application: &str| simulator.telnyx().unwrap().url_in_force(application).unwrap();
                assert_ne!(in_force(&way.canary), in_force(&way.stable));
                let goal = Goal::lower(Weight::ZERO, Generation { epoch: 1, revision: 1 });
                let lever = targets[0].instant_lever(&goal).unwrap();
                let operation = targets[0].start(&lever).await.unwrap();
                let done = timonel_testkit::process::until(Duration::from_secs(30), async || {
                    let progress = targets[0].poll(&operation).await.unwrap();
                    (progress == Progress::Done && in_force(&way.canary) == in_force(&way.stable)).then_some(())
                });
                assert!(done.await.is_some(), "new calls go to stable");
                assert_eq!(
                    desk.files_with(Simulator::TELNYX_KEY),
                    [""; 0].map(std::path::PathBuf::from)
                );
            },
        );
    }
}
