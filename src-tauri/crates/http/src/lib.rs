//! The one HTTP client: TLS, limits, deadlines and retries on our Clock, redaction.
