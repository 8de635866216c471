//! The product proved from outside: whole rehearsals of the shipped plan, real Prometheus beside the simulator's, and
//! other processes that put traffic back.
//!
//! One binary, since every test links everything. What one adapter does on its own is tested beside it.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod adrift;
mod backtest;
mod berth;
mod commanded;
mod damaged;
mod damaged_leaf;
mod headless;
mod killed;
mod kit_knows;
mod live;
mod looking_on;
mod metrics_gone;
mod numbers;
mod played;
mod prometheus;
mod same_seed;
mod shift;
mod shipped;
mod standing;
mod taken_up;
mod taken_up_numbers;
