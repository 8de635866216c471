//! The journal's entry format, canonical bytes, hash chain and append-only files.
//!
//! Everything decided and done is an [`entry::Entry`]; sealed, its bytes are never written again in another form,
//! so that a chain can be verified years later by a program that knows nothing but SHA-256. Each writer has a chain
//! of its own ([`chain`]); a file ([`file`]) or a store keeps them. Beside the journal stands the small file that
//! says that a rollback is wanted ([`intent`]), because lowering a weight never waits for a store, and the
//! kit from which a person puts everything back while the store is away ([`rollback_kit`]).
//!
//! Deliberately not here: clocks (times are arguments), databases, and what an entry's effects are.

pub mod chain;
pub mod entry;
pub mod file;
pub mod intent;
pub mod kit;
pub mod record;
pub mod rollback_kit;
