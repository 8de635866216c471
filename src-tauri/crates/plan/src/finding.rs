//! What is wrong in a file: where, how bad, and what to write instead. Deliberately no judgement here: `read`,
//! `convert` and `lint` find; this only keeps, orders and draws.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use serde::Serialize;

use crate::place::{Path, Places};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, and somebody should know what it will do.
    Warning,
}

/// One thing that is wrong or doubtful in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where, such as `phases[2].weight`; empty for the whole file.
    pub path: String,
    /// The bytes of the file that it is about; `None` where the file is empty there.
    pub span: Option<Range<usize>>,
    /// A stable code such as `phase.order`, which screens translate.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub advice: String,
}

impl fmt::Display for Finding {
    /// One line: `error phase.order at phases[2].weight: … Write: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity} {}", self.code)?;
        if !self.path.is_empty() {
            write!(f, " at {}", self.path)?;
        }
        write!(f, ": {}. {}", self.message, self.advice)
    }
}

/// What a file was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked<T> {
    /// The parsed file; `None` where a finding is an error.
    pub value: Option<T>,
    /// All findings, in the order of the file.
    pub findings: Vec<Finding>,
}

impl<T> Checked<T> {
    /// Whether any finding keeps the file from being used.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Error)
    }
}

/// Collects findings while a file is read, and knows where its paths stand.
pub(crate) struct Findings {
    places: Option<Places>,
    found: Vec<Finding>,
}

impl Findings {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            places: Places::of(text),
            found: Vec::new(),
        }
    }

    pub(crate) fn error(
        &mut self,
        path: &Path,
        code: &'static str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.push(path, code, Severity::Error, message.into(), advice.into());
    }

    pub(crate) fn warning(
        &mut self,
        path: &Path,
        code: &'static str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.push(path, code, Severity::Warning, message.into(), advice.into());
    }

    pub(crate) fn at_span(&mut self, span: Option<Range<usize>>, code: &'static str, message: String, advice: String) {
        self.found.push(Finding {
            path: String::new(),
            span,
            code,
            severity: Severity::Error,
            message,
            advice,
        });
    }

    fn push(&mut self, path: &Path, code: &'static str, severity: Severity, message: String, advice: String) {
        let span = self.places.as_ref().and_then(|places| places.span(path));
        self.found.push(Finding {
            path: path.to_string(),
            span,
            code,
            severity,
            message,
            advice,
        });
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(|f| f.severity == Severity::Error)
    }

    /// In the order of the file, each once.
    pub(crate) fn finish(mut self) -> Vec<Finding> {
        self.found.sort_by(|a, b| {
            let start = |f: &Finding| f.span.as_ref().map_or(0, |s| s.start);
            (start(a), a.severity, a.code, &a.path).cmp(&(start(b), b.severity, b.code, &b.path))
        });
        self.found.dedup();
        self.found
    }
}

/// A finding with the file that it stands in, for miette.
#[derive(Debug)]
struct Drawn<'a> {
    finding: &'a Finding,
    source: NamedSource<String>,
}

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.message)
    }
}

impl std::error::Error for Drawn<'_> {}

impl Diagnostic for Drawn<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.finding.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.finding.advice))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.finding.span.clone()?;
        let label = (!self.finding.path.is_empty()).then(|| self.finding.path.clone());
        Some(Box::new(std::iter::once(LabeledSpan::new(
            label,
            span.start,
            span.len(),
        ))))
    }
}

/// More are not drawn: nobody reads them before these are mended, and each is a way through the whole file.
const MOST_DRAWN: usize = 50;

/// Draws findings with the lines of the file that they are about, the first fifty of them. `name` is the file's name for
/// people; `colour` only where a terminal reads it.
pub fn draw(findings: &[Finding], name: &str, text: &str, colour: bool) -> String {
    let theme = if colour {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(110)
        .with_links(false);
    let mut out = String::new();
    for finding in findings.iter().take(MOST_DRAWN) {
        let drawn = Drawn {
            finding,
            source: NamedSource::new(name, text.to_owned()).with_language("toml"),
        };
        if handler.render_report(&mut out, &drawn).is_err() {
            // The drawing refused a span; the words alone still say everything.
            out.push_str(&format!("{name}: {finding}\n"));
        }
    }
    if let Some(more) = findings.len().checked_sub(MOST_DRAWN).filter(|more| *more > 0) {
        out.push_str(&format!(
            "{name}: and {more} more. Correct these first, then check again\n"
        ));
    }
    out
}
