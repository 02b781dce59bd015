//! `bidprice market show FOLDER`: a rate card beside the bids of a history.

use std::path::Path;

use pricing_core::rates::GpuRate;
use pricing_core::text::{excerpt, printable};
use pricing_sim::card_prices::{CardPrices, KindPrices, Quantiles, card_prices};
use pricing_sim::files::Files;
use pricing_sim::history::{self, Reading};
use pricing_sim::stream::{DEFAULT_DENOM, StreamError};
use serde_json::{Value, json};

use super::{ShowArgs, WorthArgs, entries, kind_text, rounded};
use crate::amounts::{as_written, cents};
use crate::args::{Output, RatesArgs};
use crate::error::{CliError, Exit};
use crate::output::{complain, print, print_json};
use crate::wording::{count, number};
use crate::{load, table};

/// The prices of cards in a history, of which the rest of an order is priced by a rate card.
pub(super) fn prices(folder: &Path, worth: &WorthArgs, rates: &RatesArgs) -> Result<CardPrices, CliError> {
    let pricing = load::pricing(rates)?;
    let reading = Reading { denom: DEFAULT_DENOM, usd_per_akt: worth.usd_per_akt, limit: usize::MAX };
    let name = folder.to_str().ok_or_else(|| CliError::Usage("the name of the folder is not UTF-8 text".to_owned()))?;
    let history = history::read(name, &Files::in_folder(""), &reading).map_err(|error| match error {
        StreamError::Malformed { name, problem } => CliError::malformed(excerpt(&name), problem),
        other => CliError::unreadable(load::name(folder), other),
    })?;
    for warning in history.warnings() {
        complain(&printable(&warning));
    }
    Ok(card_prices(&history, &pricing, worth.usd_per_akt))
}

/// Shows a rate card beside the prices of a history.
pub(super) fn show(args: &ShowArgs) -> Result<Exit, CliError> {
    let found = prices(&args.file, &args.worth, &args.rates)?;
    let pricing = load::pricing(&args.rates)?;
    let entry = |kind: &KindPrices| entries(&pricing.rates.gpu, &kind.kind).into_iter().next().flatten();
    let rows: Vec<(&KindPrices, Option<&GpuRate>)> = found.kinds.iter().map(|kind| (kind, entry(kind))).collect();
    match args.output.output {
        Output::Json => print_json(&answer(&rows, &found))?,
        Output::Table => print(&shown(&rows, &found))?,
    }
    Ok(Exit::Success)
}

fn answer(rows: &[(&KindPrices, Option<&GpuRate>)], found: &CardPrices) -> Value {
    let quantiles = |of: Option<Quantiles>| match of {
        None => json!({ "bids": 0 }),
        Some(Quantiles { bids, p10, p50, p90 }) => {
            let text = |usd: pricing_core::money::Usd| rounded(usd.decimal(), 12);
            json!({ "bids": bids, "p10": text(p10), "p50": text(p50), "p90": text(p90) })
        }
    };
    let row = |(kind, entry): &(&KindPrices, Option<&GpuRate>)| {
        json!({
            "gpu": kind_text(&kind.kind),
            "entry": entry.map(GpuRate::key),
            "card_usd_per_month": entry.map(|entry| entry.usd().to_string()),
            "rivals_usd_per_month": quantiles(kind.rivals),
            "won_usd_per_month": quantiles(kind.won),
        })
    };
    json!({
        "schema": pricing_core::quote::wire::SCHEMA,
        "kinds": rows.iter().map(row).collect::<Vec<_>>(),
        "orders_of_several_kinds": found.other_orders,
        "bids_without_a_price_of_cards": found.other_bids,
    })
}

/// The comparison as a table.
fn shown(rows: &[(&KindPrices, Option<&GpuRate>)], found: &CardPrices) -> String {
    let header = ["card", "entry", "own rate", "rivals' bids", "p10", "p50", "p90", "won bids", "p10", "p50", "p90"];
    let mut listed = table::table(&header, &[2, 3, 4, 5, 6, 7, 8, 9, 10]);
    for (kind, entry) in rows {
        let mut cells = vec![
            kind_text(&kind.kind),
            entry.map(|entry| entry.key().to_owned()).unwrap_or_default(),
            entry.map(|entry| as_written(&entry.usd().to_string())).unwrap_or_default(),
        ];
        cells.extend(quantile_cells(kind.rivals));
        cells.extend(quantile_cells(kind.won));
        listed.add_row(cells.iter().map(|cell| printable(cell)));
    }
    let mut shown = table::text(&listed);
    shown.push_str(
        "\nUSD a month for a card: what a bid leaves for each card after the rest of the order was priced by the rate card.\n",
    );
    if found.other_orders > 0 || found.other_bids > 0 {
        shown.push_str(&format!(
            "Left out: {} for several kinds of card or any model, and {} with nothing left for the cards.\n",
            count(number(found.other_orders), "order"),
            count(number(found.other_bids), "bid")
        ));
    }
    shown
}

fn quantile_cells(of: Option<Quantiles>) -> [String; 4] {
    let Some(Quantiles { bids, p10, p50, p90 }) = of else { return [(); 4].map(|()| String::new()) };
    [bids.to_string(), cents(p10), cents(p50), cents(p90)]
}
