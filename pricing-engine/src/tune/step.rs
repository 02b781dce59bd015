//! What of a proposal may be applied at once.

use rust_decimal::{Decimal, RoundingStrategy};

use super::ProposedRate;
use crate::config;

/// A change of a rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The key, as `tune.vary` has it.
    pub(crate) key: String,
    /// Where it is in the rate card's file.
    pub(crate) path: Vec<String>,
    /// The rate so far.
    pub(crate) before: Decimal,
    /// The new rate.
    pub(crate) after: Decimal,
    /// The proposed rate, towards which this is a step.
    pub(crate) proposal: Decimal,
}

/// The changes towards a proposal: each rate within its floor and ceiling, and within the largest step of what it is now.
/// Rates that stay as they are have none.
///
/// # Errors
/// When a rate is not one of those that may be varied, or nothing between its floor and ceiling is within one step.
pub(crate) fn steps(config: &config::Tune, rates: &[ProposedRate]) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    for rate in rates {
        let range = config.vary.get(&rate.key).ok_or_else(|| format!("`{}` is not in `tune.vary`", rate.key))?;
        let after = within_a_step(rate, *range, config.max_step.share()).ok_or_else(|| {
            let (key, current, step) = (&rate.key, rate.current, config.max_step);
            format!("`{key}`: no value from {range} is within {step} of {current}; change the rate by hand")
        })?;
        if after != rate.current {
            let (key, path) = (rate.key.clone(), rate.path.clone());
            steps.push(Step { key, path, before: rate.current, after, proposal: rate.proposal });
        }
    }
    Ok(steps)
}

/// The value nearest to the proposal that is within the range and within a step of the current one.
fn within_a_step(rate: &ProposedRate, range: config::TuneRange, share: Decimal) -> Option<Decimal> {
    let step = rate.current.checked_mul(share)?;
    let low = range.low.max(rate.current.checked_sub(step)?);
    let high = range.high.min(rate.current.checked_add(step)?);
    let decimals = decimals(rate.current, step);
    // Inwards, so that a step never exceeds its bound.
    let rounded = (
        low.round_dp_with_strategy(decimals, RoundingStrategy::ToPositiveInfinity),
        high.round_dp_with_strategy(decimals, RoundingStrategy::ToNegativeInfinity),
    );
    let (low, high) = if rounded.0 <= rounded.1 { rounded } else { (low, high) };
    (low <= high).then(|| rate.proposal.clamp(low, high).normalize())
}

/// The decimals of a step: cents, or as many as the rate has, or so many that the step is at least ten units of the last.
/// Otherwise steps of 5 % would add two decimals a day.
fn decimals(current: Decimal, step: Decimal) -> u32 {
    let ten_units = |decimals: &u32| Decimal::try_new(10, *decimals).is_ok_and(|units| units <= step);
    let fine = (0..=Decimal::MAX_SCALE).find(ten_units).unwrap_or(Decimal::MAX_SCALE);
    fine.max(2).max(current.normalize().scale())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(current: &str, proposal: &str) -> Result<Option<String>, String> {
        let text = "[rates]\nfile = \"rates.toml\"\n[tune]\nscenario = \"s.toml\"\nmax_step = \"10%\"\nvary = { k = \"1300..2200\" }\n";
        let config = config::parse(text).unwrap().tune.unwrap();
        let number = |text: &str| text.parse().unwrap();
        let rate = ProposedRate {
            key: "k".to_owned(),
            path: vec!["k".to_owned()],
            current: number(current),
            proposal: number(proposal),
        };
        steps(&config, &[rate]).map(|steps| steps.first().map(|step| step.after.to_string()))
    }

    #[test]
    fn steps_do_not_add_decimals_and_small_rates_still_move() {
        let steps = |share: &str, rates: [&str; 3]| {
            let [current, proposal, range] = rates;
            let text = format!(
                "[rates]\nfile = \"rates.toml\"\n[tune]\nscenario = \"s.toml\"\nmax_step = \"{share}\"\nvary = {{ k = \"{range}\" }}\n"
            );
            let config = config::parse(&text).unwrap().tune.unwrap();
            let mut rate = ProposedRate {
                key: "k".to_owned(),
                path: vec!["k".to_owned()],
                current: current.parse().unwrap(),
                proposal: proposal.parse().unwrap(),
            };
            for _ in 0..4 {
                rate.current = super::steps(&config, &[rate.clone()]).unwrap()[0].after;
            }
            rate.current.to_string()
        };
        // 1900, 1805, 1714.75, 1629.02 (not 1629.0125).
        assert_eq!(steps("5%", ["1900", "1300", "1300..2200"]), "1547.57");
        assert_eq!(steps("5%", ["0.02", "0.01", "0.01..0.04"]), "0.0163");
    }

    #[test]
    fn a_step_is_bounded_by_the_rate_of_now_and_by_floor_and_ceiling() {
        let some = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(applied("1900", "1800"), some("1800"));
        assert_eq!(applied("1900", "1300"), some("1710"));
        assert_eq!(applied("1900", "2500"), some("2090"));
        assert_eq!(applied("2100", "2500"), some("2200"));
        assert_eq!(applied("1350", "1000"), some("1300"));
        assert_eq!(applied("1900", "1900"), Ok(None));
        // Beyond the ceiling, but a step leads back.
        assert_eq!(applied("2300", "2250"), some("2200"));
        assert!(applied("2500", "2200").unwrap_err().contains("by hand"));
        assert!(applied("1000", "1300").is_err());
    }
}
