//! What is wrong with an object: the CRD's schema where it matters for weights, istiod's webhook, Lease times, immutable fields.
//!
//! Deliberately not the whole schema: only what a console that moves weights can get wrong.

use serde_json::Value;
use timonel_domain::time::Timestamp;

use super::kind::{Key, Kind};
use super::status::{Cause, Refusal};

/// Takes out the fields that the CRD does not know, as the real server does, and names them.
pub(super) fn prune(kind: &Kind, object: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    let Some(spec) = object.get_mut("spec") else {
        return unknown;
    };
    match kind.kind {
        "VirtualService" => {
            keep(
                spec,
                "spec",
                &["hosts", "gateways", "http", "tls", "tcp", "exportTo"],
                &mut unknown,
            );
            for (at, http) in items(spec, "http") {
                let place = format!("spec.http[{at}]");
                keep(http, &place, HTTP_ROUTE, &mut unknown);
                for (at, route) in items(http, "route") {
                    let place = format!("{place}.route[{at}]");
                    keep(route, &place, &["destination", "weight", "headers"], &mut unknown);
                    if let Some(destination) = route.get_mut("destination") {
                        keep(
                            destination,
                            &format!("{place}.destination"),
                            &["host", "subset", "port"],
                            &mut unknown,
                        );
                    }
                }
            }
        }
        "DestinationRule" => {
            let known = &["host", "trafficPolicy", "subsets", "exportTo", "workloadSelector"];
            keep(spec, "spec", known, &mut unknown);
        }
        // Built-in kinds: unknown fields stay, which no target's behaviour depends on.
        _ => {}
    }
    unknown
}

const HTTP_ROUTE: &[&str] = &[
    "name",
    "match",
    "route",
    "redirect",
    "directResponse",
    "delegate",
    "rewrite",
    "timeout",
    "retries",
    "fault",
    "mirror",
    "mirrors",
    "mirrorPercent",
    "mirror_percent",
    "mirrorPercentage",
    "corsPolicy",
    "headers",
];

fn keep(map: &mut Value, place: &str, known: &[&str], unknown: &mut Vec<String>) {
    let Some(map) = map.as_object_mut() else { return };
    map.retain(|key, _| {
        let is_known = known.contains(&key.as_str());
        if !is_known {
            unknown.push(format!("unknown field \"{place}.{key}\""));
        }
        is_known
    });
}

fn items<'a>(map: &'a mut Value, list: &str) -> impl Iterator<Item = (usize, &'a mut Value)> + use<'a> {
    map.get_mut(list)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .enumerate()
}

/// What the schema of `key`'s kind says against `object`, which replaces `old`.
pub(super) fn schema(key: &Key, old: Option<&Value>, object: &Value) -> Result<(), Refusal> {
    let mut causes = match key.kind.kind {
        "VirtualService" => virtual_service(object),
        "Lease" => lease(object),
        "Deployment" => deployment(old, object),
        _ => Vec::new(),
    };
    if causes.is_empty() {
        return Ok(());
    }
    if key.kind.custom {
        let skipped = "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
        causes.push(Cause::invalid("<nil>", skipped));
    }
    Err(Refusal::invalid(key, &causes))
}

fn virtual_service(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let Some(https) = of_type(&object["spec"]["http"], "spec.http", "array", &mut causes) else {
        return causes;
    };
    for (at, http) in https.as_array().into_iter().flatten().enumerate() {
        let place = format!("spec.http[{at}].route");
        let Some(routes) = of_type(&http["route"], &place, "array", &mut causes) else {
            continue;
        };
        for (at, route) in routes.as_array().into_iter().flatten().enumerate() {
            let place = format!("{place}[{at}]");
            of_type(&route["weight"], &format!("{place}.weight"), "integer", &mut causes);
            match &route["destination"] {
                Value::Null => causes.push(Cause::required(format!("{place}.destination"))),
                destination if destination["host"].is_null() => {
                    causes.push(Cause::required(format!("{place}.destination.host")));
                }
                _ => {}
            }
        }
    }
    causes
}

/// The value where it is there and of the type it should be.
fn of_type<'a>(value: &'a Value, place: &str, wanted: &str, causes: &mut Vec<Cause>) -> Option<&'a Value> {
    let found = match value {
        Value::Null => return None,
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if found == wanted {
        return Some(value);
    }
    let message = format!("Invalid value: \"{found}\": {place} in body must be of type {wanted}: \"{found}\"");
    causes.push(Cause {
        reason: "FieldValueTypeInvalid",
        message,
        field: place.to_owned(),
    });
    None
}

fn lease(object: &Value) -> Vec<Cause> {
    let spec = &object["spec"];
    let mut causes = Vec::new();
    if let Some(secs) = spec["leaseDurationSeconds"].as_i64().filter(|secs| *secs <= 0) {
        let message = format!("Invalid value: {secs}: must be greater than 0");
        causes.push(Cause::invalid("spec.leaseDurationSeconds", message));
    }
    if let Some(times) = spec["leaseTransitions"].as_i64().filter(|times| *times < 0) {
        let message = format!("Invalid value: {times}: must be greater than or equal to 0");
        causes.push(Cause::invalid("spec.leaseTransitions", message));
    }
    causes
}

fn deployment(old: Option<&Value>, object: &Value) -> Vec<Cause> {
    let selector = &object["spec"]["selector"];
    let mut causes = Vec::new();
    let labels = &object["spec"]["template"]["metadata"]["labels"];
    let wanted = selector["matchLabels"].as_object();
    if wanted.is_some_and(|wanted| wanted.iter().any(|(key, value)| labels[key] != *value)) {
        let message = format!("Invalid value: {labels}: `selector` does not match template `labels`");
        causes.push(Cause::invalid("spec.template.metadata.labels", message));
    }
    if old.is_some_and(|old| old["spec"]["selector"] != *selector) {
        causes.push(Cause::invalid(
            "spec.selector",
            format!("Invalid value: {selector}: field is immutable"),
        ));
    }
    causes
}

/// Why `object` cannot be read as its kind at all, in the words of Go's decoder.
pub(super) fn undecodable(kind: &Kind, object: &Value) -> Option<String> {
    if kind.kind != "Lease" {
        return None;
    }
    ["acquireTime", "renewTime"]
        .iter()
        .find_map(|field| match &object["spec"][*field] {
            Value::Null => None,
            Value::String(text) => micro_time(text).err(),
            _ => Some(format!(
                "json: cannot unmarshal spec.{field} into Go struct field LeaseSpec of type string"
            )),
        })
}

/// A MicroTime has exactly six digits of fraction.
fn micro_time(text: &str) -> Result<(), String> {
    const LAYOUT: &str = "2006-01-02T15:04:05.000000Z07:00";
    let refused = |rest: &str, part: &str| {
        Err(format!(
            "parsing time \"{text}\" as \"{LAYOUT}\": cannot parse \"{rest}\" as \"{part}\""
        ))
    };
    let (Some(seconds), Some(rest)) = (text.get(..19), text.get(19..)) else {
        return refused(text, "2006");
    };
    if format!("{seconds}Z").parse::<Timestamp>().is_err() {
        return refused(text, "2006");
    }
    let is_fraction = |f: &str| f.starts_with('.') && f[1..].bytes().all(|b| b.is_ascii_digit());
    if !rest.get(..7).is_some_and(is_fraction) {
        return refused(rest, ".000000");
    }
    match text.parse::<Timestamp>() {
        Ok(_) if rest[7..].starts_with(['Z', '+', '-']) => Ok(()),
        Ok(_) | Err(_) => refused(&rest[7..], "Z07:00"),
    }
}

/// What istiod's validating webhook says against a VirtualService.
pub(super) fn istiod(object: &Value) -> Result<(), String> {
    for http in object["spec"]["http"].as_array().into_iter().flatten() {
        let weights: Vec<i64> = http["route"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|route| route["weight"].as_i64().unwrap_or(0))
            .collect();
        if let Some(weight) = weights.iter().find(|weight| **weight < 0) {
            return Err(format!("configuration is invalid: weight {weight} < 0"));
        }
        if weights.len() > 1 && weights.iter().sum::<i64>() == 0 {
            return Err("configuration is invalid: total destination weight = 0".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micro_times() {
        let head = "2026-11-21T23:00:01";
        let check = |tail: &str, expect: Result<(), &str>| {
            let text = format!("{head}{tail}");
            let expect = expect.map_err(|cannot| {
                format!("parsing time \"{text}\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse {cannot}")
            });
            assert_eq!(micro_time(&text), expect);
        };
        check(".000000Z", Ok(()));
        check(".123456+01:00", Ok(()));
        check("Z", Err("\"Z\" as \".000000\""));
        check(".123Z", Err("\".123Z\" as \".000000\""));
        check(".123456789Z", Err("\"789Z\" as \"Z07:00\""));
        assert!(micro_time("yesterday").is_err());
    }
}
