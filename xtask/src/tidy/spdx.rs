//! Licence expressions: whether one can be satisfied with the licences that are allowed.
//!
//! The grammar of SPDX as packages use it, with the old `MIT/Apache-2.0` for OR. `LICENCE WITH EXCEPTION` is one licence here.

/// Whether `expression` holds when exactly the licences that `allowed` accepts are true. `None` where it cannot be read.
pub(crate) fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, allowed };
    let value = reader.any()?;
    reader.words.is_empty().then_some(value)
}

struct Reader<'a> {
    words: &'a [&'a str],
    allowed: &'a dyn Fn(&str) -> bool,
}

impl Reader<'_> {
    fn any(&mut self) -> Option<bool> {
        let mut value = self.all()?;
        while self.take("OR") {
            // Not `||`: the right side has to be read in any case.
            value |= self.all()?;
        }
        Some(value)
    }

    fn all(&mut self) -> Option<bool> {
        let mut value = self.one()?;
        while self.take("AND") {
            value &= self.one()?;
        }
        Some(value)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let value = self.any()?;
            return self.take(")").then_some(value);
        }
        let licence = self.name()?;
        if self.take("WITH") {
            let exception = self.name()?;
            return Some((self.allowed)(&format!("{licence} WITH {exception}")));
        }
        Some((self.allowed)(&licence))
    }

    fn name(&mut self) -> Option<String> {
        let (first, rest) = self.words.split_first()?;
        if ["AND", "OR", "WITH", "(", ")"].contains(first) {
            return None;
        }
        self.words = rest;
        Some((*first).to_owned())
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            Some(_) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::satisfied;

    fn check(expression: &str, expect: Option<bool>) {
        let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"];
        assert_eq!(
            satisfied(expression, &|licence| allowed.contains(&licence)),
            expect,
            "{expression}"
        );
    }

    #[test]
    fn expressions() {
        check("MIT", Some(true));
        check("GPL-3.0", Some(false));
        check("GPL-3.0 OR MIT", Some(true));
        check("MIT OR GPL-3.0", Some(true));
        check("GPL-3.0/MIT", Some(true));
        check("MIT / GPL-3.0", Some(true));
        check("MIT AND ISC", Some(true));
        check("MIT AND GPL-3.0", Some(false));
        check("GPL-3.0 AND MIT OR ISC", Some(true));
        check("GPL-3.0 AND (MIT OR ISC)", Some(false));
        check("(MIT OR GPL-3.0) AND ISC", Some(true));
        check("Apache-2.0", Some(false));
        check("Apache-2.0 WITH LLVM-exception", Some(true));
        check("Apache-2.0 WITH LLVM-exception OR GPL-3.0", Some(true));
    }

    #[test]
    fn what_cannot_be_read_is_not_satisfied() {
        for bad in ["", "MIT OR", "AND MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH"] {
            check(bad, None);
        }
    }
}
