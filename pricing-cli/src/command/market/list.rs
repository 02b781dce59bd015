//! Reads market prices: a table that somebody wrote, or the answer of Console's `/v1/gpu-prices`.

use pricing_core::gpu::GpuKind;
use pricing_core::input::InputError;
use pricing_core::money::parse_decimal;
use pricing_core::text::excerpt;
use pricing_sim::time::SECONDS_PER_MONTH;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

use super::name;
use crate::error::CliError;
use crate::load::Document;

const HOUR_SECONDS: i64 = 3_600;
/// The highest price in USD per hour. A larger number must be in another unit.
const MAX_USD_PER_HOUR: i64 = 100_000;
/// The decimals to which a price is rounded, since a program may have written it as a binary fraction.
const FLOAT_DECIMALS: u32 = 9;
/// The possible delimiters of cells.
const DELIMITERS: [u8; 4] = [b'\t', b';', b'|', b','];
/// The names of the columns in a table, and in error messages about JSON.
pub(super) const GPU: &str = "gpu";
pub(super) const PRICE: &str = "usd_per_hour";

/// The market price of a kind of card.
pub(super) struct Offer {
    /// The name in the list.
    pub(super) gpu: String,
    /// The kind. Its vendor is `*` if the list has none.
    pub(super) kind: GpuKind,
    pub(super) usd_per_hour: Decimal,
    pub(super) usd_per_month: Decimal,
}

/// Reads a list of market prices.
pub(super) fn read(document: &Document) -> Result<Vec<Offer>, CliError> {
    let text = document.text.strip_prefix('\u{feff}').unwrap_or(&document.text);
    let is_json = text.trim_start().starts_with(['{', '[']);
    let offers =
        if is_json { console(text).map_err(|error| document.malformed(error))? } else { table(text, document)? };
    if offers.is_empty() {
        return Err(document.malformed(InputError::new("there are no prices")));
    }
    Ok(offers)
}

/// Reads the answer of Console's `/v1/gpu-prices`. The price of a model is the median of its bids. A model without bids
/// has no price, and is skipped.
fn console(text: &str) -> Result<Vec<Offer>, InputError> {
    let answer: Value = serde_json::from_str(text).map_err(|error| {
        InputError::new(format_args!("not JSON: {}", excerpt(&error.to_string())))
            .position(error.line().max(1), error.column().max(1))
    })?;
    let models = answer.get("models").and_then(Value::as_array).ok_or_else(|| {
        InputError::new("this JSON is not a list of prices: it has no `models`")
            .hint("expected what Console's `/v1/gpu-prices` answers")
    })?;
    let mut offers = Vec::new();
    for (index, model) in models.iter().enumerate() {
        let at = |rest: &str| format!("models[{index}].{rest}");
        let word = |key: &str| match model.get(key) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(word)) => Ok(word.as_str()),
            Some(_) => Err(InputError::new("expected text").at(at(key))),
        };
        let price = match model.get("price") {
            None | Some(Value::Null) => continue,
            Some(price) => price,
        };
        if price.get("currency").and_then(Value::as_str).is_some_and(|currency| currency != "USD") {
            return Err(InputError::new("expected `USD`").at(at("price.currency")));
        }
        let median = ["med", "avg"].into_iter().find_map(|key| price.get(key).filter(|value| !value.is_null()));
        let median = median.ok_or_else(|| InputError::new("`med` is missing").at(at("price")))?;
        let usd = number(median).ok_or_else(|| InputError::new("expected a number").at(at("price.med")))?;
        let kind = GpuKind::new(word("vendor")?, word("model")?, word("ram")?, word("interface")?);
        if kind.model().is_empty() {
            return Err(InputError::new("`model` is missing").at(at("model")));
        }
        let offer = offer(kind.to_string(), kind.clone(), usd);
        offers.push(offer.map_err(|error| error.at(at("price.med")))?);
    }
    Ok(offers)
}

/// Reads a JSON number, or one in quotes, as a decimal.
fn number(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let exact = parse_decimal(&text)
        .ok()
        .or_else(|| Decimal::from_scientific(&text).ok())
        .or_else(|| text.parse::<Decimal>().ok())?;
    Some(exact.round_dp_with_strategy(FLOAT_DECIMALS, RoundingStrategy::MidpointNearestEven))
}

/// Reads a table with a card and its price in each row.
///
/// The columns come from the header. A table without a header has the card first and then the price. Two rows for one
/// kind are an error, since it is unclear which price counts.
fn table(text: &str, document: &Document) -> Result<Vec<Offer>, CliError> {
    let delimiter = delimiter(text);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .flexible(true)
        .has_headers(false)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let wrong = |line: usize, error: InputError| document.malformed(error.position(line.max(1), 1));
    let unreadable = |error: csv::Error| {
        let line = error.position().and_then(|place| usize::try_from(place.line()).ok());
        wrong(line.unwrap_or(1), InputError::new(excerpt(&error.to_string())))
    };
    let mut columns = None;
    let mut offers: Vec<Offer> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let line = record.position().and_then(|place| usize::try_from(place.line()).ok()).unwrap_or(1);
        let cells: Vec<&str> = cells(&record, delimiter);
        if cells.iter().all(|cell| cell.chars().all(|c| matches!(c, '-' | ':' | ' '))) {
            // The line below the header of a Markdown table.
            continue;
        }
        let [gpu, price] = match columns {
            Some(known) => known,
            None if is_row(&cells) => *columns.insert([0, 1]),
            None => {
                columns = Some(head(&cells).map_err(|error| wrong(line, error))?);
                continue;
            }
        };
        let cell = |place: usize, name: &str| {
            let missing = || wrong(line, InputError::new("the cell is empty or missing").at(name));
            cells.get(place).copied().filter(|cell| !cell.is_empty()).ok_or_else(missing)
        };
        let (gpu, price) = (cell(gpu, GPU)?, cell(price, PRICE)?);
        let read = || {
            let kind = name::read(gpu).map_err(|error| error.at(GPU))?;
            offer(gpu.to_owned(), kind, usd_per_hour(price)?)
        };
        let offer = read().map_err(|error| wrong(line, error))?;
        if let Some(other) = offers.iter().find(|other| other.kind == offer.kind) {
            let message = format!("`{}` and `{}` are one kind", excerpt(&other.gpu), excerpt(&offer.gpu));
            return Err(wrong(line, InputError::new(message).at(GPU)));
        }
        offers.push(offer);
    }
    Ok(offers)
}

/// Returns the first known delimiter that the first line contains, or a colon if it contains only that.
fn delimiter(text: &str) -> u8 {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.next().unwrap_or("");
    let found = DELIMITERS.into_iter().find(|delimiter| first.contains(char::from(*delimiter)));
    found.unwrap_or(if first.contains(':') { b':' } else { b',' })
}

/// Returns the cells of a row. In a Markdown table, the delimiters at both ends are not cells.
fn cells(record: &csv::StringRecord, delimiter: u8) -> Vec<&str> {
    let mut cells: Vec<&str> = record.iter().collect();
    if delimiter == b'|' {
        if cells.first().is_some_and(|cell| cell.is_empty()) {
            cells.remove(0);
        }
        if cells.last().is_some_and(|cell| cell.is_empty()) {
            cells.pop();
        }
    }
    cells
}

/// Returns whether the first line is a row already. Such a table has no header.
fn is_row(cells: &[&str]) -> bool {
    matches!(cells, [gpu, price] if usd_per_hour(price).is_ok() && name::read(gpu).is_ok())
}

/// Returns the indices of the card and the price column.
fn head(headers: &[&str]) -> Result<[usize; 2], InputError> {
    let place = |name: &str, is_like: fn(&str) -> bool| {
        let places = |is: &dyn Fn(&str) -> bool| -> Vec<usize> {
            let is = |(place, header): (usize, &&str)| is(header).then_some(place);
            headers.iter().enumerate().filter_map(is).collect()
        };
        let exact = places(&|header| header.eq_ignore_ascii_case(name));
        let found = if exact.is_empty() { places(&is_like) } else { exact };
        match found.as_slice() {
            [place] => Ok(*place),
            [] => {
                let there: Vec<String> = headers.iter().map(|header| excerpt(header)).collect();
                let error = InputError::new(format_args!("there is no column `{name}`"));
                Err(error.hint(format!("the first line has `{}`", there.join("`, `"))))
            }
            _ => Err(InputError::new(format_args!("more than one column may be `{name}`"))
                .hint(format!("call the one that counts `{name}`"))),
        }
    };
    Ok([place(GPU, is_card_header)?, place(PRICE, is_price_header)?])
}

/// Returns the words of a header in lower case.
fn words(header: &str) -> Vec<String> {
    let header = header.to_lowercase().replace('$', " usd ");
    header.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn is_card_header(header: &str) -> bool {
    const CARD: [&str; 9] = ["gpu", "gpus", "card", "cards", "model", "type", "name", "kind", "accelerator"];
    let words = words(header);
    !words.is_empty() && words.iter().all(|word| CARD.contains(&word.as_str()))
}

fn is_price_header(header: &str) -> bool {
    const AMOUNT: [&str; 7] = ["price", "prices", "usd", "rate", "cost", "hourly", "dollars"];
    const REST: [&str; 13] =
        ["per", "an", "a", "in", "us", "gpu", "card", "hour", "hours", "hr", "h", "market", "median"];
    let words = words(header);
    words.iter().any(|word| AMOUNT.contains(&word.as_str()))
        && words.iter().all(|word| AMOUNT.contains(&word.as_str()) || REST.contains(&word.as_str()))
}

/// Reads a price in USD per hour: a decimal, optionally with `$` or `USD`, and with `/h` or similar.
fn usd_per_hour(text: &str) -> Result<Decimal, InputError> {
    const WORDS: [&str; 16] = [
        "us", "usd", "dollars", "dollar", "per", "an", "a", "gpu", "card", "h", "hr", "hrs", "hour", "hours", "hourly",
        "each",
    ];
    let at_price = |error: InputError| error.at(PRICE);
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let start = text.find(is_part).unwrap_or(text.len());
    let (before, rest) = text.split_at(start);
    let (number, after) = rest.split_at(rest.find(|c| !is_part(c)).unwrap_or(rest.len()));
    let around = format!("{before} {after}").to_lowercase().replace('$', " usd ");
    let words: Vec<&str> = around.split([' ', '/', '\u{a0}']).filter(|word| !word.is_empty()).collect();
    if number.is_empty() || !words.iter().all(|word| WORDS.contains(word)) {
        let plain = parse_decimal(text).err().map_or_else(
            || InputError::new(format_args!("`{}` is not an hour's price", excerpt(text))),
            InputError::new,
        );
        return Err(at_price(plain.hint("a decimal of USD an hour, such as `2.71` or `$2.71`")));
    }
    parse_decimal(number).map_err(|error| at_price(InputError::new(error)))
}

fn offer(gpu: String, kind: GpuKind, usd_per_hour: Decimal) -> Result<Offer, InputError> {
    if kind.model() == "*" {
        return Err(InputError::new("`*` is not a kind of card").hint("name a model, such as `h100`").at(GPU));
    }
    if usd_per_hour <= Decimal::ZERO || usd_per_hour > Decimal::from(MAX_USD_PER_HOUR) {
        let message = format!("`{usd_per_hour}` is out of range: expected more than 0 and at most {MAX_USD_PER_HOUR}");
        return Err(InputError::new(message).at(PRICE));
    }
    let usd_per_month = usd_per_hour
        .checked_mul(SECONDS_PER_MONTH.into())
        .and_then(|usd| usd.checked_div(HOUR_SECONDS.into()))
        .ok_or_else(|| InputError::new("it is out of range").at(PRICE))?;
    Ok(Offer { gpu, kind, usd_per_hour, usd_per_month })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hourly_prices_are_read_as_people_write_them() {
        for text in [
            "2.71",
            "$2.71",
            "$ 2.71",
            "2.71 USD",
            "USD 2.71",
            "US$2.71",
            "$2.71/h",
            "$2.71/hr",
            "2.71 $ / GPU / hour",
            "$2.71 per hour",
            "2.71 usd an hour",
        ] {
            assert_eq!(usd_per_hour(text).map_err(|error| error.to_string()), Ok("2.71".parse().unwrap()), "{text}");
        }
        for text in [
            "",
            "free",
            "2.71 EUR",
            "€2.71",
            "-2.71",
            "$-2.71",
            "2.71-3.10",
            "$1,300 a month",
            "2.71/mo",
            "2,71",
            "1.2.3",
            "~2.71",
            "2.71x8",
        ] {
            assert!(usd_per_hour(text).is_err(), "{text}");
        }
    }

    #[test]
    fn columns_are_found_by_what_they_are_called() {
        for header in [
            ["GPU", "usd_per_hour"],
            ["GPU Model", "Price ($/hr)"],
            ["Card", "USD/h"],
            ["model", "Hourly price"],
            ["Name", "$ per GPU hour"],
        ] {
            assert_eq!(head(&header).ok(), Some([0, 1]), "{header:?}");
        }
        assert_eq!(head(&["region", "price", "gpu", "usd_per_hour"]).ok(), Some([2, 3]));
        for header in [["gpu", "price a month"], ["gpu", "eur_per_hour"], ["region", "price"]] {
            assert!(head(&header).is_err(), "{header:?}");
        }
        assert!(head(&["gpu", "price", "usd"]).is_err());
    }
}
