//! The simulated Kubernetes API over real sockets: golden answers, locks, watches, faults, virtual time, a real kubectl.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]
#![allow(unreachable_pub, reason = "the modules of a test are seen by nobody else")]

mod api;
mod client;
mod faults;
mod golden;
mod kubectl;
mod watches;
