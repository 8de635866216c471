//! Tenants with their numbers. Whether a number has one tenant only is `lint`'s.

use std::collections::BTreeSet;

use timonel_domain::plan::TenantPlan;
use timonel_domain::value::TenantId;

use super::{id, once, parts};
use crate::finding::Findings;
use crate::model::PlanFile;
use crate::parsed::TenantConfig;
use crate::place::Path;

pub(super) fn tenants(file: &PlanFile, out: &mut Findings) -> Vec<(TenantPlan, TenantConfig)> {
    let mut seen = BTreeSet::new();
    let mut tenants = Vec::new();
    for (path, tenant) in parts(&file.tenants, "tenants") {
        once(&tenant.id, "tenant", &path.key("id"), &mut seen, out);
        if tenant.numbers.is_empty() {
            out.error(
                &path.key("numbers"),
                "tenant.no-numbers",
                format!("`{}` has no number, so nothing of it can be moved or kept", tenant.id),
                "Write its numbers, such as `numbers = [\"+34910000101\"]`",
            );
        }
        e164(&tenant.numbers, &path.key("numbers"), out);
        let Some(id) = id(&tenant.id, &path.key("id"), out, TenantId::new) else {
            continue;
        };
        let plan = TenantPlan {
            id: id.clone(),
            name: tenant.name.clone(),
            pinned: tenant.pinned,
        };
        let config = TenantConfig {
            id,
            name: tenant.name.clone(),
            numbers: tenant.numbers.clone(),
            pinned: tenant.pinned,
        };
        tenants.push((plan, config));
    }
    tenants
}

/// A number that is written otherwise than its provider writes it is never found there, and so never kept back.
pub(super) fn e164(numbers: &[String], path: &Path, out: &mut Findings) {
    for (index, number) in numbers.iter().enumerate().filter(|(_, number)| !is_e164(number)) {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let tidy = format!("+{}", digits.strip_prefix("00").unwrap_or(&digits));
        let begins = number.trim_start().starts_with('+') || digits.starts_with("00");
        let advice = if begins && is_e164(&tidy) {
            format!("Write `{tidy}`")
        } else {
            "Write `+`, the country's code and the number, without spaces: `+34910000101`".to_owned()
        };
        out.error(
            &path.index(index),
            "file.number",
            format!("`{number}` is no number in E.164"),
            advice,
        );
    }
}

/// ITU-T E.164: at most 15 digits, none of which a country's code begins with 0. Fewer than 7 are no subscriber's.
fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
    })
}
