//! What must be known before any of the figures is believed.

use std::collections::{BTreeMap, BTreeSet};

use super::Warning;
use crate::result::{RunResult, Starred};
use crate::sweep::Sweep;

/// The most requests that a warning lists.
const MAX_LISTED: usize = 4;

/// The warnings about the runs of a sweep.
pub(super) fn warnings(sweep: &Sweep, results: &[RunResult]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    warnings.extend(no_limits(sweep, results));
    let maximum = results.iter().map(|run| &run.limits.maximum);
    warnings.extend(most(maximum).map(|starred| {
        let so = "no maximum was set for them";
        starred_warning("maximum-wildcard", "[orders.maximum]", starred, so)
    }));
    warnings.extend(competitors(results));
    if sweep.seeds.len() == 1 && !results.is_empty() {
        let message = "there is one seed, so nothing here shows how much is chance; set `sweep.seeds`".to_owned();
        warnings.push(Warning { code: "one-seed", orders: None, message });
    }
    warnings
}

/// Where neither a maximum nor another bid limits any order, every price wins.
fn no_limits(sweep: &Sweep, results: &[RunResult]) -> Option<Warning> {
    let unlimited =
        |run: &&RunResult| run.limits.orders > 0 && run.limits.with_maximum == 0 && run.limits.contested == 0;
    let cells: BTreeSet<usize> = results.iter().filter(unlimited).map(|run| run.cell).collect();
    let place = match (cells.len(), sweep.cells.len()) {
        (0, _) => return None,
        (some, all) if some < all => format!("in {some} of {all} cells "),
        _ => String::new(),
    };
    let message = format!(
        "{place}nobody competes and no order has a maximum, so no price is too high and the dearest strategy earns most; \
         add [market] or [orders.maximum]"
    );
    Some(Warning { code: "no-limits", orders: None, message })
}

/// The competitors who do not bid on some orders because of a `*`.
fn competitors(results: &[RunResult]) -> Vec<Warning> {
    let mut by_name: BTreeMap<&str, Vec<&Starred>> = BTreeMap::new();
    for (name, starred) in results.iter().flat_map(|run| &run.limits.competitors) {
        by_name.entry(name).or_default().push(starred);
    }
    let warning = |(name, list): (&str, Vec<&Starred>)| {
        let who = if name == "market" { "[market]".to_owned() } else { format!("the competitor `{name}`") };
        most(list.into_iter())
            .map(|starred| starred_warning("market-wildcard", &who, starred, "it did not bid on them"))
    };
    by_name.into_iter().filter_map(warning).collect()
}

/// The run with the most such orders.
fn most<'a>(list: impl Iterator<Item = &'a Starred>) -> Option<&'a Starred> {
    list.filter(|starred| starred.orders > 0).reduce(|most, next| if next.orders > most.orders { next } else { most })
}

fn starred_warning(code: &'static str, who: &str, starred: &Starred, so: &str) -> Warning {
    let mut listed: Vec<(&String, &u64)> = starred.by_cards.iter().collect();
    listed.sort_by_key(|(_, orders)| std::cmp::Reverse(**orders));
    let listed: Vec<String> =
        listed.into_iter().take(MAX_LISTED).map(|(cards, orders)| format!("{cards}: {orders}")).collect();
    let orders = if starred.orders == 1 {
        "1 order of a run names".to_owned()
    } else {
        format!("{} orders of a run name", starred.orders)
    };
    let message = format!(
        "{who}: {orders} a model that only `*` of its rate card prices ({}); `*` does not stand in for a named model, so \
         {so}; add entries for these models",
        listed.join(", ")
    );
    Warning { code, orders: Some(starred.orders), message }
}
