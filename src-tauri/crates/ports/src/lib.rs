//! What the engine needs of the world: traits and their plain types.
//!
//! Deliberately not here: any implementation but the system clock, the in-process command queue and what a kit is in a file.

pub mod checkpoint;
pub mod clock;
pub mod commands;
pub mod helm;
pub mod kit;
pub mod mailbox;
pub mod popup;
pub mod secrets;
pub mod signal;
pub mod store;
pub mod target;
pub mod task;
