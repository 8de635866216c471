//! The owner loop of a rollout: actuation, verification, recovery.
//!
//! One owner task per rollout holds its state; everything else sends it messages, and it never waits for anything
//! but the next message. What it decides is `domain::rollout::step`; this crate carries the effects out:
//! lowering at once, raising only after the journal has the decision (invariant 5).
//!
//! Deliberately not here: any decision, any protocol, any screen.

mod actuation;
mod arming;
pub mod bulletin;
pub mod command;
mod engine;
mod follower;
mod helm;
mod intents;
mod merges;
mod message;
mod onlooker;
mod owner;
mod recovery;
mod retention;
mod scribe;
mod sight;
#[cfg(test)]
mod tests;
mod traffic;
mod viewer;
mod watch;

pub use bulletin::{Acknowledgement, Bulletin, LookingOn, Manual, Snapshot};
pub use engine::{Engine, EngineError, Handle, Parts};
pub use helm::{Standing, vacant};
pub use onlooker::Onlooker;
pub use recovery::{Answer, EVERY, Listener, Replayed, retell, state_of};
pub use traffic::Observed;
pub use viewer::{View, Viewer};
