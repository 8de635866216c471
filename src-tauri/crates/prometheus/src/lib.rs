//! Prometheus as a source of signals: queries, scrape of /metrics.
