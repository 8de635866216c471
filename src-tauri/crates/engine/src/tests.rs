//! Tests of the engine with everything around it played by hand: time, store, helm, targets, sources. What a real adapter,
//! a real store and virtual time do with it is shown by the rehearsals of crate `bridge`.

mod checkpoints;
mod commands;
mod crash;
mod helm;
mod lowering;
mod merges;
mod points;
mod raising;
mod recovery;
mod sets;
mod stage;
mod take_up;
mod target;
mod viewer;
mod watching;
mod world;
