//! The console's side of the desk's popups: how they stand, for the picture, and whom to ask for a test.

use std::sync::{Arc, Mutex};

use timonel_ports::clock::SharedClock;
use timonel_ports::mailbox::{Sender, answer};
use timonel_wire::{PopupsState, WireError};

use super::{Asker, Console, lock};
use crate::popups::Test;

/// Where whoever follows the console with popups sits; empty where the host has none.
#[derive(Debug, Clone, Default)]
pub(crate) struct PopupSeat(Arc<Mutex<Seat>>);

#[derive(Debug, Default)]
struct Seat {
    state: PopupsState,
    tests: Option<Sender<Test>>,
}

impl PopupSeat {
    /// Somebody sits down, who shows a test popup when asked to.
    pub(crate) fn attend(&self, tests: Sender<Test>) {
        lock(&self.0).tests = Some(tests);
    }

    /// How the popups stand, from the next picture on.
    pub(crate) fn stand(&self, state: PopupsState) {
        lock(&self.0).state = state;
    }

    /// Nobody shows popups any more.
    pub(crate) fn leave(&self) {
        *lock(&self.0) = Seat::default();
    }

    /// How they stand.
    pub(super) fn state(&self) -> PopupsState {
        lock(&self.0).state.clone()
    }

    async fn test(&self, desk: &SharedClock) -> Result<(), WireError> {
        let none = || WireError::new("error-no-popups");
        let tests = lock(&self.0).tests.clone().ok_or_else(none)?;
        let (reply, answer) = answer(desk);
        tests.send(reply).map_err(|_| none())?;
        answer.recv().await.map_err(|_| none())?
    }
}

impl Console {
    /// Shows a test popup at the desk, whose button the person there has to press; refused where the host has no popups. That
    /// it is answered says that the popup stands; who pressed it is in the picture.
    pub async fn test_popup(&self, by: &Asker) -> Result<(), WireError> {
        by.may_act()?;
        self.0.popups.test(&self.0.desk).await
    }

    /// Where whoever shows popups sits down.
    pub(crate) fn popup_seat(&self) -> &PopupSeat {
        &self.0.popups
    }
}
