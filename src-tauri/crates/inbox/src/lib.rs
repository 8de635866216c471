//! The inbox of outcomes: finished calls that are pushed one by one as they end, as readings of the signals that they tell.
//!
//! What is pushed is judged within milliseconds, without waiting for anybody's interval: an [`Inbox`] is a source that says when
//! something [`arrived`](timonel_ports::signal::Source::arrived). [`receive`] feeds inboxes from a loopback socket. Deliberately
//! not here: signatures and the public side, which signals calls tell (`bridge`), and what follows from a reading.

mod call;
mod count;
mod door;
mod inbox;

pub use call::{BadCall, BadOutcome, Call, Told};
pub use count::{Cell, Counts};
pub use door::{NotLoopback, loopback, receive};
pub use inbox::{Feed, Inbox, Inboxes, LATE, MOST_KNOWN, Refused, Taken};
