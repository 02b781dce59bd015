//! What the keys of axes are called, for people.

use toml::{Table, Value};

/// Keys with a name of their own.
const NAMES: [(&str, &str); 9] = [
    ("market.factor", "market prices, times"),
    ("market.spread", "spread of the market"),
    ("market.enabled", "competition"),
    ("orders.maximum.factor", "tenants' maxima, times"),
    ("orders.maximum.spread", "spread of tenants' maxima"),
    ("orders.arrivals.rate", "orders per time"),
    ("orders.generate.wildcard_share", "share of orders for any model"),
    ("orders.generate.cpu_only_share", "share of orders without cards"),
    ("orders.limit", "number of orders"),
];
/// The rates of a rate card, and their units.
const RATES: [(&str, &str); 4] = [
    ("cpu", "threads, USD a month each"),
    ("memory", "memory, USD a month and GiB"),
    ("endpoint", "endpoints, USD a month each"),
    ("ip", "leased IPs, USD a month each"),
];

/// The label of an axis, such as `H100, USD a month (card)` for `strategy.card.set.rates.gpu.h100`. A key without a
/// name is its own label.
pub(super) fn axis(key: &str) -> String {
    let parts = parts(key);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let label = match parts.as_slice() {
        ["strategy", strategy, "set", rate @ ..] => rate_label(rate).map(|label| format!("{label} ({strategy})")),
        ["market", "competitor", name, "set", rate @ ..] => rate_label(rate).map(|label| format!("{label} ({name})")),
        ["market", "set", rate @ ..] => rate_label(rate).map(|label| format!("{label} (market)")),
        _ => NAMES.iter().find(|(known, _)| *known == key).map(|(_, name)| (*name).to_owned()),
    };
    label.unwrap_or_else(|| key.to_owned())
}

fn rate_label(rate: &[&str]) -> Option<String> {
    match rate {
        ["rates", "gpu", card] => Some(format!("{}, USD a month", card_name(card))),
        ["rates", "storage", class] => Some(format!("{class} storage, USD a month and GiB")),
        ["rates", name] => RATES.iter().find(|(known, _)| known == name).map(|(_, label)| (*label).to_owned()),
        _ => None,
    }
}

/// The name of a card as people write it: `H100` for `nvidia/h100`, `A100 80Gi` for `a100/80Gi`.
fn card_name(key: &str) -> String {
    let mut words = key.split('/');
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    let vendor = ["nvidia", "amd", "intel"].contains(&first);
    let (model, next) = match second {
        Some(model) if vendor => (model, None),
        other => (first, other),
    };
    let rest = next.into_iter().chain(words).filter(|word| *word != "*");
    std::iter::once(model.to_uppercase()).chain(rest.map(str::to_owned)).collect::<Vec<_>>().join(" ")
}

/// The parts of a dotted key, without quotes.
fn parts(key: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let Ok(mut table) = format!("{key} = 0").parse::<Table>() else { return vec![key.to_owned()] };
    while let Some((name, value)) = std::mem::take(&mut table).into_iter().next() {
        parts.push(name);
        if let Value::Table(inner) = value {
            table = inner;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::axis;

    #[test]
    fn axes_are_called_as_people_call_them() {
        for (key, label) in [
            ("strategy.card.set.rates.gpu.h100", "H100, USD a month (card)"),
            ("strategy.card.set.rates.gpu.\"nvidia/a100/80Gi\"", "A100 80Gi, USD a month (card)"),
            ("strategy.0.set.rates.cpu", "threads, USD a month each (0)"),
            ("market.set.rates.gpu.t4", "T4, USD a month (market)"),
            ("market.factor", "market prices, times"),
            ("orders.seed", "orders.seed"),
            ("x y", "x y"),
        ] {
            assert_eq!(axis(key), label);
        }
    }
}
