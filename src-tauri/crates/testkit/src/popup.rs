//! The contract of whoever shows popups: what `bridge::popups` relies on, whichever desk it is.
//!
//! Wants an empty desk that can everything. Panics where the contract is broken, and names the rule.

use std::time::Duration;

use async_trait::async_trait;
use timonel_ports::clock::{SystemClock, within};
use timonel_ports::mailbox::Receiver;
use timonel_ports::popup::{Action, ActionId, Capabilities, Gone, Heard, Outcome, Popup, PopupKey, Popups, Urgency};

use crate::process::until;

/// How long a desk may take on a loaded machine.
const SOON: Duration = Duration::from_secs(30);

/// What a person sees of a desk and does there.
#[async_trait]
pub trait Screen: Sync {
    /// How many popups stand.
    async fn standing(&self) -> usize;

    /// Presses the first button that is called so.
    async fn press(&self, label: &str);

    /// Puts the newest popup away without an answer.
    async fn put_away(&self);
}

/// A popup with two buttons, `Reconocer` (`acknowledge`) and `Abrir` (`open`).
pub fn popup(key: &str, urgency: Urgency, body: &str) -> Popup {
    let action = |id, label: &str| Action {
        id: ActionId(id),
        label: label.to_owned(),
    };
    Popup {
        key: PopupKey::new(key),
        urgency,
        title: format!("título de {key}"),
        body: body.to_owned(),
        actions: vec![action("acknowledge", "Reconocer"), action("open", "Abrir")],
    }
}

/// The next thing that is heard; panics where nothing is for half a minute.
pub async fn next(heard: &mut Receiver<Heard>) -> Heard {
    let clock = SystemClock::shared();
    let next = within(&*clock, SOON, heard.recv()).await;
    next.expect("something is heard").expect("somebody is there to tell")
}

/// Waits until so many popups stand.
pub async fn standing(screen: &impl Screen, count: usize, rule: &str) {
    let mut seen = 0;
    let look = async || {
        seen = screen.standing().await;
        (seen == count).then_some(())
    };
    let there = until(SOON, look).await;
    assert!(there.is_some(), "{rule}: {count} popups were expected, {seen} stand");
}

/// The whole contract. Leaves the desk empty.
pub async fn contract(popups: &dyn Popups, heard: &mut Receiver<Heard>, screen: &impl Screen) {
    let Capabilities { server, shortfalls } = popups.capabilities().await.expect("somebody shows popups");
    assert!(!server.is_empty() && shortfalls.is_empty(), "{server}: {shortfalls:?}");

    let shown = popups.show(popup("uno", Urgency::Critical, "primera")).await;
    assert_eq!(shown, Outcome::Shown);
    standing(screen, 1, "what was shown stands").await;
    let shown = popups.show(popup("uno", Urgency::Critical, "segunda")).await;
    assert_eq!(shown, Outcome::Shown);
    let shown = popups.show(popup("dos", Urgency::Critical, "otra")).await;
    assert_eq!(shown, Outcome::Shown);
    standing(screen, 2, "one popup a key, changed in place").await;

    popups.close(&PopupKey::new("dos")).await;
    standing(screen, 1, "what was closed is gone").await;
    popups.close(&PopupKey::new("dos")).await;
    popups.close(&PopupKey::new("nunca")).await;

    screen.press("Reconocer").await;
    let pressed = Heard::Pressed {
        key: PopupKey::new("uno"),
        action: ActionId("acknowledge"),
    };
    assert_eq!(next(heard).await, pressed, "nothing is heard of what was closed");
    standing(screen, 0, "what was answered is gone").await;

    let shown = popups.show(popup("uno", Urgency::Normal, "tercera")).await;
    assert_eq!(shown, Outcome::Shown, "a key can be used again");
    standing(screen, 1, "and stands again").await;
    screen.put_away().await;
    let gone = Heard::Gone {
        key: PopupKey::new("uno"),
        why: Gone::Dismissed,
    };
    assert_eq!(next(heard).await, gone, "put away is no answer");
    standing(screen, 0, "what was put away is gone").await;
}
