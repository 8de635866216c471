//! Sound inputs, damaged: a byte flipped, a part cut, doubled or put elsewhere, a value replaced by one that nobody expects, the
//! head of one with the tail of another, and now and then nothing but noise.

use std::fmt;
use std::ops::Bound;

use bolero::{Driver, ValueGenerator};

/// The most bytes of a damaged input.
const LARGEST: usize = 512 << 10;
/// The most damages of one input: with more, little of what made it interesting is left.
const MOST: usize = 5;

/// What stands where something else should: ends of ranges, other types, other forms of the same number, nesting, control
/// characters, halves of pairs.
const STRANGE: [&str; 34] = [
    "null",
    "true",
    "0",
    "-0",
    "-1",
    "1e400",
    "-1e400",
    "5e-324",
    "0.1e-7",
    "NaN",
    "+Inf",
    "18446744073709551616",
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999999999",
    "\"\"",
    "\"NaN\"",
    "\"-1\"",
    "\"1e999\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"2026-02-30T25:61:61Z\"",
    "\"+262144-01-01T00:00:00Z\"",
    "\"ñandú 📞\u{202e}\"",
    "[]",
    "{}",
    "[[]]",
    "{\"\":{}}",
    "'",
    "\"",
    "\\",
    "\r\n",
    "\0",
    "\u{feff}",
];

/// Damaged copies of seeds. With no seed, noise alone.
#[derive(Debug, Clone)]
pub struct Damaged {
    seeds: Vec<Vec<u8>>,
}

impl Damaged {
    /// Of these sound inputs.
    pub fn of(seeds: Vec<Vec<u8>>) -> Self {
        Self { seeds }
    }
}

/// One input, which a failure shows as the text that it nearly is.
#[derive(Clone, PartialEq, Eq)]
pub struct Input(pub Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes: {}", self.0.len(), String::from_utf8_lossy(&self.0))
    }
}

impl ValueGenerator for Damaged {
    type Output = Input;

    fn generate<D: Driver>(&self, driver: &mut D) -> Option<Input> {
        if self.seeds.is_empty() || below(driver, 24)? == 0 {
            return noise(driver).map(Input);
        }
        let mut bytes = self.seeds[below(driver, self.seeds.len())?].clone();
        for _ in 0..=below(driver, MOST)? {
            self.damage(driver, &mut bytes)?;
        }
        bytes.truncate(LARGEST);
        Some(Input(bytes))
    }
}

impl Damaged {
    fn damage<D: Driver>(&self, driver: &mut D, bytes: &mut Vec<u8>) -> Option<()> {
        let at = below(driver, bytes.len() + 1)?;
        match below(driver, 12)? {
            0 => {
                let byte = u8::try_from(below(driver, 256)?).ok()?;
                if let Some(there) = bytes.get_mut(at) {
                    *there = byte;
                }
            }
            1 => bytes.truncate(at),
            2 => {
                let end = end_of(driver, bytes, at)?;
                bytes.drain(at..end);
            }
            3 => {
                let part = bytes[at..end_of(driver, bytes, at)?].to_vec();
                let times = [1, 2, 64][below(driver, 3)?];
                bytes.splice(at..at, part.repeat(times));
            }
            4 => {
                let part = bytes[at..end_of(driver, bytes, at)?].to_vec();
                let to = below(driver, bytes.len() + 1)?;
                bytes.splice(to..to, part);
            }
            5 => {
                let other = &self.seeds[below(driver, self.seeds.len())?];
                let from = below(driver, other.len() + 1)?;
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            6 => {
                let deep =
                    [&b"["[..], b"{\"a\":", b"(", b"a.", b"\n"][below(driver, 5)?].repeat(1 << below(driver, 14)?);
                bytes.splice(at..at, deep);
            }
            7 => {
                let strange = STRANGE[below(driver, STRANGE.len())?];
                bytes.splice(at..at, strange.bytes());
            }
            // Most of what is read has values behind names: that is where a wrong one matters.
            8..=11 => {
                if let Some(value) = value_from(bytes, at) {
                    let strange = STRANGE[below(driver, STRANGE.len())?];
                    bytes.splice(value, strange.bytes());
                }
            }
            _ => {}
        }
        Some(())
    }
}

/// The first value at or behind `at`: what stands between `=`, `:`, a space or a bracket and the next separator.
fn value_from(bytes: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    let opens = |byte: &u8| matches!(byte, b'=' | b':' | b' ' | b'[' | b'{' | b',');
    let closes = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b'\n' | b' ');
    let start = at + bytes[at..].iter().position(opens)? + 1;
    let start = start
        + bytes[start..]
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'=' | b':'))?;
    let quoted = bytes[start] == b'"';
    let end = if quoted {
        bytes[start + 1..]
            .iter()
            .position(|byte| *byte == b'"')
            .map(|end| start + end + 2)
    } else {
        bytes[start..].iter().position(closes).map(|end| start + end)
    };
    Some(start..end.unwrap_or(bytes.len()))
}

/// The end of a part that begins at `at`: short ones mostly, now and then all the rest.
fn end_of<D: Driver>(driver: &mut D, bytes: &[u8], at: usize) -> Option<usize> {
    let longest = [8, 64, 1024, usize::MAX][below(driver, 4)?].min(bytes.len() - at);
    Some(at + below(driver, longest + 1)?)
}

fn noise<D: Driver>(driver: &mut D) -> Option<Vec<u8>> {
    let len = below(driver, 200)?;
    (0..len).map(|_| u8::try_from(below(driver, 256)?).ok()).collect()
}

/// A number below `end`, which is not 0.
fn below<D: Driver>(driver: &mut D, end: usize) -> Option<usize> {
    driver.gen_usize(Bound::Included(&0), Bound::Excluded(&end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_behind_its_name() {
        let of = |text: &str, at: usize| value_from(text.as_bytes(), at).map(|range| text[range].to_owned());
        assert_eq!(of("weight = 10\nbake = \"1h\"", 0).as_deref(), Some("10"));
        assert_eq!(of("weight = 10\nbake = \"1h 5m\"\n", 11).as_deref(), Some("\"1h 5m\""));
        assert_eq!(of("{\"a\":[1,2]}", 1).as_deref(), Some("[1"));
        assert_eq!(of("a", 0), None);
        assert_eq!(of("a =", 0), None);
    }

    #[test]
    fn damaged_inputs_are_damaged_and_never_too_large() {
        let seed = b"{\"weight\": 10, \"route\": \"casos\"}".to_vec();
        let (seen, whole) = (std::cell::Cell::new(0_u32), std::cell::Cell::new(0_u32));
        let sums = std::panic::AssertUnwindSafe((&seen, &whole));
        bolero::check!()
            .with_generator(Damaged::of(vec![seed.clone()]))
            .with_iterations(500)
            .for_each(|Input(bytes): &Input| {
                let sums = &sums;
                assert!(bytes.len() <= LARGEST);
                sums.0.0.set(sums.0.0.get() + 1);
                sums.0.1.set(sums.0.1.get() + u32::from(*bytes == seed));
            });
        assert!(seen.get() >= 500, "{seen:?}");
        assert!(whole.get() * 5 < seen.get(), "{whole:?} of {seen:?} were not damaged");
    }
}
