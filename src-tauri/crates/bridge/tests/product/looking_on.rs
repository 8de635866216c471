//! A window that looks on at a shared PostgreSQL server while an engine somewhere has the helm: it shows what that one does beside
//! signals that it reads itself, its orders go there and their answers come back, and a rollback is done from here where nobody else
//! does it, or the server is away.

use std::sync::Arc;

use timonel_bridge::berth::{Berth, Moorings};
use timonel_bridge::console::{Asker, Keys, Surface};
use timonel_bridge::credentials::Credentials;
use timonel_bridge::desk::HelmKeeper;
use timonel_domain::value::Person;
use timonel_ports::clock::SystemClock;
use timonel_ports::secrets::Secrets;
use timonel_testkit::process::until;
use timonel_vault::{Environment, Session};
use timonel_wire::{Freshness, HoldName, LookingOn, Order, Picture, Receipt, StageKind, WireError};

use crate::commanded::Shore;
use crate::standing::PATIENCE;

/// A window at a desk of its own.
struct Window(Berth);

impl Window {
    async fn of(shore: &Shore) -> Self {
        let clock = SystemClock::shared();
        let session: Arc<dyn Secrets> = Arc::new(Session::new(clock.clone()));
        let berth = Berth::new(Moorings {
            home: shore.world.home().join("ventana"),
            store: Some(shore.url.clone()),
            helm: HelmKeeper::Store,
            kubeconfig: Some(shore.world.kubeconfig()),
            program: "ventana",
            keys: Keys::new(Credentials::new(clock, Environment::new([]), vec![session])),
            speed: None,
            virtual_operator: false,
        });
        berth.begin(None).await;
        Self(berth)
    }

    async fn order(&self, order: Order) -> Result<Receipt, WireError> {
        let console = self.0.console().await.unwrap();
        let person = Person::new("luz").unwrap();
        let asker = Asker {
            surface: Surface::Main,
            person,
        };
        console.order(&asker, &console.picture().aim(), order).await
    }

    fn picture(&self) -> Arc<Picture> {
        self.0.picture().expect("a picture")
    }

    async fn until(&self, what: &str, fits: impl Fn(&Picture, &LookingOn) -> bool) -> Arc<Picture> {
        let seen = until(PATIENCE, async || {
            let picture = self.picture();
            let looking_on = picture.environment.looking_on.clone().expect("it only looks on");
            fits(&picture, &looking_on).then_some(picture)
        });
        match seen.await {
            Some(picture) => picture,
            None => panic!("no {what}: {:#?}", self.picture()),
        }
    }
}

fn freeze() -> Order {
    Order::Freeze {
        reason: "voy a mirar".to_owned(),
    }
}

fn is_live(picture: &Picture) -> bool {
    picture.sources.iter().all(|source| source.freshness == Freshness::Live)
}

fn newest(picture: &Picture) -> i64 {
    picture
        .sources
        .iter()
        .filter_map(|source| source.newest_at)
        .max()
        .expect("readings")
}

fn accepted(picture: &Picture) -> Vec<Option<u16>> {
    picture.targets.iter().map(|target| target.accepted).collect()
}

/// Arms, once the engine has read every signal, and starts.
async fn bakes(window: &Window, shore: &Shore) {
    let armed = until(PATIENCE, async || {
        (window.order(Order::Arm).await == Ok(Receipt::Taken)).then_some(())
    });
    assert!(armed.await.is_some(), "{:?}", window.order(Order::Arm).await);
    assert_eq!(window.order(Order::Start).await, Ok(Receipt::Taken));
    window
        .until("weight", |p, _| accepted(p) == [Some(2500), Some(10_000)])
        .await;
    assert_eq!(shore.world.weights(), [25, 100]);
}

#[test]
fn a_window_shows_what_another_program_leads_and_puts_back_while_the_store_is_away() {
    let ours = crate::played::runtime();
    let Some(mut shore) = Shore::start(&ours) else { return };
    ours.block_on(async {
        shore.open();
        let window = Window::of(&shore).await;
        let alone = window.until("word that nobody watches", |_, seen| seen.unled).await;
        assert_eq!((alone.rollout.stage, &alone.rollout.helm), (StageKind::Draft, &None));
        assert!(!window.0.is_needed(), "nobody has to go on looking");

        let _engine = shore.engine("motor-a").await;
        let led = window
            .until("helm", |p, seen| !seen.unled && p.rollout.helm.is_some())
            .await;
        let helm = led.rollout.helm.as_ref().unwrap();
        assert!(helm.by.starts_with("motor-a") && !helm.here, "{helm:?}");
        bakes(&window, &shore).await;
        let baking = window.until("live signals", |p, _| is_live(p)).await;
        assert_eq!(baking.rollout.stage, StageKind::Baking);
        assert!(!baking.journal.is_empty() && baking.phases[0].entered_at.is_some());

        assert_eq!(window.order(freeze()).await, Ok(Receipt::Taken));
        window.until("hold", |p, _| p.rollout.frozen).await;
        let WireError(refused) = window.order(Order::Start).await.unwrap_err();
        assert!(refused.code.starts_with("rejection-"), "{refused:?}");
        let release = Order::Release {
            hold: HoldName::Operator,
            reason: "visto".to_owned(),
        };
        assert_eq!(window.order(release).await, Ok(Receipt::Taken));
        window.until("release", |p, _| !p.rollout.frozen).await;
        let writers = shore.writers().await;
        assert!(writers.iter().all(|by| by.starts_with("motor-a")), "{writers:?}");

        shore.server.kill();
        let lost = window.until("loss", |_, seen| seen.lost).await;
        assert_eq!(accepted(&lost), [Some(2500), Some(10_000)], "what was seen last stays");
        let seen = newest(&lost);
        window.until("new signals", |p, _| newest(p) > seen && is_live(p)).await;
        let WireError(unsent) = window.order(freeze()).await.unwrap_err();
        assert_eq!(unsent.code, "error-sent", "{unsent:?}");
        assert_eq!(
            window.order(Order::RollBack { confirmed: false }).await,
            Ok(Receipt::Taken)
        );
        let back = window
            .until("rollback from the kit", |p, seen| {
                seen.from_kit && p.rollout.stage == StageKind::RolledBack && accepted(p) == [Some(0), Some(0)]
            })
            .await;
        assert!(back.environment.looking_on.as_ref().unwrap().lost);
        assert_eq!(shore.world.weights(), [0, 0]);

        shore.server.resume().await.unwrap();
        let told = window
            .until("the journal's word of it", |p, seen| {
                !seen.lost && !seen.from_kit && p.rollout.latched.is_some() && accepted(p) == [Some(0), Some(0)]
            })
            .await;
        assert!(told.rollout.cause.is_some());
        assert_eq!(shore.world.weights(), [0, 0]);
        window.0.close().await;
    });
}

#[test]
fn a_window_takes_the_helm_only_for_a_rollback_that_nobody_else_does() {
    let ours = crate::played::runtime();
    let Some(shore) = Shore::start(&ours) else { return };
    ours.block_on(async {
        shore.open();
        let engine = shore.engine("motor-a").await;
        let window = Window::of(&shore).await;
        bakes(&window, &shore).await;

        engine.signal("STOP");
        let pressed = window.order(Order::RollBack { confirmed: false });
        assert_eq!(pressed.await, Ok(Receipt::Taken));
        window
            .until("rollback", |p, _| {
                p.rollout.latched.is_some() && accepted(p) == [Some(0), Some(0)]
            })
            .await;
        assert_eq!(shore.world.weights(), [0, 0]);
        let by: Vec<_> = shore.rollbacks().await.into_iter().map(|(by, _)| by).collect();
        assert!(matches!(&by[..], [only] if !only.starts_with("motor-a")), "{by:?}");

        // Nobody does what is no rollback, and that is told.
        let reset = Order::Reset {
            reason: "visto".to_owned(),
        };
        let WireError(unheard) = window.order(reset).await.unwrap_err();
        assert_eq!(unheard.code, "error-sent-unheard", "{unheard:?}");
        engine.signal("CONT");
        window.0.close().await;
    });
}
