//! Which numbers go to the canary for a weight, and which weight a set of numbers is. Pure.
//!
//! The order is that of a hash, the same in every process; a set grows by what still fits and shrinks from its end, so
//! that a caller who has met the new system does not meet the old one again while the weight rises.
//!
//! Deliberately not here: how many calls a number gets (`volume`), and what moves it (`plan`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use timonel_domain::rollout::Apart;
use timonel_domain::value::Weight;
use timonel_ports::target::Members;

/// A whole, in hundredths of a percent.
const WHOLE: u128 = 10_000;

/// A number in scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Number {
    /// Telnyx's id of it.
    pub(super) id: String,
    /// Such as `+34910000101`.
    pub(super) e164: String,
    /// The calls that it got in the sample; 0 where nothing was measured.
    #[serde(default)]
    pub(super) calls: u64,
}

impl Number {
    /// Its part of the whole: one more than its calls, so that a number without calls counts too.
    fn share(&self) -> u128 {
        u128::from(self.calls) + 1
    }
}

/// All numbers in scope, in the order in which they join, with those that stay on stable.
#[derive(Debug)]
pub(super) struct Crowd<'a> {
    ordered: Vec<&'a Number>,
    by_id: BTreeMap<&'a str, &'a Number>,
    pinned: BTreeSet<&'a str>,
    total: u128,
}

impl<'a> Crowd<'a> {
    /// `pinned` are numbers in E.164; those that are not in scope are of no account.
    pub(super) fn new(numbers: &'a [Number], salt: &str, pinned: &BTreeSet<String>) -> Self {
        let mut ordered: Vec<_> = numbers.iter().collect();
        ordered.sort_by_cached_key(|number| (rank(salt, &number.e164), &number.e164, &number.id));
        let by_id: BTreeMap<_, _> = numbers.iter().map(|number| (number.id.as_str(), number)).collect();
        let of_pins = numbers.iter().filter(|number| pinned.contains(&number.e164));
        Self {
            ordered,
            pinned: of_pins.map(|number| number.id.as_str()).collect(),
            total: by_id.values().map(|number| number.share()).sum(),
            by_id,
        }
    }

    /// Whether this one stays on stable.
    pub(super) fn is_pinned(&self, id: &str) -> bool {
        self.pinned.contains(id)
    }

    /// The weight of these on the canary, floored; never 0 while there is one.
    pub(super) fn weight<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> Weight {
        let sum = self.sum(ids);
        if sum == 0 {
            return Weight::ZERO;
        }
        let hundredths = (sum * WHOLE / self.total).clamp(1, WHOLE);
        u16::try_from(hundredths)
            .ok()
            .and_then(Weight::from_hundredths)
            .expect("no more than a whole, as it was clamped")
    }

    /// How many of all.
    pub(super) fn members(&self, canary: usize) -> Members {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Members {
            canary: count(canary),
            all: count(self.by_id.len()),
        }
    }

    /// Those of `asked` who are `there`, then whoever fits under `to`: first the rest of `asked`, then the others. In the order
    /// of joining, without the pinned.
    pub(super) fn risen(&self, asked: &[String], there: impl Fn(&str) -> bool, to: Weight) -> Vec<String> {
        let asked = self.unpinned(asked);
        let mut sum = self.sum(asked.iter().map(String::as_str).filter(|id| there(id)));
        let mut set = Vec::new();
        for id in asked {
            let share = self.sum([id.as_str()]);
            if there(&id) {
                set.push(id);
            } else if self.fits(sum + share, to) {
                sum += share;
                set.push(id);
            }
        }
        let inside: BTreeSet<_> = set.iter().cloned().collect();
        for number in &self.ordered {
            if !inside.contains(&number.id) && !self.is_pinned(&number.id) && self.fits(sum + number.share(), to) {
                sum += number.share();
                set.push(number.id.clone());
            }
        }
        set
    }

    /// What stays of `joined`, in the order of joining, when the last are taken off until `to` is reached; without the
    /// pinned.
    pub(super) fn fallen(&self, joined: &[String], to: Weight) -> Vec<String> {
        let mut set = self.unpinned(joined);
        let mut sum = self.sum(set.iter().map(String::as_str));
        while !self.fits(sum, to) {
            let Some(last) = set.pop() else { break };
            sum -= self.sum([last.as_str()]);
        }
        set
    }

    /// These in the order in which they would have joined; those that are not in scope are left out.
    pub(super) fn in_order(&self, ids: &BTreeSet<String>) -> Vec<String> {
        let present = self.ordered.iter().filter(|number| ids.contains(&number.id));
        present.map(|number| number.id.clone()).collect()
    }

    /// The number with the most calls, and its weight alone: no step is finer than what such a number allows.
    pub(super) fn busiest(&self) -> Option<(&'a Number, Weight)> {
        let number = self.ordered.iter().max_by_key(|number| number.calls)?;
        Some((number, self.weight([number.id.as_str()])))
    }

    fn unpinned(&self, ids: &[String]) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut stays =
            |id: &String| self.by_id.contains_key(id.as_str()) && !self.is_pinned(id) && seen.insert(id.clone());
        ids.iter().filter(|id| stays(id)).cloned().collect()
    }

    fn sum<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> u128 {
        let known = ids.into_iter().filter_map(|id| self.by_id.get(id));
        known.map(|number| number.share()).sum()
    }

    fn fits(&self, sum: u128, to: Weight) -> bool {
        sum * WHOLE <= u128::from(to.hundredths()) * self.total
    }
}

/// How far the numbers on the canary are from those that were asked for.
pub(super) fn apart(on_canary: &BTreeSet<String>, aim: Option<&[String]>) -> Apart {
    let Some(aim) = aim else { return Apart::NONE };
    let aim: BTreeSet<_> = aim.iter().cloned().collect();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Apart {
        surplus: count(on_canary.difference(&aim).count()),
        missing: count(aim.difference(on_canary).count()),
    }
}

/// Where a number stands in the order: the first eight bytes of SHA-256 over salt, a zero byte and the number.
fn rank(salt: &str, e164: &str) -> u64 {
    let digest = Sha256::new()
        .chain_update(salt.as_bytes())
        .chain_update([0])
        .chain_update(e164.as_bytes())
        .finalize();
    let head: [u8; 8] = digest[..8].try_into().expect("a digest of 32 bytes");
    u64::from_be_bytes(head)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn numbers(calls: &[u64]) -> Vec<Number> {
        let number = |(at, calls): (usize, &u64)| Number {
            id: format!("id-{at}"),
            e164: format!("+3491{at:07}"),
            calls: *calls,
        };
        calls.iter().enumerate().map(number).collect()
    }

    fn set(ids: &[String]) -> BTreeSet<String> {
        ids.iter().cloned().collect()
    }

    fn weight(crowd: &Crowd<'_>, ids: &[String]) -> Weight {
        crowd.weight(ids.iter().map(String::as_str))
    }

    /// Calls of up to 60 numbers, some of them without any, some far above the others.
    fn volumes() -> impl Strategy<Value = Vec<u64>> {
        vec((0_u64..20, any::<bool>()), 1..60).prop_map(|calls| {
            calls
                .into_iter()
                .map(|(calls, many)| if many { calls * 97 } else { calls })
                .collect()
        })
    }

    fn weights() -> impl Strategy<Value = Vec<Weight>> {
        vec(0_u16..=10_000, 1..8).prop_map(|all| all.into_iter().map(|w| Weight::from_hundredths(w).unwrap()).collect())
    }

    fn pins(numbers: &[Number], chosen: &[bool]) -> BTreeSet<String> {
        let chosen = numbers.iter().zip(chosen).filter(|(_, chosen)| **chosen);
        chosen.map(|(number, _)| number.e164.clone()).collect()
    }

    proptest! {
        #[test]
        fn a_rising_sequence_only_adds_and_never_goes_above(calls in volumes(), mut rising in weights(), salt in "[a-z]{1,6}") {
            rising.sort_unstable();
            let numbers = numbers(&calls);
            let crowd = Crowd::new(&numbers, &salt, &BTreeSet::new());
            let mut asked = Vec::new();
            for to in rising {
                let risen = crowd.risen(&asked, |_| true, to);
                prop_assert!(risen.starts_with(&asked), "somebody left, or the order of joining changed");
                prop_assert!(weight(&crowd, &risen) <= to);
                prop_assert_eq!(weight(&crowd, &risen) > Weight::ZERO, !risen.is_empty());
                // Nobody who would have fitted was left out.
                let left = numbers.iter().filter(|number| !risen.contains(&number.id));
                let room = |number: &Number| crowd.fits(crowd.sum(risen.iter().map(String::as_str)) + number.share(), to);
                prop_assert_eq!(left.filter(|number| room(number)).count(), 0);
                asked = risen;
            }
        }

        #[test]
        fn the_pinned_are_never_on_the_canary_and_pinning_adds_nobody(
            calls in volumes(), chosen in vec(any::<bool>(), 60), to in 0_u16..=10_000, salt in "[a-z]{1,6}",
        ) {
            let to = Weight::from_hundredths(to).unwrap();
            let numbers = numbers(&calls);
            let free = Crowd::new(&numbers, &salt, &BTreeSet::new());
            let before = free.risen(&[], |_| true, to);
            let pins = pins(&numbers, &chosen);
            let crowd = Crowd::new(&numbers, &salt, &pins);
            let fallen = crowd.fallen(&before, to);
            prop_assert!(set(&fallen).is_subset(&set(&before)), "pinning put somebody on the canary");
            for held in [fallen, crowd.risen(&before, |_| true, to)] {
                prop_assert!(held.iter().all(|id| !crowd.is_pinned(id)));
                prop_assert!(weight(&crowd, &held) <= to);
            }
        }

        #[test]
        fn the_last_to_join_are_the_first_to_leave(calls in volumes(), mut falling in weights(), salt in "[a-z]{1,6}") {
            falling.sort_unstable_by(|a, b| b.cmp(a));
            let numbers = numbers(&calls);
            let crowd = Crowd::new(&numbers, &salt, &BTreeSet::new());
            let mut joined = crowd.risen(&[], |_| true, falling[0]);
            for to in falling {
                let fallen = crowd.fallen(&joined, to);
                prop_assert!(joined.starts_with(&fallen), "other than the last left");
                prop_assert!(weight(&crowd, &fallen) <= to);
                // No more left than had to.
                if let Some(next) = joined.get(fallen.len()) {
                    let mut one_more = fallen.clone();
                    one_more.push(next.clone());
                    prop_assert!(!crowd.fits(crowd.sum(one_more.iter().map(String::as_str)), to));
                }
                joined = fallen;
            }
        }

        #[test]
        fn a_hundred_percent_is_everybody_who_is_not_pinned(calls in volumes(), chosen in vec(any::<bool>(), 60)) {
            let numbers = numbers(&calls);
            let pins = pins(&numbers, &chosen);
            let crowd = Crowd::new(&numbers, "salt", &pins);
            let all = crowd.risen(&[], |_| true, Weight::FULL);
            let free: BTreeSet<_> = numbers.iter().filter(|n| !pins.contains(&n.e164)).map(|n| n.id.clone()).collect();
            prop_assert_eq!(set(&all), free);
            if pins.iter().all(|pin| numbers.iter().all(|number| number.e164 != *pin)) {
                prop_assert_eq!(weight(&crowd, &all), Weight::FULL);
            }
        }

        #[test]
        fn the_order_does_not_depend_on_how_numbers_were_listed(calls in volumes(), to in 1_u16..=10_000) {
            let to = Weight::from_hundredths(to).unwrap();
            let numbers = numbers(&calls);
            let reversed: Vec<_> = numbers.iter().rev().cloned().collect();
            let (one, other) = (Crowd::new(&numbers, "s", &BTreeSet::new()), Crowd::new(&reversed, "s", &BTreeSet::new()));
            prop_assert_eq!(one.risen(&[], |_| true, to), other.risen(&[], |_| true, to));
        }
    }

    #[test]
    fn equal_numbers_give_whole_percents() {
        let numbers = numbers(&[0; 100]);
        let crowd = Crowd::new(&numbers, "plan", &BTreeSet::new());
        let five = crowd.risen(&[], |_| true, Weight::percent(5));
        assert_eq!((five.len(), weight(&crowd, &five)), (5, Weight::percent(5)));
        assert_eq!(crowd.members(five.len()), Members { canary: 5, all: 100 });
    }

    #[test]
    fn a_weight_below_the_smallest_number_is_nobody() {
        let numbers = numbers(&[9, 9]);
        let crowd = Crowd::new(&numbers, "plan", &BTreeSet::new());
        assert!(crowd.risen(&[], |_| true, Weight::percent(49)).is_empty());
        assert_eq!(crowd.busiest().map(|(_, weight)| weight), Some(Weight::percent(50)));
    }

    #[test]
    fn a_member_among_a_million_calls_is_not_nothing() {
        let numbers = numbers(&[0, 10_000_000]);
        let crowd = Crowd::new(&numbers, "plan", &BTreeSet::new());
        assert_eq!(crowd.weight(["id-0"]), Weight::from_hundredths(1).unwrap());
    }

    #[test]
    fn apart_counts_both_ways_and_nothing_where_nobody_asked() {
        let on: BTreeSet<_> = ["a", "b", "x"].map(str::to_owned).into();
        let aim = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!(apart(&on, Some(&aim)), Apart { surplus: 1, missing: 2 });
        assert_eq!(apart(&on, None), Apart::NONE);
    }

    #[test]
    fn another_salt_is_another_order() {
        let numbers = numbers(&[0; 50]);
        let (one, other) = (
            Crowd::new(&numbers, "one", &BTreeSet::new()),
            Crowd::new(&numbers, "other", &BTreeSet::new()),
        );
        assert_ne!(
            one.risen(&[], |_| true, Weight::percent(20)),
            other.risen(&[], |_| true, Weight::percent(20))
        );
    }
}
