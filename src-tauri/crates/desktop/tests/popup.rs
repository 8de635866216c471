//! Popups on a real dunst on a bus of its own, on desks that lack something, and on none.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::collections::HashMap;
use std::time::Duration;

use timonel_desktop::DeskPopups;
use timonel_ports::clock::SystemClock;
use timonel_ports::popup::{ActionId, Gone, Heard, Outcome, PopupError, PopupKey, Popups, Shortfall, Urgency};
use timonel_testkit::popup::{Screen, contract, next, popup, standing};
use timonel_testkit::process::dunst::Dunst;
use timonel_testkit::process::keyring::at_a_desk;
use timonel_testkit::process::until;
use zbus::zvariant::OwnedValue;

const SOON: Duration = Duration::from_secs(30);

#[test]
fn the_contract_on_a_real_dunst() {
    at_a_desk("the_contract_on_a_real_dunst", async |desk| {
        let Some(dunst) = Dunst::start(desk).await else { return };
        let (popups, mut heard) = DeskPopups::new(&SystemClock::shared());
        contract(&popups, &mut heard, &dunst).await;
    });
}

#[test]
fn what_the_desk_receives_of_a_popup() {
    at_a_desk("what_the_desk_receives_of_a_popup", async |desk| {
        let Some(dunst) = Dunst::start(desk).await else { return };
        let (popups, _heard) = DeskPopups::new(&SystemClock::shared());
        for (urgency, body) in [
            (Urgency::Critical, "El <b>nuevo</b> falla & sigue"),
            (Urgency::Critical, "Ya son ñ"),
            (Urgency::Low, "Resuelta"),
        ] {
            assert_eq!(popups.show(popup("uno", urgency, body)).await, Outcome::Shown);
        }
        let all = until(SOON, async || Some(dunst.received()).filter(|all| all.len() == 3))
            .await
            .unwrap();
        let seen: Vec<_> = all
            .iter()
            .map(|p| (p.urgency.as_str(), p.timeout.as_str(), p.body.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("CRITICAL", "0", "El <b>nuevo</b> falla & sigue"),
                ("CRITICAL", "0", "Ya son ñ"),
                ("LOW", "10000", "Resuelta"),
            ]
        );
        assert!(
            all.iter().all(|p| p.id == all[0].id && p.title == "título de uno"),
            "{all:?}"
        );
    });
}

#[test]
fn a_desk_that_nobody_serves_is_told_of_and_served_as_soon_as_somebody_does() {
    let name = "a_desk_that_nobody_serves_is_told_of_and_served_as_soon_as_somebody_does";
    at_a_desk(name, async |desk| {
        let (popups, mut heard) = DeskPopups::new(&SystemClock::shared());
        let failed = popups.show(popup("uno", Urgency::Critical, "a")).await;
        assert!(
            matches!(&failed, Outcome::Failed(PopupError::NoServer { said }) if !said.is_empty()),
            "{failed:?}"
        );
        assert_eq!(popups.capabilities().await.unwrap_err().code(), "no-server");

        let Some(mut dunst) = Dunst::start(desk).await else {
            return;
        };
        assert_eq!(popups.show(popup("uno", Urgency::Critical, "b")).await, Outcome::Shown);
        assert_eq!(popups.show(popup("dos", Urgency::Critical, "c")).await, Outcome::Shown);
        // It crashes, and all that stood is gone with it.
        dunst.end();
        let mut lost = vec![next(&mut heard).await, next(&mut heard).await];
        lost.sort_by_key(|heard| format!("{heard:?}"));
        let gone = |key| Heard::Gone {
            key: PopupKey::new(key),
            why: Gone::Lost,
        };
        assert_eq!(lost, [gone("dos"), gone("uno")]);
        assert_eq!(popups.capabilities().await.unwrap_err().code(), "no-server");
        dunst.begin().await;
        assert_eq!(popups.show(popup("uno", Urgency::Critical, "d")).await, Outcome::Shown);
        standing(&dunst, 1, "the new one shows what is shown now").await;
        dunst.press("Abrir").await;
        let pressed = Heard::Pressed {
            key: PopupKey::new("uno"),
            action: ActionId("open"),
        };
        assert_eq!(next(&mut heard).await, pressed);
    });
}

#[test]
fn a_desk_that_hangs_is_told_of_and_leaves_no_popup_behind_that_nobody_hears() {
    let name = "a_desk_that_hangs_is_told_of_and_leaves_no_popup_behind_that_nobody_hears";
    at_a_desk(name, async |desk| {
        let Some(dunst) = Dunst::start(desk).await else { return };
        let (popups, mut heard) = DeskPopups::new(&SystemClock::shared());
        popups.capabilities().await.unwrap();
        dunst.hang();
        let failed = popups.show(popup("uno", Urgency::Critical, "tarde")).await;
        assert!(
            matches!(failed, Outcome::Failed(PopupError::Silent { .. })),
            "{failed:?}"
        );
        dunst.go_on();
        // It shows it late, and then it is taken away.
        let late = async || (dunst.received().len() == 1 && dunst.standing().await == 0).then_some(());
        assert!(until(SOON, late).await.is_some(), "{:?}", dunst.received());
        assert_eq!(
            popups.show(popup("uno", Urgency::Critical, "ahora")).await,
            Outcome::Shown
        );
        standing(&dunst, 1, "it is used again").await;
        dunst.press("Reconocer").await;
        assert!(matches!(next(&mut heard).await, Heard::Pressed { .. }));
    });
}

#[test]
fn without_a_bus_there_is_no_popup_and_no_waiting() {
    at_a_desk("without_a_bus_there_is_no_popup_and_no_waiting", async |desk| {
        let (popups, _heard) = DeskPopups::new(&SystemClock::shared());
        std::fs::remove_file(desk.folder().join("run/bus")).unwrap();
        let failed = popups.show(popup("uno", Urgency::Critical, "a")).await;
        assert!(
            matches!(failed, Outcome::Failed(PopupError::NoBus { .. })),
            "{failed:?}"
        );
    });
}

/// Shows popups without buttons, as notify-osd does, and lets anybody on the bus speak.
struct Plain;

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Plain {
    fn get_server_information(&self) -> (&str, &str, &str, &str) {
        ("sencillo", "prueba", "1", "1.2")
    }

    fn get_capabilities(&self) -> Vec<&str> {
        vec!["body"]
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's own")]
    fn notify(
        &self,
        _program: &str,
        replaces: u32,
        _icon: &str,
        title: &str,
        body: &str,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _stands: i32,
    ) -> zbus::fdo::Result<u32> {
        if body.contains("&amp;") {
            return Err(zbus::fdo::Error::Failed("no se esperaba marcado".to_owned()));
        }
        Ok(match replaces {
            0 if title.ends_with("dos") => 8,
            0 => 7,
            replaced => replaced,
        })
    }

    fn close_notification(&self, _id: u32) {}
}

#[test]
fn a_desk_without_buttons_is_named_and_somebody_else_cannot_press_them() {
    let name = "a_desk_without_buttons_is_named_and_somebody_else_cannot_press_them";
    at_a_desk(name, async |_desk| {
        let path = "/org/freedesktop/Notifications";
        let server = zbus::connection::Builder::session().unwrap();
        let server = server.name("org.freedesktop.Notifications").unwrap();
        let server = server.serve_at(path, Plain).unwrap().build().await.unwrap();
        let (popups, mut heard) = DeskPopups::new(&SystemClock::shared());
        let can = popups.capabilities().await.unwrap();
        assert_eq!(
            (can.server.as_str(), can.shortfalls),
            ("sencillo", vec![Shortfall::NoActions])
        );
        let shown = popups.show(popup("uno", Urgency::Critical, "a & b")).await;
        assert_eq!(shown, Outcome::Degraded(Shortfall::NoActions));
        let mut silent = popup("dos", Urgency::Low, "a & b");
        silent.actions.clear();
        assert_eq!(popups.show(silent).await, Outcome::Shown, "it needs no buttons");

        let stranger = zbus::Connection::session().await.unwrap();
        let iface = "org.freedesktop.Notifications";
        for (bus, button) in [(&stranger, "open"), (&server, "acknowledge")] {
            let pressed = (7u32, button);
            bus.emit_signal(None::<&str>, path, iface, "ActionInvoked", &pressed)
                .await
                .unwrap();
            // Answered by the bus itself, which passes on what one sender says in its order.
            let (to, peer) = (Some("org.freedesktop.DBus"), Some("org.freedesktop.DBus.Peer"));
            bus.call_method(to, "/org/freedesktop/DBus", peer, "Ping", &())
                .await
                .unwrap();
        }
        let pressed = Heard::Pressed {
            key: PopupKey::new("uno"),
            action: ActionId("acknowledge"),
        };
        assert_eq!(
            next(&mut heard).await,
            pressed,
            "what a stranger says counts for nothing"
        );
    });
}
