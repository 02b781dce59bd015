//! Findings: what the numbers show, in words. Only what they support is stated.

use rust_decimal::Decimal;

use super::number::{self, money, share};
use super::view::{self, Cell, Measure};
use crate::summary::StrategySummary;
use pricing_core::text::plural;

/// The most combinations that a sentence names.
const NAMED: usize = 3;

/// A strategy with its revenue.
type StrategyRevenue<'a> = (&'a StrategySummary, Measure);

/// The findings of one cell.
pub(super) fn of_cell(cell: &Cell<'_>) -> String {
    let mut earners: Vec<StrategyRevenue<'_>> =
        cell.strategies.iter().filter_map(|strategy| view::revenue(strategy).map(|usd| (strategy, usd))).collect();
    // Stable: strategies with equal revenue stay in the scenario's order.
    earners.sort_by_key(|earner| std::cmp::Reverse(earner.1.value));
    let mut sentences = match earners.as_slice() {
        [] => vec!["No strategy has a revenue that could be told.".to_owned()],
        [only] => vec![format!("“{}” earned {} USD{}.", only.0.name, money(only.1.value), a_run(cell, &only.1))],
        [first, second, ..] if first.1.value == second.1.value => vec![format!(
            "“{}” and “{}” earned the same{}: {} USD{}.",
            first.0.name,
            second.0.name,
            if earners.len() > 2 { ", and no other strategy more" } else { "" },
            money(first.1.value),
            a_run(cell, &first.1)
        )],
        [first, second, others @ ..] => most(cell, first, second, others),
    };
    sentences.extend(wins(cell));
    sentences.extend(charges(cell));
    if !cell.means() {
        sentences.push(
            "This is one run with one seed: how much of it is chance is not known; “sweep.seeds” shows it.".to_owned(),
        );
    }
    sentences.join(" ")
}

fn a_run(cell: &Cell<'_>, usd: &Measure) -> String {
    let mean = if cell.means() { " a run on average" } else { "" };
    let reach = usd.reach.map(|(low, high)| format!(" (95% interval {} to {})", money(low), money(high)));
    format!("{mean}{}", reach.unwrap_or_default())
}

/// Which strategy earned most, and by how much.
fn most(
    cell: &Cell<'_>,
    first: &StrategyRevenue<'_>,
    second: &StrategyRevenue<'_>,
    others: &[StrategyRevenue<'_>],
) -> Vec<String> {
    let by = first.1.value.checked_sub(second.1.value).unwrap_or_default();
    let percent = number::more(first.1.value, second.1.value);
    let percent = percent.map(|percent| format!(" ({})", share(percent))).unwrap_or_default();
    let next = if others.is_empty() { "" } else { ", which comes second" };
    let mut sentences = vec![format!(
        "“{}” earned most: {} USD{}, {} USD{percent} more than “{}”{next}.",
        first.0.name,
        money(first.1.value),
        a_run(cell, &first.1),
        money(by),
        second.0.name
    )];
    if cell.means() {
        sentences.push(sure(cell, first, second));
        sentences.extend(unsure(cell, first, others));
    }
    sentences
}

/// How significant the difference between the two best strategies is.
fn sure(cell: &Cell<'_>, first: &StrategyRevenue<'_>, second: &StrategyRevenue<'_>) -> String {
    let Some(difference) = cell.difference(first.0, second.0) else {
        return "Their difference seed by seed is not known.".to_owned();
    };
    let (low, high) = (money(difference.low), money(difference.high));
    let shown = if difference.low > Decimal::ZERO {
        ", all above 0"
    } else {
        ": it includes 0, so that these seeds do not show which of the two earns more"
    };
    format!("Seed by seed the 95% interval of that difference is {low} to {high} USD{shown}.")
}

/// The strategies after the second whose revenue is not significantly lower than the first one's.
fn unsure(cell: &Cell<'_>, first: &StrategyRevenue<'_>, others: &[StrategyRevenue<'_>]) -> Option<String> {
    let unclear = |other: &&StrategyRevenue<'_>| {
        cell.difference(first.0, other.0).is_none_or(|difference| difference.low <= Decimal::ZERO)
    };
    let names: Vec<String> = others.iter().filter(unclear).map(|other| format!("“{}”", other.0.name)).collect();
    (!names.is_empty()).then(|| format!("These seeds do not show that it earns more than {} either.", names.join(", ")))
}

/// The win rates.
fn wins(cell: &Cell<'_>) -> Option<String> {
    let of = |strategy: &StrategySummary| {
        let rate = view::win_rate(strategy)?;
        Some(format!("“{}” {}", strategy.name, share(rate.value)))
    };
    let rates: Vec<String> = cell.strategies.iter().filter_map(of).collect();
    let mean = if cell.means() { ", on average" } else { "" };
    (!rates.is_empty()).then(|| format!("Of the orders that arrived{mean}, won: {}.", rates.join(", ")))
}

/// The strategies that charged more or less than the cards that were handed out cost.
fn charges(cell: &Cell<'_>) -> Option<String> {
    let of = |strategy: &StrategySummary| {
        let (over, under) = (&strategy.figures.overcharge, &strategy.figures.undercharge);
        let mut words = Vec::new();
        if over.orders > 0 {
            words.push(format!("{} above by {} USD", leases(over.orders), number::usd(over.usd)));
        }
        if under.orders > 0 {
            words.push(format!("{} below by {} USD", leases(under.orders), number::usd(under.usd)));
        }
        (!words.is_empty()).then(|| format!("“{}” {}", strategy.name, words.join(" and ")))
    };
    let charged: Vec<String> = cell.strategies.iter().filter_map(of).collect();
    if charged.is_empty() {
        return Some("No lease paid other than what the rates of its own cards come to.".to_owned());
    }
    let all = if cell.means() { " over all seeds" } else { "" };
    Some(format!("Against the rates of the cards that were handed out{all}: {}.", charged.join("; ")))
}

fn leases(count: u64) -> String {
    format!("{} {}", number::whole(count), plural(count, "lease", "leases"))
}

/// The cell and strategy of a sweep that earned most, those that cannot be told from it, and in how many cells which
/// strategy earned most.
pub(super) fn of_sweep(cells: &[Cell<'_>]) -> String {
    let all = cells.iter().flat_map(|cell| cell.strategies.iter().map(move |strategy| (cell, strategy)));
    let mut all: Vec<(&Cell<'_>, &StrategySummary, Measure)> =
        all.filter_map(|(cell, strategy)| view::revenue(strategy).map(|usd| (cell, strategy, usd))).collect();
    all.sort_by_key(|entry| std::cmp::Reverse(entry.2.value));
    let Some((cell, strategy, usd)) = all.first() else { return String::new() };
    let as_much = all.iter().skip(1).filter(|other| other.2.value == usd.value).count();
    let mut sentences = vec![format!(
        "Of {} combinations of cell and strategy, “{}” with {} earned most: {} USD{}.",
        number::whole(all.len()),
        strategy.name,
        cell.name(),
        money(usd.value),
        a_run(cell, usd)
    )];
    if as_much > 0 {
        let others = plural(as_much, "other", "others");
        sentences.push(format!("{} {others} earned as much.", number::whole(as_much)));
    }
    if cell.means() {
        let others: Vec<&StrategySummary> = all.iter().skip(1).map(|other| other.1).collect();
        sentences.push(told_apart(cell, strategy, &others));
    }
    sentences.extend(winners(cells));
    sentences.join(" ")
}

/// How many combinations earn less than the best, seed by seed.
fn told_apart(cell: &Cell<'_>, best: &StrategySummary, others: &[&StrategySummary]) -> String {
    let unclear = |other: &&&StrategySummary| {
        view::paired(cell.pairs, best, other).is_none_or(|difference| difference.low <= Decimal::ZERO)
    };
    let unclear: Vec<&&StrategySummary> = others.iter().filter(unclear).collect();
    let name = |it: &&&StrategySummary| {
        let values: Vec<String> = it.axes.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        format!("“{}” with {}", it.name, values.join(", "))
    };
    match unclear.len() {
        0 => "Seed by seed it earned more than each of the others: the 95% intervals of the differences are above 0."
            .to_owned(),
        number => {
            let named: Vec<String> = unclear.iter().take(NAMED).map(name).collect();
            let more =
                if number > NAMED { format!(" and {} more", number.saturating_sub(NAMED)) } else { String::new() };
            format!(
                "Seed by seed these do not earn clearly less, since the 95% interval of the difference includes 0: {}{more}.",
                named.join("; ")
            )
        }
    }
}

/// In how many cells each strategy earned most, and where one earns clearly more than the one that wins elsewhere.
fn winners(cells: &[Cell<'_>]) -> Option<String> {
    let mut wins: Vec<(&str, Vec<&Cell<'_>>)> = Vec::new();
    for cell in cells.iter().filter(|cell| cell.strategies.len() > 1) {
        let Some(winner) = winner(cell) else { continue };
        match wins.iter_mut().find(|(name, _)| *name == winner.name) {
            Some((_, cells)) => cells.push(cell),
            None => wins.push((&winner.name, vec![cell])),
        }
    }
    wins.sort_by_key(|(_, cells)| std::cmp::Reverse(cells.len()));
    let (name, in_cells) = wins.first()?;
    if wins.len() == 1 && in_cells.len() == cells.len() {
        return Some(format!("In every cell “{name}” earned most."));
    }
    let mut words = vec![format!("“{name}” earned most in {} of {} cells", in_cells.len(), cells.len())];
    for (name, in_cells) in wins.iter().skip(1) {
        let named: Vec<String> = in_cells.iter().take(NAMED).map(|cell| cell.name()).collect();
        let more = in_cells.len().saturating_sub(NAMED);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        words.push(format!("“{name}” in {} ({}{more})", in_cells.len(), named.join("; ")));
    }
    Some(format!("{}.", words.join(", ")))
}

/// The strategy that earned most in a cell. None if two earned the same.
fn winner<'a>(cell: &Cell<'a>) -> Option<&'a StrategySummary> {
    let earned = |it: &StrategySummary| view::revenue(it).map(|usd| usd.value);
    let best = cell.strategies.iter().reduce(|best, next| if earned(next) > earned(best) { next } else { best })?;
    let same = cell.strategies.iter().filter(|it| earned(it) == earned(best)).count();
    (same == 1).then_some(best)
}

/// The cell with the highest revenue.
pub(super) fn best(cells: &[Cell<'_>]) -> Option<usize> {
    let most = |cell: &Cell<'_>| cell.strategies.iter().filter_map(view::revenue).map(|usd| usd.value).max();
    let mut best: Option<(usize, Decimal)> = None;
    for (place, cell) in cells.iter().enumerate() {
        if let Some(usd) = most(cell).filter(|usd| best.is_none_or(|(_, most)| *usd > most)) {
            best = Some((place, usd));
        }
    }
    best.map(|(place, _)| place)
}
