//! The query templates that the simulated Prometheus knows, read from PromQL.
//!
//! Deliberately not a PromQL parser: what is valid there and no template here is refused, so that a plan's queries are the
//! ones that were compared with a real Prometheus.

use super::selector::Selector;

/// One of the templates.
#[derive(Debug, Clone)]
pub(super) enum Query {
    /// `sel`
    Newest(Selector),
    /// `sel[5m]`; milliseconds.
    Range(Selector, i64),
    /// `sum(sel)`
    Over(Aggregate, Selector),
    /// `sum(rate(sel[5m]))` or `sum(increase(sel[5m]))`
    SumOf {
        function: Slope,
        selector: Selector,
        range: i64,
    },
    /// `histogram_quantile(0.95, sum by (le) (rate(sel[5m])))`
    Quantile { q: f64, selector: Selector, range: i64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Max,
    Avg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slope {
    Rate,
    Increase,
}

/// Why a query is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("1:{column}: parse error: {what}")]
pub(super) struct QueryError {
    column: usize,
    what: String,
}

/// Reads a query.
pub(super) fn parse(text: &str) -> Result<Query, QueryError> {
    let mut cursor = Cursor { text, at: 0 };
    let query = cursor.query()?;
    cursor.space();
    match cursor.peek() {
        None => Ok(query),
        Some(other) => {
            let what =
                format!("unexpected `{other}`: the simulated Prometheus answers the templates of the catalogue only");
            Err(cursor.error(what))
        }
    }
}

/// Longest duration, in milliseconds: what Go's 64 bits of nanoseconds hold.
const LONGEST: i64 = i64::MAX / 1_000_000;

/// Reads a duration such as `5m` or `1h30m`, in milliseconds.
pub(super) fn duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("y", 365 * 86_400_000),
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    let (mut rest, mut total) = (text, 0_i64);
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        // Each unit at most once, the longest first.
        let (_, millis) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(*millis)?)?;
        rest = tail;
    }
    (1..=LONGEST).contains(&total).then_some(total)
}

/// Where reading stands.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn error(&self, what: impl Into<String>) -> QueryError {
        QueryError {
            column: self.text[..self.at].chars().count() + 1,
            what: what.into(),
        }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Goes on by so many bytes.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    pub(super) fn space(&mut self) {
        self.take_while(|c| c.is_ascii_whitespace());
    }

    pub(super) fn take_while(&mut self, mut wanted: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Takes `token` after any space.
    pub(super) fn has(&mut self, token: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    pub(super) fn expect(&mut self, token: &str) -> Result<(), QueryError> {
        if self.has(token) {
            return Ok(());
        }
        let found = self.peek().map_or("the end".to_owned(), |c| format!("`{c}`"));
        Err(self.error(format!("expected `{token}` but found {found}")))
    }

    pub(super) fn name(&mut self) -> &'a str {
        self.space();
        if self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return "";
        }
        self.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
    }

    fn word(&mut self, word: &str) -> Result<(), QueryError> {
        let start = self.at;
        let name = self.name();
        if name == word {
            return Ok(());
        }
        self.at = start;
        Err(self.error(format!("expected `{word}`")))
    }

    fn query(&mut self) -> Result<Query, QueryError> {
        self.space();
        if self.peek().is_none() {
            return Err(self.error("no expression found in input"));
        }
        let name = self.name();
        if !self.has("(") {
            let selector = self.selector(name)?;
            return if self.has("[") {
                Ok(Query::Range(selector, self.range()?))
            } else {
                Ok(Query::Newest(selector))
            };
        }
        let query = match name {
            "sum" => self.summed(),
            "max" => self.aggregated(Aggregate::Max),
            "avg" => self.aggregated(Aggregate::Avg),
            "histogram_quantile" => self.quantile(),
            _ => Err(self.error(format!("`{name}(…)` is none of the templates of the catalogue"))),
        }?;
        self.expect(")")?;
        Ok(query)
    }

    fn aggregated(&mut self, aggregate: Aggregate) -> Result<Query, QueryError> {
        let name = self.name();
        Ok(Query::Over(aggregate, self.selector(name)?))
    }

    fn summed(&mut self) -> Result<Query, QueryError> {
        let name = self.name();
        if !self.has("(") {
            return Ok(Query::Over(Aggregate::Sum, self.selector(name)?));
        }
        let function = match name {
            "rate" => Slope::Rate,
            "increase" => Slope::Increase,
            _ => return Err(self.error(format!("`sum({name}(…))` is none of the templates of the catalogue"))),
        };
        let (selector, range) = self.ranged()?;
        self.expect(")")?;
        Ok(Query::SumOf {
            function,
            selector,
            range,
        })
    }

    fn quantile(&mut self) -> Result<Query, QueryError> {
        self.space();
        let digits = self.take_while(|c| c.is_ascii_digit() || c == '.');
        let q = digits
            .parse()
            .map_err(|_| self.error("expected a quantile such as 0.95"))?;
        self.expect(",")?;
        for word in ["sum", "by"] {
            self.word(word)?;
        }
        self.expect("(")?;
        self.word("le")?;
        self.expect(")")?;
        self.expect("(")?;
        self.word("rate")?;
        self.expect("(")?;
        let (selector, range) = self.ranged()?;
        self.expect(")")?;
        self.expect(")")?;
        Ok(Query::Quantile { q, selector, range })
    }

    fn ranged(&mut self) -> Result<(Selector, i64), QueryError> {
        let name = self.name();
        let selector = self.selector(name)?;
        self.expect("[")?;
        Ok((selector, self.range()?))
    }

    /// What follows `[`.
    fn range(&mut self) -> Result<i64, QueryError> {
        self.space();
        let text = self.take_while(|c| c.is_ascii_alphanumeric());
        let range = duration(text).ok_or_else(|| self.error(format!("`{text}` is no duration such as 5m")))?;
        self.expect("]")?;
        Ok(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_nothing_else() {
        for good in [
            "up[5m]",
            "sum(up{job=\"casos\"})",
            "max(up)",
            "avg(up)",
            "sum(rate(calls_total{version=\"canary\"}[5m]))",
            "sum ( increase ( calls_total [ 1h30m ] ) )",
            "histogram_quantile(0.95, sum by (le) (rate(x_bucket{version=\"canary\"}[5m])))",
            "histogram_quantile(0.99,sum by(le)(rate(x_bucket[300s])))",
        ] {
            assert!(parse(good).is_ok(), "{good}: {:?}", parse(good));
        }
        for bad in [
            "",
            "1",
            "up +",
            "up offset 5m",
            "up[5m:1m]",
            "up[0s]",
            "up[5]",
            "rate(up[5m])",
            "sum(rate(up))",
            "sum(irate(up[5m]))",
            "sum(up) / sum(up)",
            "sum by (job) (up)",
            "min(up)",
            "histogram_quantile(0.95, rate(x_bucket[5m]))",
            "{}",
            "{job=~\".*\"}",
            "up{job=\"casos}",
            "up{job=casos}",
            "up{job=~\"(\"}",
            "up{job",
            "sum(up",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            parse("sum(up").unwrap_err().to_string(),
            "1:7: parse error: expected `)` but found the end"
        );
    }

    #[test]
    fn durations() {
        assert_eq!(duration("5m"), Some(300_000));
        assert_eq!(duration("1h30m"), Some(5_400_000));
        assert_eq!(
            duration("1w2d3h4m5s6ms"),
            Some(((9 * 24 + 3) * 3600 + 4 * 60 + 5) * 1000 + 6)
        );
        for bad in ["", "5", "m", "30m1h", "1m1m", "0s", "99999999999999999y", "293y"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
