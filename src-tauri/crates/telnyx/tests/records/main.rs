//! The source of records against a small server that keeps records as the official contract shapes them, at times that a
//! test chooses.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod arms;
mod fake;
mod faults;
mod kinds;
mod rows;
mod windows;
