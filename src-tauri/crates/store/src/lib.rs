//! SQLite and PostgreSQL behind the Store port.
//!
//! The tables are in `migrations/`; every statement is written once, in `statement.rs`, for both databases, and run over
//! the pools of the one that is open (`link.rs`). Waiting for a database counts as work on the clock, because virtual time
//! cannot see it.
//!
//! Deliberately not here: what is decided from what is kept, and from which age on it is put together.

mod address;
mod checkpoint;
mod command;
mod damage;
mod database;
mod fault;
mod helm;
mod journal;
mod kit;
mod link;
mod news;
mod postgres;
mod rollout;
mod rollup;
mod room;
mod sample;
mod sqlite;
mod statement;
mod unit;

pub use address::Address;
pub use command::{OrderFeed, Orders};
pub use database::{Access, Database, open};
pub use kit::{KitStore, MergeError, Merged, merge};
pub use news::News;
pub use room::{Disk, Left, Parts, Room};

/// The embedded store, where only that is meant.
pub type Sqlite = Database;

#[cfg(test)]
mod tests;
