//! The console on the simulator, as a window has it: values move, orders work, batches keep to their beat, rights hold.

use std::time::Duration;

use timonel_bridge::Speed;
use timonel_bridge::console::{Asker, Console, Opening, Surface, Watch};
use timonel_domain::value::Person;
use timonel_ports::clock::{SystemClock, sleep, within};
use timonel_wire::{Aim, Arg, Order, Picture, Receipt, RoleName, StageKind, WireError};

/// Nothing here takes longer on a machine that does anything else at all.
const PATIENCE: Duration = Duration::from_secs(120);
/// A minute of the rollout in half a second.
const SPEED: f64 = 120.0;

fn asker(surface: Surface) -> Asker {
    let person = Person::new("guardia").expect("a good name");
    Asker { surface, person }
}

async fn open(folder: &tempfile::TempDir, speed: f64) -> Console {
    let mut opening = Opening::simulator(folder.path().to_owned()).expect("sound files");
    opening.speed = Speed::Times(speed);
    Console::open(opening).await.expect("a console")
}

/// A page: it knows only what batches told it.
struct Page {
    watch: Watch,
    picture: Picture,
}

impl Page {
    async fn of(console: &Console) -> Self {
        let mut watch = console.watch();
        let first = watch.next().await.expect("the first");
        let mut picture = (*console.picture()).clone();
        picture.apply(first);
        Self { watch, picture }
    }

    /// Waits until what it was told fits.
    async fn until(&mut self, what: &str, fits: impl Fn(&Picture) -> bool) {
        let clock = SystemClock::shared();
        let waiting = async {
            while !fits(&self.picture) {
                let batch = self.watch.next().await.expect("a batch");
                self.picture.apply(batch);
            }
        };
        let ended = within(&*clock, PATIENCE, waiting).await;
        assert!(ended.is_ok(), "{what}: {:#?}", self.picture);
    }
}

fn may(picture: &Picture, order: &str) -> bool {
    picture.rollout.may.iter().any(|name| name == order)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_steers_it_and_puts_everything_back() {
    let folder = tempfile::tempdir().unwrap();
    let console = open(&folder, SPEED).await;
    let (main, wall) = (asker(Surface::Main), asker(Surface::Wallboard));
    let mut page = Page::of(&console).await;
    let aim = page.picture.aim();
    assert!(page.picture.environment.simulated);
    assert_eq!(page.picture.rollout.stage, StageKind::Draft);
    assert_eq!(page.picture.targets.len(), 2);
    assert!(
        page.picture
            .targets
            .iter()
            .all(|t| !t.kind.is_empty() && t.place.code.starts_with("place-"))
    );

    let refused = console.order(&wall, &aim, Order::SignAll).await.unwrap_err();
    assert_eq!(refused.0.code, "error-read-only");
    let early = console.order(&main, &aim, Order::Start).await.unwrap_err();
    assert_eq!(early.0.code, "rejection-stage");

    assert_eq!(console.order(&main, &aim, Order::SignAll).await, Ok(Receipt::Taken));
    page.until("signed", |p| {
        p.checklists.iter().all(|l| l.signed_by.as_deref() == Some("guardia"))
    })
    .await;
    let fresh = |p: &Picture| p.sources.iter().all(|s| s.freshness == timonel_wire::Freshness::Live);
    page.until("live sources", fresh).await;
    assert_eq!(console.order(&main, &aim, Order::Arm).await, Ok(Receipt::Taken));
    page.until("armed", |p| p.rollout.stage == StageKind::Armed && may(p, "start"))
        .await;
    assert_eq!(console.order(&main, &aim, Order::Start).await, Ok(Receipt::Taken));
    let splitter = |p: &Picture| {
        p.targets
            .iter()
            .find(|t| t.role == RoleName::Splitter)
            .cloned()
            .unwrap()
    };
    page.until("calls on the canary", |p| {
        splitter(p).observed.is_some_and(|weight| weight > 0) && p.emergency.from > 0 && p.emergency.possible
    })
    .await;
    assert!(page.picture.phases[0].entered_at.is_some());

    let pressed = console
        .order(&asker(Surface::Browser), &aim, Order::RollBack { confirmed: false })
        .await;
    assert_eq!(pressed, Ok(Receipt::Taken));
    page.until("four marks", |p| {
        let marks = splitter(p).marks;
        marks.accepted.is_some() && marks.read_back.is_some() && marks.seen.is_some() && marks.drained.is_some()
    })
    .await;
    assert!(page.picture.rollout.latched.is_some());
    assert_eq!(splitter(&page.picture).accepted, Some(0));

    let alert = page
        .picture
        .alerts
        .iter()
        .find(|a| a.sentence.code == "notice-rollback-started")
        .cloned();
    let alert = alert.expect("the alert of the rollback");
    let refused = console.acknowledge(&wall, &aim, &alert.id, "").await.unwrap_err();
    assert_eq!(refused.0.code, "error-read-only");
    let unknown = console.acknowledge(&main, &aim, "0.0", "").await.unwrap_err();
    assert_eq!(unknown.0.code, "error-unknown-alert");
    console.acknowledge(&main, &aim, &alert.id, "voy yo").await.unwrap();
    page.until("acknowledged", |p| {
        let seen = p
            .alerts
            .iter()
            .find(|a| a.id == alert.id)
            .and_then(|a| a.acknowledged.clone());
        let line = p.journal.iter().any(|line| line.sentence.code == "acknowledged");
        line && seen.is_some_and(|seen| seen.by == "guardia" && seen.comment == "voy yo")
    })
    .await;

    let to = page.picture.at;
    let lines = console.series("errores-10", 40, to - 3_600_000, to).await.unwrap();
    let canary = lines
        .iter()
        .find(|l| l.side == timonel_wire::SideName::Canary && l.signal == "errores");
    let stable = lines
        .iter()
        .find(|l| l.side == timonel_wire::SideName::Stable && l.signal == "errores")
        .unwrap();
    assert!(canary.is_some(), "{lines:?}");
    let values = stable.points.iter().filter(|p| p.1.is_some()).count();
    assert!((2..=80).contains(&values), "{stable:?}");
    let picture = timonel_wire::PictureAsk {
        what: timonel_wire::PictureOf::Rule {
            rule: "errores-10".to_owned(),
        },
        format: timonel_wire::PictureFormat::Svg,
        dark: false,
        language: "en-GB".to_owned(),
        zone_minutes: -300,
    };
    let drawn = console.picture_file(&picture).await.unwrap();
    let text = String::from_utf8(drawn.bytes).unwrap();
    assert!(text.contains("Errors") && text.contains("UTC−5"), "{text}");
    assert!(
        drawn.name.starts_with("ivr-texml-error-rate-") && drawn.name.ends_with(".svg"),
        "{}",
        drawn.name
    );
    let phases = timonel_wire::PictureAsk {
        what: timonel_wire::PictureOf::Timeline,
        format: timonel_wire::PictureFormat::Png,
        ..picture
    };
    let drawn = console.picture_file(&phases).await.unwrap();
    assert!(drawn.bytes.starts_with(b"\x89PNG"), "{}", drawn.name);
    let unknown = console.series("nada", 40, 0, 1).await.unwrap_err();
    assert_eq!(unknown.0.code, "error-unknown-rule");
    console.close().await;
    assert_eq!(
        console.order(&main, &aim, Order::Drill).await.unwrap_err().0.code,
        "error-gone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_meant_for_another_rollout_is_refused_and_nothing_happens() {
    let folder = tempfile::tempdir().unwrap();
    let console = open(&folder, SPEED).await;
    let main = asker(Surface::Main);
    let mut page = Page::of(&console).await;
    let aim = page.picture.aim();
    assert_eq!(
        (aim.rollout.as_str(), aim.environment.as_str()),
        ("ensayo", "simulador")
    );
    assert_eq!(console.order(&main, &aim, Order::SignAll).await, Ok(Receipt::Taken));
    page.until("live sources", |p| {
        p.sources.iter().all(|s| s.freshness == timonel_wire::Freshness::Live)
    })
    .await;
    assert_eq!(console.order(&main, &aim, Order::Arm).await, Ok(Receipt::Taken));
    page.until("armed", |p| may(p, "drill")).await;
    assert_eq!(console.order(&main, &aim, Order::Drill).await, Ok(Receipt::Taken));
    page.until("drilled", |p| p.emergency.last_drill.is_some() && may(p, "start"))
        .await;
    assert_eq!(console.order(&main, &aim, Order::Start).await, Ok(Receipt::Taken));
    page.until("the alert of the drill, and calls on the canary", |p| {
        !p.alerts.is_empty() && p.emergency.from > 0 && p.emergency.possible
    })
    .await;
    let alert = page.picture.alerts[0].id.clone();

    let (rollout, environment) = (aim.rollout.clone(), aim.environment.clone());
    let others = [
        Aim {
            rollout: "ivr-texml-2026-11-22".to_owned(),
            environment,
        },
        // The simulator's own id, in a real environment.
        Aim {
            rollout,
            environment: "produccion".to_owned(),
        },
    ];
    for other in &others {
        let press = console.order(&main, other, Order::RollBack { confirmed: false }).await;
        let freeze = Order::Freeze {
            reason: "por si acaso".to_owned(),
        };
        let freeze = console.order(&main, other, freeze).await;
        let seen = console.acknowledge(&main, other, &alert, "visto").await;
        let refused = [press.map(drop), freeze.map(drop), seen].map(|answer| answer.expect_err("it was for another"));
        for WireError(why) in refused {
            assert_eq!(why.code, "error-other-rollout");
            let told = ["rollout", "environment", "open", "place"].map(|name| why.args[name].clone());
            let expected = [&other.rollout, &other.environment, &aim.rollout, &aim.environment].map(Arg::text);
            assert_eq!(told, expected);
        }
    }
    // Whatever had been heard before this would be seen with it: commands are taken in their order.
    console.acknowledge(&main, &aim, &alert, "ahora sí").await.unwrap();
    page.until("acknowledged", |p| {
        let seen = p.alerts.iter().find(|a| a.id == alert);
        seen.is_some_and(|a| a.acknowledged.as_ref().is_some_and(|by| by.comment == "ahora sí"))
    })
    .await;
    let now = &page.picture;
    assert!(
        !now.rollout.frozen && now.rollout.latched.is_none(),
        "{:?}",
        now.rollout
    );
    assert!(now.emergency.from > 0 && now.emergency.possible, "{:?}", now.emergency);

    let press = Order::RollBack { confirmed: false };
    assert_eq!(console.order(&main, &aim, press).await, Ok(Receipt::Taken));
    page.until("it is put back", |p| p.rollout.latched.is_some()).await;
    console.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_keep_to_their_beat_and_nothing_comes_while_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let console = open(&folder, 10.0).await;
    let clock = SystemClock::shared();
    let mut watch = console.watch();
    let first = watch.next().await.unwrap();
    assert!(
        first.sections.environment.is_some() && first.sections.board.is_some(),
        "the first is everything"
    );
    let begun = clock.mono();
    let mut last = first.revision;
    for _ in 0..5 {
        let batch = watch.next().await.unwrap();
        assert!(batch.revision > last);
        assert!(
            batch.sections.tenants.is_none() && batch.sections.checklists.is_none(),
            "what did not change does not cross"
        );
        last = batch.revision;
    }
    let took = clock.mono().saturating_since(begun);
    assert!(took >= Duration::from_millis(2400), "{took:?} for five batches");

    let curtain = watch.curtain();
    curtain.draw(true);
    let missed = async {
        while console.picture().revision < last + 3 {
            sleep(&*clock, Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        biased;
        batch = watch.next() => panic!("nobody looks: {batch:?}"),
        () = missed => {}
    }
    curtain.draw(false);
    let after = watch.next().await.unwrap();
    assert!(
        after.revision >= last + 3,
        "one batch for all that was missed: {} after {last}",
        after.revision
    );
    console.close().await;
    // What was painted last may still come; after that there is nothing.
    let over = within(&*clock, PATIENCE, async { while watch.next().await.is_some() {} }).await;
    assert!(over.is_ok());
}
