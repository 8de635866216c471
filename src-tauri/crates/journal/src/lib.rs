//! The journal's entry format, canonical bytes, hash chain and append-only files.
