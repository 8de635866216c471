//! The evidence against reference values, and the properties that it must have.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod golden;
mod monte_carlo;
mod others;
mod power;
mod properties;
mod starts;
