//! The rollout's one step under a model checker: every order in which things can happen, not a sample of them.
//!
//! The states of the model hold real `domain::rollout::State`s, and every change of them is made by the real
//! `domain::rollout::step`. Around it is what the step cannot see, as abstractly as it can be without losing what matters:
//!
//! - two **engines** that may crash, start again from the journal, sleep while the world goes on, or be cut off from the
//!   store; what they do with effects is what `engine::owner` does (`engine`): lowering at once, raising after the record;
//! - a **lease** with an epoch (`succession`): renewed under its epoch as long as nobody else has taken it; not believed in any more by
//!   who cannot renew it, before it can end; ended too early by a clock that is too slow; taken by force only by a process that starts for
//!   a rollback, which begins without it where it cannot be had. Whoever hears that another has had it never has it again: it goes on
//!   lowering, and ends once nobody holds the helm and it puts nothing back, so that the rollout is taken up anew;
//! - two **targets**, a splitter and a follower, with the fence of the adapters (`target`): a lock on the version that was
//!   read, the mark of a lowering, the generation of the last raise. Calls can fail, lose their answer, or arrive after the
//!   engine has given them up; somebody else can write;
//! - one **journal**, which whoever starts replays: what an engine writes that has lost the helm is passed over, but for a rollback;
//! - **people and metrics**: start, approve, press, reset; a rule that fires with its evidence, signals that get lost.
//!
//! # Bounds
//!
//! Time is a few ticks of 61 s, longer than any clock of the step but those of ten minutes and more; it goes by only when no
//! engine that is awake has anything left to do at once, which is how a bound in time can be stated: what is to be undone is
//! undone within one tick. A run has at most [`Bounds::disturbances`] things of any kind that go wrong, at any places;
//! a press for a rollback is none of them and is always possible (a second one, at another engine, once the first is carried out). A
//! lease may end, and a helm be taken, at any moment, also in the middle of a call. So every run ends, and there are finitely many.
//!
//! What an engine with the helm has written and the store has not taken is, where somebody else's entry comes in between, taken as
//! written before it: one of the orders that there may be.
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
