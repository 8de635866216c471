//! A whole fake world behind real sockets: calls, cluster, metrics, faults, virtual time.
//!
//! [`simulator::Simulator`] is all of it, started for a scenario; the modules are its parts. No adapter knows of it.

pub mod cluster;
pub mod metrics;
mod player;
mod request;
mod serve;
pub mod simulator;
pub mod telnyx;
pub mod time;
pub mod world;
