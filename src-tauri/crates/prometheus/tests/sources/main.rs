//! Both sources against servers on loopback sockets that say exactly what a test wants them to say, at a time it chooses.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod fake;
mod fuzz;
mod scrape;
mod server;
