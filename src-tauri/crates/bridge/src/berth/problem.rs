//! Why something could not be opened, as it crosses to a window: a code whose sentence says what to do next.

use timonel_engine::EngineError;
use timonel_ports::helm::HelmError;
use timonel_wire::{Arg, Sentence, WireError};

use crate::BridgeError;

/// The error as a window is told of it.
pub(super) fn told_to_window(error: BridgeError) -> WireError {
    let why = |code: &str, why: &dyn std::fmt::Display| Sentence::new(code).with("why", Arg::text(why));
    let sentence = match &error {
        BridgeError::NoKey {
            account,
            credential,
            variable,
            ..
        } => Sentence::new("error-open-no-key")
            .with("account", Arg::text(account))
            .with("credential", Arg::text(credential))
            .with("variable", Arg::text(variable)),
        BridgeError::KeyOutOfReach {
            account,
            credential,
            variable,
            why: said,
        } => why("error-open-key-out-of-reach", said)
            .with("account", Arg::text(account))
            .with("credential", Arg::text(credential))
            .with("variable", Arg::text(variable)),
        BridgeError::Connect { what, why: said } => why("error-open-connect", said).with("what", Arg::text(what)),
        BridgeError::Store(error) => why("error-open-store", error),
        BridgeError::Engine(EngineError::Helm(HelmError::Held(held))) => {
            Sentence::new("error-open-helm").with("by", Arg::text(held.by.as_str()))
        }
        BridgeError::Engine(error) => why("error-open-engine", error),
        BridgeError::Command(error) => why("error-open-store", error),
        BridgeError::Unheard { .. } | BridgeError::Unsettled { .. } | BridgeError::TooLong | BridgeError::Gone => {
            Sentence::new("error-gone")
        }
        BridgeError::Simulator(said) => why("error-open-simulator", said),
        BridgeError::Unknown { name, .. } => Sentence::new("error-open-unknown").with("name", Arg::text(name)),
        BridgeError::Folder { place, why: said } => why("error-open-folder", said).with("place", Arg::text(place)),
        BridgeError::Unsound { findings } => why("error-open-plan-broken", findings),
        BridgeError::Plan { plan, why: said } => why("error-open-plan-kept", said).with("plan", Arg::text(plan)),
    };
    WireError(sentence)
}
