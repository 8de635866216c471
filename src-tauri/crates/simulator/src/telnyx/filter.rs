//! `filter[…]` of phone numbers, for the lists and for jobs, and the orders of the lists.
//!
//! A name that the contract does not have is refused: what the real API does with it is not published, and a job that ignored
//! one would change every number.

use std::cmp::Ordering;

use super::account::Account;
use super::call::Call;
use super::number::Number;
use super::refusal::Refusal;

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Connection(String),
    ConnectionName(Part, String),
    Tag(String),
    WithoutTags,
    Digits(String),
    /// In any of these countries.
    Countries(Vec<String>),
    /// A setting is this; `null` where it is not set.
    Setting(&'static str, String),
    /// Nothing that is simulated here is like that, or all is.
    Always(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Contains,
    StartsWith,
    EndsWith,
    Equal,
}

/// All that a number has to fulfil.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter(Vec<Condition>);

impl Filter {
    /// As the request says; empty where it says nothing.
    pub(super) fn read(call: &Call) -> Result<Self, Refusal> {
        let mut conditions: Vec<Condition> = Vec::new();
        for (key, value) in &call.query {
            let Some(name) = key.strip_prefix("filter[").and_then(|rest| rest.strip_suffix(']')) else {
                continue;
            };
            let name = name.replace("][", ".");
            let condition = condition(name.trim_end_matches('.'), value)?;
            match (&condition, conditions.last_mut()) {
                (Condition::Countries(more), Some(Condition::Countries(all))) => all.extend(more.iter().cloned()),
                _ => conditions.push(condition),
            }
        }
        Ok(Self(conditions))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses what the light list filters by only where it shows it as well.
    pub(super) fn check_slim(&self, call: &Call) -> Result<(), Refusal> {
        for condition in &self.0 {
            let needs = match condition {
                Condition::Tag(_) => "include_tags",
                Condition::ConnectionName(..) => "include_connection",
                Condition::Connection(_)
                | Condition::WithoutTags
                | Condition::Digits(_)
                | Condition::Countries(_)
                | Condition::Setting(..)
                | Condition::Always(_) => continue,
            };
            if !call.flag(needs) {
                let detail = format!("This filter requires the {needs} parameter.");
                return Err(Refusal::bad_request(&detail, &format!("/{needs}")));
            }
        }
        Ok(())
    }

    pub(super) fn admits(&self, number: &Number, account: &Account) -> bool {
        self.0.iter().all(|condition| match condition {
            Condition::Connection(id) => *number.connection == **id,
            Condition::ConnectionName(part, text) => {
                let name = account.connection_name(&number.connection).unwrap_or_default();
                match part {
                    Part::Contains => name.contains(text.as_str()),
                    Part::StartsWith => name.starts_with(text.as_str()),
                    Part::EndsWith => name.ends_with(text.as_str()),
                    Part::Equal => name == text,
                }
            }
            Condition::Tag(tag) => number.tags.contains(tag),
            Condition::WithoutTags => number.tags.is_empty(),
            Condition::Digits(digits) => {
                digits.bytes().all(|b| b.is_ascii_digit()) && number.e164.contains(digits.as_str())
            }
            Condition::Countries(countries) => countries.iter().any(|country| country == number.country()),
            Condition::Setting(name, value) => number.setting(name).unwrap_or("null") == value,
            Condition::Always(holds) => *holds,
        })
    }
}

fn condition(name: &str, value: &str) -> Result<Condition, Refusal> {
    let text = value.to_owned();
    Ok(match name {
        "connection_id" => Condition::Connection(text),
        "voice.connection_name.contains" => Condition::ConnectionName(Part::Contains, text),
        "voice.connection_name.starts_with" => Condition::ConnectionName(Part::StartsWith, text),
        "voice.connection_name.ends_with" => Condition::ConnectionName(Part::EndsWith, text),
        "voice.connection_name.eq" => Condition::ConnectionName(Part::Equal, text),
        "tag" => Condition::Tag(text),
        "without_tags" if value == "true" => Condition::WithoutTags,
        "without_tags" => Condition::Always(true),
        // Fewer than three digits are refused; anything but digits finds nothing.
        "phone_number" if value.len() < 3 => {
            let detail = "The phone_number filter requires at least three digits.";
            return Err(Refusal::bad_request(detail, "/filter/phone_number"));
        }
        "phone_number" => Condition::Digits(text),
        "country_iso_alpha2" => Condition::Countries(vec![text]),
        "customer_reference" => Condition::Setting("customer_reference", text),
        "billing_group_id" => Condition::Setting("billing_group_id", text),
        "emergency_address_id" => Condition::Always(value == "null"),
        "status" => Condition::Always(value == "active"),
        "number_type.eq" => Condition::Always(value == "local"),
        "source" => Condition::Always(value == "purchased"),
        "voice.usage_payment_method" => Condition::Always(value == "pay-per-minute"),
        "has_bundle" => Condition::Always(value == "false"),
        _ => return Err(Refusal::bad_request("The filter is not supported.", "/filter")),
    })
}

/// How a list of an account's numbers is sorted.
type Order = fn(&Account, &Number, &Number) -> Ordering;

/// The order that a list of numbers is asked for in; newest first where it is not.
pub(super) fn order(call: &Call) -> Result<Order, Refusal> {
    Ok(match call.param("sort") {
        None => |_, a, b| b.created.cmp(&a.created),
        // All are paid alike, so their order is that of their purchase.
        Some("purchased_at" | "usage_payment_method") => |_, a, b| a.created.cmp(&b.created),
        Some("phone_number") => |_, a, b| a.e164.cmp(&b.e164),
        Some("connection_name") => |account, a, b| {
            let name = |number: &Number| account.connection_name(&number.connection);
            name(a).cmp(&name(b))
        },
        Some(_) => return Err(Refusal::bad_sort()),
    })
}
