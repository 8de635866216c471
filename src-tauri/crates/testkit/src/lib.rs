//! Contract suites for ports and a process harness; used only from tests/ of adapters, bridge and root.

pub mod target;

pub mod popup;
pub mod process;
pub mod secrets;
pub mod store;
