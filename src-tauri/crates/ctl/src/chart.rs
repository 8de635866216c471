//! `chart`: a rollout's metric, or its phases over time, as a file.

use std::path::Path;

use timonel_bridge::chart::{ChartError, Format, Look, Subject, Theme};
use timonel_bridge::words::Words;
use timonel_domain::time::Timestamp;

use crate::Failure;
use crate::args::Chart;

pub(crate) async fn chart(args: Chart, words: &Words) -> Result<(), Failure> {
    let Some(format) = format(&args.out) else {
        let file = args.out.display().to_string();
        complain!("timonelctl: {}", words.say("chart-format", &[("file", file)]));
        return Err(Failure::BadInput);
    };
    let subject = match args.metric.as_str() {
        "timeline" => Subject::Timeline,
        metric => Subject::Metric(metric.to_owned()),
    };
    let look = Look {
        format,
        theme: if args.dark { Theme::Dark } else { Theme::Light },
        language: words.language(),
        zone: args.zone,
    };
    let desk = args.at.desk().await?;
    let row = desk.rollout(args.rollout.as_ref()).await?;
    let during = (args.from, args.to);
    let picture = desk.picture(&row, &subject, during, &look).await;
    let picture = picture.map_err(|error| refused(error, words))?;
    std::fs::write(&args.out, picture).map_err(|why| Failure::Unwritable {
        path: args.out.display().to_string(),
        why,
    })?;
    let file = args.out.display().to_string();
    tell!("{}", words.say("chart-written", &[("file", file)]));
    Ok(())
}

fn format(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "svg" => Some(Format::Svg),
        "png" => Some(Format::Png),
        _ => None,
    }
}

/// Says what is wrong in the person's language; what is the installation's fault is said as everywhere.
fn refused(error: ChartError, words: &Words) -> Failure {
    let when = |at: Option<Timestamp>| at.map_or_else(|| "…".to_owned(), |at| at.to_string());
    let said = match error {
        ChartError::Bridge(error) => return error.into(),
        ChartError::UnknownMetric { asked, known } => {
            words.say("chart-unknown-metric", &[("asked", asked), ("known", known.join(", "))])
        }
        ChartError::NoSamples { metric, from, to } => match (from, to) {
            (None, None) => words.say("chart-no-samples", &[("metric", metric)]),
            (from, to) => words.say(
                "chart-no-samples-then",
                &[("metric", metric), ("from", when(from)), ("to", when(to))],
            ),
        },
        ChartError::Report(error) => error.to_string(),
    };
    complain!("timonelctl: {said}");
    Failure::BadInput
}
