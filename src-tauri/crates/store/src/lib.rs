//! SQLite and (with a later issue) PostgreSQL behind the Store port.
//!
//! The tables are in `migrations/`; every statement is written once, in `statement.rs`, for both databases.
//! Waiting for a database counts as work on the clock, because virtual time cannot see it.
//!
//! Deliberately not here: what is decided from what is kept, and retention.

mod sqlite;
mod statement;

pub use sqlite::{Access, Sqlite};
