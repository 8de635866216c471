//! The two generations that live among the tags of the canary application: the mark that a rollback left, and the stamp of
//! the last raise. Pure. Whatever else is tagged there is somebody else's and stays.
//!
//! Telnyx has no conditional write: who reads before writing keeps stale hands off, but for a moment between the two.

use timonel_domain::rollout::Generation;
use timonel_ports::target::TargetError;

/// Before the generation of a rollback's mark.
pub const MARK: &str = "timonel-mark=";
/// Before the generation of the last raise.
pub const RAISE: &str = "timonel-raise=";

/// What the tags say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Marks {
    /// The latest mark of a rollback.
    pub(super) mark: Option<Generation>,
    /// The latest raise.
    pub(super) raised: Option<Generation>,
    /// Tags that begin like ours and hold no generation.
    pub(super) unreadable: Vec<String>,
}

impl Marks {
    /// Reads them.
    pub(super) fn of(tags: &[String]) -> Self {
        let mut marks = Self::default();
        for tag in tags {
            let (seat, text) = if let Some(text) = tag.strip_prefix(MARK) {
                (&mut marks.mark, text)
            } else if let Some(text) = tag.strip_prefix(RAISE) {
                (&mut marks.raised, text)
            } else {
                continue;
            };
            match text.parse() {
                Ok(generation) => *seat = (*seat).max(Some(generation)),
                Err(_) => marks.unreadable.push(tag.clone()),
            }
        }
        marks
    }

    /// Whether a raise of `generation` may go on: not past a mark of the same or a later one, nor past a later raise.
    pub(super) fn allow(&self, place: &str, generation: Generation) -> Result<(), TargetError> {
        let place = place.to_owned();
        if !self.unreadable.is_empty() {
            let detail = format!(
                "its tags {} were not written by Timonel, and may stand for a rollback. When nobody is rolling back, remove them \
                 from the canary application in the Telnyx portal",
                self.unreadable.join(", ")
            );
            return Err(TargetError::Shape { place, detail });
        }
        match (self.mark, self.raised) {
            (Some(mark), _) if mark >= generation => Err(TargetError::Marked { place, mark }),
            (_, Some(raised)) if raised > generation => {
                let detail = format!(
                    "generation {raised} has raised it already, and this is {generation}: another engine has the helm"
                );
                Err(TargetError::Refused { place, detail })
            }
            (_, _) => Ok(()),
        }
    }

    /// Whether a lowering of `generation` has left its mark already.
    pub(super) fn bears(&self, generation: Generation) -> bool {
        self.mark >= Some(generation)
    }
}

/// The tags after a lowering of `generation`: never an earlier mark than there was.
pub(super) fn lowered(tags: &[String], generation: Generation) -> Vec<String> {
    let marks = Marks::of(tags);
    let mark = marks.mark.max(Some(generation)).unwrap_or(generation);
    let others = tags.iter().filter(|tag| !is(tag, MARK)).cloned();
    others.chain([format!("{MARK}{mark}")]).collect()
}

/// The tags after a raise of `generation`, which takes the mark off; see [`Marks::allow`].
pub(super) fn raised(tags: &[String], generation: Generation) -> Vec<String> {
    let others = tags.iter().filter(|tag| !is(tag, MARK) && !is(tag, RAISE)).cloned();
    others.chain([format!("{RAISE}{generation}")]).collect()
}

/// Whether it is one of ours that can be read; what cannot is left alone.
fn is(tag: &str, prefix: &str) -> bool {
    tag.strip_prefix(prefix)
        .is_some_and(|text| text.parse::<Generation>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|&tag| tag.to_owned()).collect()
    }

    fn generation(epoch: u64, revision: u32) -> Generation {
        Generation { epoch, revision }
    }

    #[test]
    fn a_lowering_leaves_the_later_mark_and_everything_else() {
        let before = tags(&["ivr", "timonel-raise=4.1", "timonel-mark=4.0"]);
        let after = lowered(&before, generation(4, 2));
        assert_eq!(after, tags(&["ivr", "timonel-raise=4.1", "timonel-mark=4.2"]));
        assert_eq!(
            lowered(&after, generation(3, 9)),
            after,
            "an earlier one replaces nothing"
        );
        assert_eq!(lowered(&after, generation(4, 2)), after);
        assert!(Marks::of(&after).bears(generation(4, 2)) && !Marks::of(&after).bears(generation(4, 3)));
        assert_eq!(lowered(&[], generation(1, 0)), tags(&["timonel-mark=1.0"]));
    }

    #[test]
    fn a_raise_takes_the_mark_off_and_stamps() {
        let before = tags(&["ivr", "timonel-mark=4.0", "timonel-raise=3.1"]);
        assert_eq!(raised(&before, generation(4, 1)), tags(&["ivr", "timonel-raise=4.1"]));
    }

    #[test]
    fn who_may_raise() {
        let marks = |all: &[&str]| Marks::of(&tags(all));
        for refused in [generation(3, 7), generation(4, 0)] {
            let error = marks(&["timonel-mark=4.0"]).allow("there", refused);
            assert!(matches!(error, Err(TargetError::Marked { mark, .. }) if mark == generation(4, 0)));
        }
        assert!(marks(&["timonel-mark=4.0"]).allow("there", generation(4, 1)).is_ok());
        let later = marks(&["timonel-raise=7.0"]);
        assert!(matches!(
            later.allow("there", generation(6, 9)),
            Err(TargetError::Refused { .. })
        ));
        assert!(later.allow("there", generation(7, 0)).is_ok());
        // Two of them, as after two consoles: the later counts.
        assert_eq!(
            marks(&["timonel-mark=4.0", "timonel-mark=5.0"]).mark,
            Some(generation(5, 0))
        );
    }

    #[test]
    fn what_cannot_be_read_keeps_raises_off_and_is_left_there() {
        let before = tags(&["timonel-mark=soon"]);
        let refused = Marks::of(&before).allow("there", generation(9, 0));
        assert!(matches!(refused, Err(TargetError::Shape { detail, .. }) if detail.contains("timonel-mark=soon")));
        assert_eq!(
            lowered(&before, generation(9, 0)),
            tags(&["timonel-mark=soon", "timonel-mark=9.0"])
        );
    }
}
