//! Plans from snapshots, written down.
