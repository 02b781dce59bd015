//! Which of several candidates the policy prices.

use super::candidates::{Candidate, by_probability};
use super::card_price::{CardPrice, WeighedCard};
use super::reason::{Reason, ReasonCode};
use super::tariff::{GpuTariff, priced};
use crate::divisor::least_common_multiple;
use crate::gpu::GpuKind;
use crate::money::ArithmeticOverflow;
use crate::rates::AmbiguousGpu;

/// The cards that candidates may be as far as the rate card knows, with their rates. A candidate whose RAM or interface
/// is unknown stands for every entry of its model that it could match, and these share its weight equally. As with
/// [`super::candidates`], the fractions are scaled to integers.
fn weighed(tariff: GpuTariff<'_>, candidates: &[Candidate]) -> Result<Vec<WeighedCard>, Reason> {
    if let [one] = candidates
        && one.kind.is_known()
    {
        return Ok(vec![WeighedCard { card: priced(tariff, &one.kind)?, weight: one.weight }]);
    }
    let entries: Vec<Vec<GpuKind>> = candidates.iter().map(|one| tariff.gpu.cards_of(&one.kind)).collect();
    let parts = |cards: &Vec<GpuKind>| u128::try_from(cards.len()).unwrap_or(u128::MAX);
    let multiple = entries.iter().try_fold(1, |multiple, cards| least_common_multiple(multiple, parts(cards)));
    let multiple = multiple.ok_or(ArithmeticOverflow)?;
    let mut weighed: Vec<WeighedCard> = Vec::new();
    for (candidate, cards) in candidates.iter().zip(&entries) {
        let part = multiple.checked_div(parts(cards)).and_then(|part| part.checked_mul(candidate.weight));
        let part = part.ok_or(ArithmeticOverflow)?;
        for kind in cards {
            match weighed.iter_mut().find(|one| one.card.kind == *kind) {
                Some(known) => known.weight = known.weight.checked_add(part).ok_or(ArithmeticOverflow)?,
                None => weighed.push(WeighedCard { card: priced(tariff, kind)?, weight: part }),
            }
        }
    }
    Ok(weighed)
}

/// The price of the candidates that an inventory knows, by policy.
///
/// Candidates with equal prices need no policy, except under [`AmbiguousGpu::Decline`], which insists on a certain
/// card.
pub(super) fn choose_known(
    tariff: GpuTariff<'_>,
    ambiguous: AmbiguousGpu,
    candidates: &[Candidate],
) -> Result<CardPrice, Reason> {
    let is_certain = matches!(candidates, [one] if tariff.gpu.sized(&one.kind).is_known());
    let likely = if ambiguous == AmbiguousGpu::Likely { by_probability(candidates) } else { None };
    let mut cards = weighed(tariff, likely.as_deref().unwrap_or(candidates))?;
    if likely.is_some() {
        // Every kind needs a rate, but those that Kubernetes would not hand out are not part of the mean.
        cards.retain(|card| card.weight > 0);
    }
    if ambiguous == AmbiguousGpu::Decline && !is_certain {
        return Err(not_certain(&cards));
    }
    choose_among(cards, ambiguous)
}

/// The price of the candidates that only the rate card suggests, by policy. Their numbers are unknown, so a
/// weighted mean cannot be computed: [`AmbiguousGpu::Expected`] and [`AmbiguousGpu::Likely`] price the most expensive
/// one.
pub(super) fn choose_suggested(
    tariff: GpuTariff<'_>,
    ambiguous: AmbiguousGpu,
    kinds: &[GpuKind],
) -> Result<CardPrice, Reason> {
    let weighed = |kind| Ok::<_, Reason>(WeighedCard { card: priced(tariff, kind)?, weight: 1 });
    let cards = kinds.iter().map(weighed).collect::<Result<Vec<_>, _>>()?;
    let first = cards.first().map(|one| one.card.usd);
    if ambiguous == AmbiguousGpu::Decline && cards.iter().any(|one| Some(one.card.usd) != first) {
        return Err(not_certain(&cards));
    }
    let ambiguous = match ambiguous {
        AmbiguousGpu::Expected | AmbiguousGpu::Likely => AmbiguousGpu::Highest,
        AmbiguousGpu::Highest | AmbiguousGpu::Lowest | AmbiguousGpu::Decline => ambiguous,
    };
    choose_among(cards, ambiguous)
}

fn not_certain(cards: &[WeighedCard]) -> Reason {
    let kinds: Vec<String> = cards.iter().map(|one| format!("{} at {}", one.card.kind, one.card.usd)).collect();
    let message = match kinds.as_slice() {
        [kind] => format!("what RAM and interface the order gets is not known: {kind}"),
        _ => format!("the order may get different cards: {}", kinds.join(", ")),
    };
    Reason::new(ReasonCode::AmbiguousGpu, message)
}

fn choose_among(cards: Vec<WeighedCard>, ambiguous: AmbiguousGpu) -> Result<CardPrice, Reason> {
    let cheapest = cards.iter().map(|one| one.card.usd).min();
    let dearest = cards.iter().map(|one| one.card.usd).max();
    let chosen = match ambiguous {
        AmbiguousGpu::Expected | AmbiguousGpu::Likely if cheapest != dearest => return Ok(CardPrice::Mean(cards)),
        AmbiguousGpu::Lowest => cheapest,
        AmbiguousGpu::Highest | AmbiguousGpu::Expected | AmbiguousGpu::Likely | AmbiguousGpu::Decline => dearest,
    };
    // Of cards with equal prices, the first in the inventory's order.
    let chosen = cards.into_iter().map(|one| one.card).find(|card| Some(card.usd) == chosen);
    let unknown = || Reason::new(ReasonCode::UnlistedGpu, "no card is known for the request");
    chosen.map(CardPrice::One).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rates::UnlistedGpu;
    use crate::rates::gpu::tests::rates;
    use crate::reserve::kubernetes::Probability;

    fn candidate(ram: &str, weight: u128) -> Candidate {
        Candidate::new(GpuKind::described("nvidia", "a100", ram, "PCIe"), weight)
    }

    #[test]
    fn the_expected_price_is_the_mean_by_free_cards_and_shows_its_weights() {
        let gpu = rates(&[("a100.40Gi", "600"), ("a100.80Gi", "1000")]);
        let tariff = GpuTariff { gpu: &gpu, unlisted: UnlistedGpu::Decline };
        let candidates = [candidate("40Gi", 4), candidate("80Gi", 3)];
        let price = choose_known(tariff, AmbiguousGpu::Expected, &candidates).unwrap();
        // 5400 / 7 is rounded for one card; seven of them are 5400 again.
        assert_eq!(price.usd_per_card().unwrap().to_string(), "771.428571428571");
        assert_eq!(price.usd_per_month(7).unwrap().to_string(), "5400");
        assert_eq!(price.rate(), "4/7 a100.40Gi + 3/7 a100.80Gi");
        assert_eq!(price.kind(), "nvidia/a100/40Gi/pcie or nvidia/a100/80Gi/pcie");
        assert_eq!(price.weights()[1].part, "3/7");
    }

    #[test]
    fn the_likely_price_is_the_mean_by_probability_and_otherwise_the_expected_one() {
        let gpu = rates(&[("a100.40Gi", "600"), ("a100.80Gi", "1000")]);
        let tariff = GpuTariff { gpu: &gpu, unlisted: UnlistedGpu::Decline };
        let with =
            |ram, part, whole| Candidate { probability: Some(Probability::new(part, whole)), ..candidate(ram, 1) };
        let choose = |candidates: &[Candidate]| choose_known(tariff, AmbiguousGpu::Likely, candidates);
        let mean = choose(&[with("40Gi", 1, 4), with("80Gi", 3, 4)]).unwrap();
        assert_eq!(
            (mean.rate(), mean.usd_per_month(2).unwrap().to_string()),
            ("1/4 a100.40Gi + 3/4 a100.80Gi".into(), "1800".into())
        );
        // Half of the replicas are pending. The others are priced.
        assert_eq!(choose(&[with("40Gi", 1, 8), with("80Gi", 3, 8)]).unwrap(), mean);
        let sure = choose(&[with("40Gi", 0, 1), with("80Gi", 1, 1)]).unwrap();
        assert_eq!((sure.rate(), sure.weights()), ("a100.80Gi".to_owned(), Vec::new()));
        for unknown in [[candidate("40Gi", 1), with("80Gi", 1, 1)], [with("40Gi", 0, 1), with("80Gi", 0, 1)]] {
            assert_eq!(choose(&unknown).unwrap().rate(), "1/2 a100.40Gi + 1/2 a100.80Gi");
        }
        let unlisted = choose(&[with("16Gi", 0, 1), with("80Gi", 1, 1)]).unwrap_err();
        assert_eq!(unlisted.code, ReasonCode::UnlistedGpu, "an impossible card may be possible when the pod starts");
        let suggested =
            choose_suggested(tariff, AmbiguousGpu::Likely, &[candidate("40Gi", 1).kind, candidate("80Gi", 1).kind]);
        assert_eq!(suggested.unwrap().rate(), "a100.80Gi");
    }

    #[test]
    fn a_card_of_unknown_ram_weighs_the_same_for_each_entry_that_it_may_be() {
        let gpu = rates(&[("a100.40Gi", "600"), ("a100.80Gi", "1000"), ("*", "130")]);
        let tariff = GpuTariff { gpu: &gpu, unlisted: UnlistedGpu::Decline };
        // Of 3 cards one is an 80Gi and two are not known: 1 + 2/2 to 2/2.
        let candidates = [candidate("80Gi", 1), candidate("unknown", 2)];
        let choose = |ambiguous| choose_known(tariff, ambiguous, &candidates);
        assert_eq!(choose(AmbiguousGpu::Expected).unwrap().rate(), "2/3 a100.80Gi + 1/3 a100.40Gi");
        assert_eq!(choose(AmbiguousGpu::Highest).unwrap().usd_per_card().unwrap().to_string(), "1000");
        assert_eq!(choose(AmbiguousGpu::Lowest).unwrap().usd_per_card().unwrap().to_string(), "600");
        assert_eq!(choose(AmbiguousGpu::Decline).unwrap_err().code, ReasonCode::AmbiguousGpu);
    }

    #[test]
    fn decline_wants_to_know_the_card_even_where_every_candidate_costs_the_same() {
        let gpu = rates(&[("a100", "900")]);
        let tariff = GpuTariff { gpu: &gpu, unlisted: UnlistedGpu::Decline };
        let choose = |ambiguous, candidates: &[Candidate]| choose_known(tariff, ambiguous, candidates);
        assert!(choose(AmbiguousGpu::Decline, &[candidate("80Gi", 1)]).is_ok());
        for several in [&[candidate("80Gi", 1), candidate("40Gi", 1)][..], &[candidate("", 1)]] {
            assert_eq!(choose(AmbiguousGpu::Decline, several).unwrap_err().code, ReasonCode::AmbiguousGpu);
            let expected = choose(AmbiguousGpu::Expected, several).unwrap();
            assert_eq!((expected.rate(), expected.weights()), ("a100".to_owned(), Vec::new()));
        }
    }

    #[test]
    fn without_an_inventory_there_is_no_mean_and_the_dearest_counts() {
        let gpu = rates(&[("a100.40Gi", "600"), ("a100.80Gi", "1000")]);
        let tariff = GpuTariff { gpu: &gpu, unlisted: UnlistedGpu::Decline };
        let kinds = [candidate("40Gi", 1).kind, candidate("80Gi", 1).kind];
        let price = choose_suggested(tariff, AmbiguousGpu::Expected, &kinds).unwrap();
        assert_eq!((price.rate(), price.usd_per_card().unwrap().to_string()), ("a100.80Gi".into(), "1000".into()));
    }

    #[test]
    fn means_that_are_too_large_to_add_up_are_an_overflow() {
        let gpu = rates(&[("a100.40Gi", "600"), ("a100.80Gi", "1000")]);
        let tariff = GpuTariff { gpu: &gpu, unlisted: UnlistedGpu::Decline };
        let candidates = [candidate("40Gi", u128::MAX), candidate("", u128::MAX)];
        let overflow = choose_known(tariff, AmbiguousGpu::Expected, &candidates).unwrap_err();
        assert_eq!(overflow.code, ReasonCode::ArithmeticOverflow);
    }
}
