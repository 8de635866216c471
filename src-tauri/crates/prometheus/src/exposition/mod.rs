//! What a program says about itself at `/metrics`: the Prometheus text format 0.0.4 and OpenMetrics 1.0.
//!
//! Crate `openmetrics-parser` reads the names, labels and escapes of each series. It is not given whole documents,
//! because as a validator it refuses some that Prometheus reads every day (a counter that is NaN, label sets that differ
//! within a family, series after a family that they do not belong to, a bare `#`, a last line without its end) and a
//! scrape must not be lost to those. So the lines, the comments and the families are put together here, and
//! [`canonical`] spells a series as the crate wants it; what it has read once is kept for the next scrape, which has the
//! same series with other numbers. Held to Prometheus's own parser cases in `tests/exposition`.
//!
//! Deliberately not here: help texts and the labels of exemplars (checked, not kept), native histograms, protobuf.

mod canonical;

use std::collections::{HashMap, HashSet};

use openmetrics_parser::prometheus::parse_prometheus;
use openmetrics_parser::{PrometheusValue, Sample};
use timonel_domain::time::Timestamp;

use crate::error::Error;
use crate::labels::Labels;
use canonical::{Part, canonical};

/// In which format an exposition is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text format 0.0.4: times in milliseconds, lenient about blanks.
    Text,
    /// OpenMetrics 1.0: times in seconds, strict, ends with `# EOF`.
    OpenMetrics,
}

impl Format {
    /// As the header `Content-Type` says; the text format where it says nothing else.
    pub fn of(content_type: Option<&str>) -> Self {
        let media = content_type
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        if media.eq_ignore_ascii_case("application/openmetrics-text") {
            Format::OpenMetrics
        } else {
            Format::Text
        }
    }
}

/// What an exposition says a family is; a hint only, since many programs say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, or starts again.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, a sum and a count that only grow.
    Histogram,
    /// Buckets, a sum and a count that go up and down.
    GaugeHistogram,
    /// Quantiles, a sum and a count.
    Summary,
    /// Labels that describe.
    Info,
    /// One of several states.
    StateSet,
    /// Nothing is said.
    Unknown,
}

impl Kind {
    fn read(word: &str, format: Format) -> Option<Self> {
        match (word, format) {
            ("counter", _) => Some(Kind::Counter),
            ("gauge", _) => Some(Kind::Gauge),
            ("histogram", _) => Some(Kind::Histogram),
            ("summary", _) => Some(Kind::Summary),
            ("untyped", Format::Text) | ("unknown", Format::OpenMetrics) => Some(Kind::Unknown),
            ("gaugehistogram", Format::OpenMetrics) => Some(Kind::GaugeHistogram),
            ("info", Format::OpenMetrics) => Some(Kind::Info),
            ("stateset", Format::OpenMetrics) => Some(Kind::StateSet),
            _ => None,
        }
    }

    /// What the names of its series end with after the family's name.
    fn suffixes(self) -> &'static [&'static str] {
        match self {
            Kind::Counter => &["", "_total", "_created"],
            Kind::Histogram => &["", "_bucket", "_count", "_sum", "_created"],
            Kind::GaugeHistogram => &["", "_bucket", "_gcount", "_gsum"],
            Kind::Summary => &["", "_count", "_sum", "_created"],
            Kind::Info => &["", "_info"],
            Kind::Gauge | Kind::StateSet | Kind::Unknown => &[""],
        }
    }
}

/// One series with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its full name, such as `calls_total`.
    pub name: String,
    /// Its labels, sorted.
    pub labels: Labels,
    /// Its value; may be NaN or infinite.
    pub value: f64,
    /// Where the exposition itself says what time the value is of.
    pub at: Option<Timestamp>,
    /// Where the exposition says since when this series counts (OpenMetrics `_created`).
    pub born: Option<Timestamp>,
}

/// Series that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// Without the suffixes of its kind, such as `calls` in OpenMetrics.
    pub name: String,
    /// What it is said to be.
    pub kind: Kind,
    /// In the order of the exposition.
    pub series: Vec<Series>,
}

/// What a program said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exposition {
    /// In the order of the exposition; those that have a type but no series are here too.
    pub families: Vec<Family>,
}

impl Exposition {
    /// All series.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        self.families.iter().flat_map(|family| &family.series)
    }
}

/// Reads expositions, one after the other, and remembers the series of the last one.
#[derive(Debug, Default)]
pub struct Parser {
    series: Heads,
}

/// Reads one exposition; see [`Parser::parse`].
pub fn parse(format: Format, body: &[u8]) -> Result<Exposition, Error> {
    Parser::default().parse(format, body)
}

impl Parser {
    /// Reads an exposition; `Exposition` with the line where it is not well-formed. Of two equal series the first is kept.
    pub fn parse(&mut self, format: Format, body: &[u8]) -> Result<Exposition, Error> {
        let known = std::mem::take(&mut self.series);
        let (read, families) = document(format, body, known)?;
        self.series = read;
        Ok(Exposition { families })
    }
}

type Heads = HashMap<String, (String, Labels)>;

fn document(format: Format, body: &[u8], known: Heads) -> Result<(Heads, Vec<Family>), Error> {
    let mut reader = Reader {
        format,
        families: Vec::new(),
        index: HashMap::new(),
        seen: HashSet::new(),
        known,
        read: HashMap::new(),
    };
    let mut ended = false;
    let mut lines = body.split(|byte| *byte == b'\n').enumerate().peekable();
    while let Some((number, bytes)) = lines.next() {
        // What follows the last line's end is no line.
        if bytes.is_empty() && lines.peek().is_none() && number > 0 {
            break;
        }
        let fail = |why: String| Error::Exposition { line: number + 1, why };
        let line = std::str::from_utf8(bytes).map_err(|_| fail("it is not UTF-8".into()))?;
        if ended {
            return Err(fail("there is more after # EOF".into()));
        }
        if line.ends_with('\r') {
            return Err(fail(
                "it ends with CR LF, which Prometheus refuses too: end lines with LF alone".into(),
            ));
        }
        ended = match format {
            Format::Text => reader.text_line(line).map(|()| false),
            Format::OpenMetrics => reader.openmetrics_line(line),
        }
        .map_err(fail)?;
    }
    if format == Format::OpenMetrics && !ended {
        let line = body.split(|byte| *byte == b'\n').count();
        return Err(Error::Exposition {
            line,
            why: "it does not end with # EOF: the answer may have been cut off".into(),
        });
    }
    reader.settle_births();
    Ok((reader.read, reader.families))
}

struct Reader {
    format: Format,
    families: Vec<Family>,
    index: HashMap<String, usize>,
    seen: HashSet<(String, Labels)>,
    /// Of the exposition before.
    known: Heads,
    /// Of this one.
    read: Heads,
}

impl Reader {
    fn text_line(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim_start_matches([' ', '\t']);
        let Some(comment) = line.strip_prefix('#') else {
            return if line.is_empty() { Ok(()) } else { self.sample(line) };
        };
        let words = comment.trim_start_matches([' ', '\t']);
        if words.len() == comment.len() {
            return Ok(());
        }
        let blank = |text: &&str| text.starts_with([' ', '\t']);
        if words.strip_prefix("HELP").filter(blank).is_some() {
            metric_name(words[4..].trim_start_matches([' ', '\t']))?;
        } else if let Some(rest) = words.strip_prefix("TYPE").filter(blank) {
            let (name, rest) = metric_name(rest.trim_start_matches([' ', '\t']))?;
            self.typed(name, rest.trim_matches([' ', '\t']))?;
        }
        Ok(())
    }

    /// Whether this was the end.
    fn openmetrics_line(&mut self, line: &str) -> Result<bool, String> {
        let Some(words) = line.strip_prefix("# ") else {
            if line.is_empty() || line.starts_with('#') {
                return Err("neither a sample nor HELP, TYPE, UNIT or EOF".into());
            }
            return self.sample(line).map(|()| false);
        };
        if words == "EOF" {
            return Ok(true);
        }
        let described = |rest: &str| -> Result<(String, String), String> {
            let (name, rest) = metric_name(rest)?;
            let text = rest.strip_prefix(' ').ok_or("the text after the name is missing")?;
            Ok((name, text.to_owned()))
        };
        if let Some(rest) = words.strip_prefix("HELP ") {
            described(rest)?;
        } else if let Some(rest) = words.strip_prefix("TYPE ") {
            let (name, word) = described(rest)?;
            self.typed(name, &word)?;
        } else if let Some(rest) = words.strip_prefix("UNIT ") {
            let (name, unit) = described(rest)?;
            if !unit.is_empty() && !name.strip_suffix(unit.as_str()).is_some_and(|stem| stem.ends_with('_')) {
                return Err(format!("the unit `{unit}` is not what `{name}` ends with"));
            }
        } else {
            return Err("neither HELP, TYPE, UNIT nor EOF".into());
        }
        Ok(false)
    }

    fn typed(&mut self, name: String, word: &str) -> Result<(), String> {
        let kind = Kind::read(word, self.format).ok_or_else(|| format!("`{word}` is no metric type"))?;
        let at = self.family(name, Kind::Unknown);
        self.families[at].kind = kind;
        Ok(())
    }

    fn family(&mut self, name: String, kind: Kind) -> usize {
        *self.index.entry(name).or_insert_with_key(|name| {
            self.families.push(Family {
                name: name.clone(),
                kind,
                series: Vec::new(),
            });
            self.families.len() - 1
        })
    }

    fn sample(&mut self, line: &str) -> Result<(), String> {
        let line = canonical(line, self.format)?;
        if let Some(Part { head, value, at }) = line.exemplar {
            read_head(&head).map_err(|why| format!("its exemplar: {why}"))?;
            number(value)?;
            time(at, Format::OpenMetrics)?;
        }
        let Part { head, value, at } = line.sample;
        let (name, labels) = match self.known.remove(&head) {
            Some(known) => known,
            None => read_head(&head)?,
        };
        let (value, at) = (number(value)?, time(at, self.format)?);
        if self.seen.insert((name.clone(), labels.clone())) {
            let home = self.home(&name);
            self.read.insert(head, (name.clone(), labels.clone()));
            self.families[home].series.push(Series {
                name,
                labels,
                value,
                at,
                born: None,
            });
        }
        Ok(())
    }

    /// The family that a series belongs to by its name; its own where none fits.
    fn home(&mut self, series: &str) -> usize {
        let typed = [
            "_total", "_bucket", "_count", "_sum", "_created", "_gcount", "_gsum", "_info", "",
        ]
        .into_iter()
        .filter_map(|suffix| Some((suffix, self.index.get(series.strip_suffix(suffix)?)?)))
        .find(|(suffix, at)| self.families[**at].kind.suffixes().contains(suffix))
        .map(|(_, at)| *at);
        typed.unwrap_or_else(|| self.family(series.to_owned(), Kind::Unknown))
    }

    /// Moves the `_created` series of OpenMetrics to the series that they speak about.
    fn settle_births(&mut self) {
        if self.format != Format::OpenMetrics {
            return;
        }
        for family in &mut self.families {
            if !family.kind.suffixes().contains(&"_created") {
                continue;
            }
            let name = format!("{}_created", family.name);
            let births: HashMap<Labels, f64> = family
                .series
                .iter()
                .filter(|s| s.name == name)
                .map(|s| (s.labels.clone(), s.value))
                .collect();
            family.series.retain(|s| s.name != name);
            for series in &mut family.series {
                let bound = match family.kind {
                    Kind::Histogram => "le",
                    Kind::Summary => "quantile",
                    Kind::Counter
                    | Kind::Gauge
                    | Kind::GaugeHistogram
                    | Kind::Info
                    | Kind::StateSet
                    | Kind::Unknown => "",
                };
                let born = births.get(&series.labels.without(bound)).copied();
                series.born = born.and_then(|secs| moment(secs * 1e3).ok());
            }
        }
    }
}

/// A series in canonical spelling, read by the library: its name and labels.
fn read_head(head: &str) -> Result<(String, Labels), String> {
    let whole = parse_prometheus(&format!("{head} 0\n"))
        .map_err(|_| "it is no sample: `name{label=\"value\"} number` is expected".to_owned())?;
    let family = whole.families.into_values().next().ok_or("it is no sample")?;
    let sample: &Sample<PrometheusValue> = family.iter_samples().next().ok_or("it is no sample")?;
    let labelset = sample.get_labelset().map_err(|e| e.to_string())?;
    let labels = labelset.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok((family.family_name.clone(), Labels::new(labels)))
}

/// The standard library reads what Go's does, but for the underscores and hexadecimals that Prometheus refuses as well.
fn number(written: &str) -> Result<f64, String> {
    written.parse().map_err(|_| format!("`{written}` is no number"))
}

/// A written time: whole milliseconds in the text format, seconds in OpenMetrics.
fn time(written: Option<&str>, format: Format) -> Result<Option<Timestamp>, String> {
    let Some(written) = written else { return Ok(None) };
    let millis = match format {
        Format::Text => written
            .parse::<i64>()
            .map_err(|_| format!("`{written}` is no time in milliseconds"))? as f64,
        Format::OpenMetrics => number(written)? * 1e3,
    };
    moment(millis).map(Some)
}

/// To milliseconds, as Prometheus keeps them.
fn moment(millis: f64) -> Result<Timestamp, String> {
    if !millis.is_finite() || millis.abs() > 9e15 {
        return Err("its time is out of range".into());
    }
    Ok(Timestamp::from_micros(millis.round() as i64 * 1000))
}

/// The metric name, bare or quoted, at the start of `text`, and what follows it.
fn metric_name(text: &str) -> Result<(String, &str), String> {
    let missing = || "the metric's name is missing".to_owned();
    if text.starts_with('"') {
        let end = canonical::quoted_end(text).ok_or_else(missing)?;
        let (name, _) = read_head(&format!("{{{}}}", &text[..end]))?;
        return Ok((name, &text[end..]));
    }
    let name_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let end = text.find(|c| !name_char(c)).unwrap_or(text.len());
    if end == 0 || text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(missing());
    }
    Ok((text[..end].to_owned(), &text[end..]))
}
