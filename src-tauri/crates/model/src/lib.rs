//! The rollout's one step under a model checker: every order in which things can happen, not a sample of them.
//!
//! The states of the model hold real `domain::rollout::State`s, and every change of them is made by the real
//! `domain::rollout::step`. Around it is what the step cannot see, as abstractly as it can be without losing what matters:
//!
//! - two **engines** that may crash, start again from the journal, sleep while the world goes on, or be cut off from the
//!   store; what they do with effects is what `engine::owner` does (`engine`): lowering at once, raising after the record;
//! - a **lease** with an epoch: it runs out under a holder that sleeps, is taken when it is free, and by force only for a
//!   rollback; whoever lost it hears so later;
//! - two **targets**, a splitter and a follower, with the fence of the adapters (`target`): a lock on the version that was
//!   read, the mark of a lowering, the generation of the last raise. Calls can fail, lose their answer, or arrive after the
//!   engine has given them up; somebody else can write;
//! - one **journal**, which whoever starts replays;
//! - **people and metrics**: start, approve, press, reset; a rule that fires with its evidence, signals that get lost.
//!
//! # Bounds
//!
//! Time is a few ticks of 61 s, longer than any clock of the step but those of ten minutes and more; it goes by only when no
//! engine that is awake has anything left to do at once, which is how a bound in time can be stated: what is to be undone is
//! undone within one tick. A run has at most [`Bounds::disturbances`] things of any kind that go wrong, at any places;
//! a press for a rollback is none of them and is always possible (a second one, at another engine, once the first is carried out). A lease outlives the deadline of every call, so it runs out
//! only under engines that have nothing left to do at once, or that sleep in the middle of it. So every run ends, and there are
//! finitely many.
//!
//! What the checker has no word for is read from the graph that it walked (`graph`): every run ends, every end has all targets
//! at 0 % and every engine knows it, and from every state such an end can be reached.
//!
//! A crate of its own, since the root package is the window: its tests link all of it, and this needs only the rules.
//!
//! Deliberately not here: instant levers and sets of numbers (`engine::tests::sets` and `bridge/tests/telnyx` have them),
//! drills, pins, reductions, gates on values, and what a rule makes of samples.

mod act;
mod after;
mod canon;
mod engine;
mod graph;
mod plan;
mod succession;
mod target;
mod world;

pub use act::{Act, Answer};
pub use graph::{Found, explore};
pub use world::{Bounds, Broken, Flaw, Rollouts, World};
