//! The simulated Telnyx over real sockets: what it shows and writes, jobs, limits, where calls go, faults, virtual time.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]
#![allow(unreachable_pub, reason = "the modules of a test are seen by nobody else")]

mod account;
mod faults;
mod jobs;
mod limits;
mod numbers;
mod plane;
mod stage;
