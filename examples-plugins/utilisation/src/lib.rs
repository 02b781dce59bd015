//! Cheap when idle, dear when nearly full, by GPU kind.
//!
//! Each line of the built-in quote for cards is multiplied with a factor that depends on how many of the cluster's
//! cards of that kind are in use. Orders without cards go by the CPU in use.

use pricing_guest::{Answer, Changes, Decimal, GpuKind, Item, Line, Request, Share, Utilisation, decimal};

pricing_guest::plugin!(price);

/// The factor at a share in use; between two points it goes in a straight line. Sorted by share, from 0 to 1.
type Curve = [(Decimal, Decimal)];

/// Cards that everyone wants: hardly cheaper when idle, soon dearer.
const SOUGHT_AFTER: &Curve =
    &[(decimal!("0"), decimal!("0.95")), (decimal!("0.5"), decimal!("1")), (decimal!("1"), decimal!("1.6"))];
/// All other cards: better cheap than idle, and dear only for the last ones.
const ORDINARY: &Curve = &[
    (decimal!("0"), decimal!("0.7")),
    (decimal!("0.6"), decimal!("1")),
    (decimal!("0.9"), decimal!("1.1")),
    (decimal!("1"), decimal!("1.5")),
];
/// Threads, for orders without cards.
const CPU: &Curve =
    &[(decimal!("0"), decimal!("0.8")), (decimal!("0.75"), decimal!("1")), (decimal!("1"), decimal!("1.2"))];

/// Models of which there are never enough.
const SOUGHT_AFTER_MODELS: [&str; 4] = ["h100", "h200", "b200", "b300"];

fn price(request: &Request) -> Result<Answer, String> {
    let Some(utilisation) = &request.utilisation else {
        pricing_guest::warn!("without an inventory the price is the built-in one");
        return Ok(Answer::unchanged());
    };
    let Some(quote) = request.quote() else {
        // Without a quote there is nothing to change: the decline of the built-in pricer stands.
        return Ok(Answer::unchanged());
    };
    if request.gpu_kinds().is_empty() {
        let factor = utilisation.cpu_millis.share().map_or(Decimal::ONE, |share| factor(CPU, share));
        return Ok(Answer::multiply(factor).into());
    }
    let mut changes = Changes::none();
    for (number, line) in (0..).zip(&quote.lines) {
        if line.item == Item::Gpu {
            let usd = line.amount()?.checked_mul(gpu_factor(line, utilisation)).ok_or("a line is too dear")?;
            changes = changes.replace_line(number, usd);
        }
    }
    Ok(changes.into())
}

/// The factor of a line for cards. Of a kind that the cluster does not have, nothing is known: 1.
fn gpu_factor(line: &Line, utilisation: &Utilisation) -> Decimal {
    let Some(kind) = line.kind.as_deref().and_then(kind_of) else { return Decimal::ONE };
    let Some(share) = utilisation.gpu_share(&kind) else { return Decimal::ONE };
    let sought_after = SOUGHT_AFTER_MODELS.contains(&kind.model.as_str());
    let factor = factor(if sought_after { SOUGHT_AFTER } else { ORDINARY }, share);
    pricing_guest::debug!("{}: {} in use, factor {factor}", kind.model, share.decimal());
    factor
}

/// The kind that a line names: `vendor/model/ram/interface`, cut short from the right.
fn kind_of(text: &str) -> Option<GpuKind> {
    let mut parts = text.split('/').map(str::to_owned);
    Some(GpuKind { vendor: parts.next()?, model: parts.next()?, ram: parts.next(), interface: parts.next() })
}

/// Where a curve is at a share.
fn factor(curve: &Curve, share: Share) -> Decimal {
    let at = share.decimal();
    let mut before = (Decimal::ZERO, Decimal::ONE);
    for &point in curve {
        if at <= point.0 {
            // At the first point itself there is nothing before it.
            let part = (at - before.0).checked_div(point.0 - before.0).unwrap_or(Decimal::ONE);
            return before.1 + (point.1 - before.1) * part;
        }
        before = point;
    }
    before.1
}

#[cfg(test)]
mod tests {
    use pricing_guest::{Change, GpuUsage, LinePrice, Quote, Sample, Usage};

    use super::*;

    fn at(curve: &Curve, part: u64, whole: u64) -> Decimal {
        factor(curve, Share::new(part, whole).unwrap()).normalize()
    }

    #[test]
    fn a_curve_is_straight_between_its_points() {
        assert_eq!(at(ORDINARY, 0, 8), decimal!("0.7"));
        assert_eq!(at(ORDINARY, 3, 10), decimal!("0.85"));
        assert_eq!(at(ORDINARY, 6, 10), decimal!("1"));
        assert_eq!(at(ORDINARY, 95, 100), decimal!("1.3"));
        assert_eq!(at(ORDINARY, 8, 8), decimal!("1.5"));
        assert_eq!(at(SOUGHT_AFTER, 3, 4), decimal!("1.3"));
        // More in use than there is: the end of the curve.
        assert_eq!(at(CPU, 3, 2), decimal!("1.2"));
    }

    #[test]
    fn curves_reach_from_idle_to_full() {
        for curve in [SOUGHT_AFTER, ORDINARY, CPU] {
            assert_eq!((curve[0].0, curve[curve.len() - 1].0), (Decimal::ZERO, Decimal::ONE));
            assert!(curve.is_sorted());
        }
    }

    fn request(kind: &str, used_min: u64, used_max: u64) -> Request {
        let mut request = Sample::new().unit(1, 1000, 1 << 30).gpus(1, "h100").request();
        let line = Line {
            resource_id: 1,
            item: Item::Gpu,
            kind: Some(kind.to_owned()),
            quantity: "1".to_owned(),
            usd_per_unit_month: "1000".to_owned(),
            rate: "*".to_owned(),
            usd_per_month: "1000".to_owned(),
        };
        let lines = vec![Line { item: Item::Cpu, kind: None, ..line.clone() }, line];
        request.builtin.quote = Some(Quote { lines, usd_per_month: "2000".to_owned(), price: None });
        let nothing = Usage { total: 0, used: 0 };
        request.utilisation = Some(Utilisation {
            nodes: 1,
            cpu_millis: nothing,
            memory_bytes: nothing,
            ephemeral_bytes: nothing,
            gpus: nothing,
            gpu_kinds: vec![GpuUsage { kind: kind_of("nvidia/h100/80Gi/sxm").unwrap(), total: 8, used_min, used_max }],
        });
        request
    }

    #[test]
    fn only_the_lines_for_cards_change() {
        let changed =
            |usd: &str| Answer::Change(vec![Change::ReplaceLine(LinePrice { line: 1, usd_per_month: usd.to_owned() })]);
        assert_eq!(price(&request("nvidia/h100/80Gi/sxm", 8, 8)), Ok(changed("1600")));
        assert_eq!(price(&request("nvidia/h100", 0, 0)), Ok(changed("950")));
        // Where it is not certain which cards are in use, the middle counts.
        assert_eq!(price(&request("nvidia/h100", 4, 8)), Ok(changed("1300")));
        assert_eq!(price(&request("nvidia/t4", 8, 8)), Ok(changed("1000")));
    }

    #[test]
    fn without_an_inventory_nothing_changes() {
        let mut request = request("nvidia/h100", 8, 8);
        request.utilisation = None;
        assert_eq!(price(&request), Ok(Answer::unchanged()));
    }

    #[test]
    fn orders_without_cards_go_by_cpu() {
        let mut request = request("nvidia/h100", 8, 8);
        request.targets.clear();
        request.utilisation.as_mut().unwrap().cpu_millis = Usage { total: 1000, used: 0 };
        assert_eq!(price(&request), Ok(Answer::multiply(decimal!("0.8")).into()));
    }
}
