//! SQLite and (with a later issue) PostgreSQL behind the Store port.
