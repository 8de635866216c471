//! The owner loop of a rollout: actuation, verification, recovery.
