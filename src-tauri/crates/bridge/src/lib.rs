//! Composition: builds the engine from a configuration and answers the screen's questions.
