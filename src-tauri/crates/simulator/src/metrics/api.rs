//! The HTTP API of Prometheus, `query` and `query_range`, as text in and text out.

use timonel_domain::time::Timestamp;
use timonel_plan::scenario::Gone;

use super::number;
use super::promql::{self, Query};
use super::query::{self, Matrix, Value, Vector};
use super::samples::{Labels, Samples};

/// More points a series than this are refused.
const MOST_POINTS: i64 = 11_000;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Its media type.
    pub content_type: &'static str,
    /// Its text.
    pub body: String,
}

impl Reply {
    fn json(status: u16, body: String) -> Self {
        Self {
            status,
            content_type: "application/json",
            body,
        }
    }

    fn text(status: u16, body: &str) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: body.to_owned(),
        }
    }
}

/// What is wrong with a request: `bad_data`.
struct Bad(String);

impl Bad {
    fn parameter(name: &str, why: impl std::fmt::Display) -> Self {
        Self(format!("invalid parameter \"{name}\": {why}"))
    }
}

pub(super) fn answer(
    samples: &Samples,
    now: Timestamp,
    path: &str,
    form: &[(String, String)],
    gone: Option<Gone>,
) -> Reply {
    let form = Form {
        pairs: form,
        now: now.micros().div_euclid(1000),
    };
    let data = match path {
        "/-/ready" => return Reply::text(200, "Prometheus Server is Ready.\n"),
        "/-/healthy" => return Reply::text(200, "Prometheus Server is Healthy.\n"),
        "/api/v1/status/buildinfo" => Ok(
            r#"{"version":"2.42.0","revision":"","branch":"simulator","buildUser":"","buildDate":"","goVersion":""}"#
                .to_owned(),
        ),
        "/api/v1/query" => instant(samples, &form, gone),
        "/api/v1/query_range" => range(samples, &form, gone),
        _ => return Reply::text(404, "404 page not found\n"),
    };
    match data {
        Ok(data) => Reply::json(200, format!("{{\"status\":\"success\",\"data\":{data}}}")),
        Err(Bad(why)) => Reply::json(
            400,
            format!(
                "{{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":{}}}",
                quoted(&why)
            ),
        ),
    }
}

struct Form<'a> {
    pairs: &'a [(String, String)],
    now: i64,
}

impl Form<'_> {
    fn get(&self, name: &str) -> &str {
        self.pairs
            .iter()
            .find(|(n, _)| n == name)
            .map_or("", |(_, value)| value)
    }

    fn query(&self) -> Result<Query, Bad> {
        promql::parse(self.get("query")).map_err(|error| Bad::parameter("query", error))
    }

    /// Seconds with a fraction, or RFC 3339; in milliseconds.
    fn time(&self, name: &str) -> Result<i64, Bad> {
        let text = self.get(name);
        if let Ok(seconds) = text.parse::<f64>()
            && seconds.abs() < 9e12
        {
            return Ok((seconds.trunc() as i64) * 1000 + (seconds.fract() * 1000.0).round() as i64);
        }
        let time = text.parse::<Timestamp>().map(|at| at.micros().div_euclid(1000));
        time.map_err(|_| Bad::parameter(name, format!("cannot parse \"{text}\" to a valid timestamp")))
    }

    /// Seconds with a fraction, or a duration; in milliseconds.
    fn step(&self) -> Result<i64, Bad> {
        let text = self.get("step");
        let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
        let step = seconds
            .map(|seconds| (seconds * 1000.0) as i64)
            .or_else(|| promql::duration(text));
        match step {
            Some(step) if step > 0 => Ok(step),
            Some(_) => Err(Bad::parameter(
                "step",
                "zero or negative query resolution step widths are not accepted. Try a positive integer",
            )),
            None => Err(Bad::parameter(
                "step",
                format!("cannot parse \"{text}\" to a valid duration"),
            )),
        }
    }
}

fn instant(samples: &Samples, form: &Form<'_>, gone: Option<Gone>) -> Result<String, Bad> {
    let at = if form.get("time").is_empty() {
        form.now
    } else {
        form.time("time")?
    };
    let value = query::instant(samples, &form.query()?, at);
    Ok(match value {
        Value::Vector(vector) => vector_json(distort(vector, gone, |value| *value = f64::NAN), at),
        Value::Matrix(matrix) => matrix_json(distort(matrix, gone, no_numbers)),
    })
}

fn range(samples: &Samples, form: &Form<'_>, gone: Option<Gone>) -> Result<String, Bad> {
    let (start, end) = (form.time("start")?, form.time("end")?);
    if end < start {
        return Err(Bad::parameter("end", "end timestamp must not be before start time"));
    }
    let step = form.step()?;
    if (end - start) / step > MOST_POINTS {
        return Err(Bad(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)".to_owned(),
        ));
    }
    let Some(matrix) = query::range(samples, &form.query()?, start, end, step) else {
        let why = "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector";
        return Err(Bad::parameter("query", why));
    };
    Ok(matrix_json(distort(matrix, gone, no_numbers)))
}

fn no_numbers(points: &mut Vec<(i64, f64)>) {
    for (_, value) in points {
        *value = f64::NAN;
    }
}

/// A source that is gone in a way that still answers.
fn distort<T>(mut series: Vec<(Labels, T)>, gone: Option<Gone>, no_number: impl Fn(&mut T)) -> Vec<(Labels, T)> {
    match gone {
        None | Some(Gone::Down) => {}
        Some(Gone::Empty) => series.clear(),
        Some(Gone::Nan) => series.iter_mut().for_each(|(_, value)| no_number(value)),
    }
    series
}

fn vector_json(vector: Vector, at: i64) -> String {
    let one =
        |(labels, value): &(Labels, f64)| format!("{{\"metric\":{},\"value\":{}}}", metric(labels), point(at, *value));
    let series: Vec<String> = vector.iter().map(one).collect();
    format!("{{\"resultType\":\"vector\",\"result\":[{}]}}", series.join(","))
}

fn matrix_json(matrix: Matrix) -> String {
    let one = |(labels, points): &(Labels, Vec<(i64, f64)>)| {
        let values: Vec<String> = points.iter().map(|(at, value)| point(*at, *value)).collect();
        format!("{{\"metric\":{},\"values\":[{}]}}", metric(labels), values.join(","))
    };
    let series: Vec<String> = matrix.iter().map(one).collect();
    format!("{{\"resultType\":\"matrix\",\"result\":[{}]}}", series.join(","))
}

fn metric(labels: &Labels) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{}:{}", quoted(name), quoted(value)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

/// Written by hand: a JSON library would not keep the three decimals of a time.
fn point(at: i64, value: f64) -> String {
    format!("[{},\"{}\"]", number::time(at), number::text(value))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
