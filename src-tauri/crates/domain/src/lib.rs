//! Pure rules: phases, gates, rules, the rollout state machine. No I/O, no clock, no floating point in state.

pub mod backtest;
pub mod board;
pub mod evidence;
#[cfg(test)]
mod fixture;
pub mod metric;
pub mod plan;
pub mod rollout;
pub mod rule;
pub mod sample;
pub mod time;
pub mod value;
pub mod window;
