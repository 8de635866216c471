//! Plan and scenario files: serde model, JSON Schema, lint with places.
