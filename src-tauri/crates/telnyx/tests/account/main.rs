//! The client of an account against small servers that behave in one way each, and against the official contract.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod answers;
mod breaker;
mod budget;
mod checks;
mod contract;
mod fake;
mod fuzz;
mod lists;
mod secrets;
