//! Numbers as Prometheus writes them.

/// As `strconv` does in Prometheus's JSON: shortest digits, an exponent only below 1e-6 and from 1e21 on.
pub(super) fn text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return value.to_string();
    }
    let short = format!("{value:e}");
    let (digits, exponent) = short.split_once('e').unwrap_or((&short, "0"));
    let (sign, exponent) = exponent
        .strip_prefix('-')
        .map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Milliseconds as seconds: an integer, or three decimals.
pub(super) fn time(millis: i64) -> String {
    let (seconds, rest) = (millis / 1000, millis % 1000);
    let sign = if millis < 0 && seconds == 0 { "-" } else { "" };
    if rest == 0 {
        seconds.to_string()
    } else {
        format!("{sign}{seconds}.{:03}", rest.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let check = |value: f64, expect: &str| assert_eq!(text(value), expect);
        check(0.05, "0.05");
        check(1e6, "1000000");
        check(0.0, "0");
        check(-0.0, "-0");
        check(1.0 / 3.0, "0.3333333333333333");
        check(1e-7, "1e-07");
        check(-2.5e-10, "-2.5e-10");
        check(1e21, "1e+21");
        check(1e300, "1e+300");
        check(1e20, "100000000000000000000");
        check(f64::NAN, "NaN");
        check(f64::INFINITY, "+Inf");
        check(f64::NEG_INFINITY, "-Inf");
    }

    #[test]
    fn times() {
        assert_eq!(time(1_435_781_451_781), "1435781451.781");
        assert_eq!(time(1_435_781_451_010), "1435781451.010");
        assert_eq!(time(1_435_781_451_000), "1435781451");
        assert_eq!(time(-1), "-0.001");
    }
}
