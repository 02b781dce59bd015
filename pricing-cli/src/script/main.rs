//! `bidprice-script`: stands where a provider's bash bid price script stood.
//!
//! The request comes on stdin, everything else from the environment. The price, and nothing else, goes to stdout with
//! exit code 0; a reason goes to stderr with exit code 1.

mod feed;
mod files;
mod inventory;
mod settings;
mod whitelist;

use std::fmt;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use pricing_core::order::{self, script_request};
use pricing_core::quote::compat::{self, CompatAnswer, CompatRates, Terms};
use pricing_core::rates;

use feed::Feed;
use settings::{environment, setting};

/// Why there is no bid.
struct NoBid(String);

impl NoBid {
    fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(NoBid(reason)) => {
            say(reason);
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), NoBid> {
    settings::check_service()?;
    let owner = environment("AKASH_OWNER").unwrap_or_default();
    whitelist::check(&owner)?;
    let feed = Feed::from_settings()?;
    let rates = rates()?;
    let cards = match setting("BIDPRICE_INVENTORY") {
        Some(path) => inventory::cards(&path)?,
        None => Vec::new(),
    };
    let text = request_text()?;
    let mut request = script_request::parse(&text).map_err(NoBid::new)?;
    compat::restore(&mut request, &settings::commit_levels()?)
        .map_err(|error| NoBid(format!("arithmetic-overflow: {error}")))?;
    if environment("DEBUG_BID_SCRIPT").is_some_and(|value| !value.is_empty()) {
        say(format_args!("debug: {} resources, {} kinds of card known", request.resources.len(), cards.len()));
    }
    let terms = Terms { usd_per_akt: feed.usd_per_akt(), owner: &owner, cards: &cards };
    let price = match compat::price(&request, &rates, &terms) {
        CompatAnswer::Price(price) => price,
        CompatAnswer::Nothing(price, doubt) => {
            match (doubt, feed.problem()) {
                (compat::Doubt::RateUnavailable, Some(problem)) => say(format_args!("rate-unavailable: {problem}")),
                (doubt, _) => say(doubt),
            }
            price
        }
        CompatAnswer::Refused(refusal) => return Err(NoBid::new(refusal)),
    };
    let mut stdout = io::stdout().lock();
    write!(stdout, "{price}")
        .and_then(|()| stdout.flush())
        .map_err(|error| NoBid(format!("cannot write the price: {error}")))
}

/// The rates: a rate card where one is set, else the script's environment.
fn rates() -> Result<CompatRates, NoBid> {
    let Some(path) = setting("BIDPRICE_RATES") else {
        return Ok(CompatRates::from_environment(environment));
    };
    let at_path = |error| NoBid(format!("BIDPRICE_RATES: `{path}`: {error}"));
    let text = files::read_text(&path, rates::toml::MAX_INPUT_BYTES)
        .map_err(|error| NoBid(format!("BIDPRICE_RATES: {error}")))?;
    let pricing = rates::toml::read(&text).map_err(at_path)?;
    CompatRates::from_pricing(&pricing).map_err(at_path)
}

/// All of stdin, as far as a request may reach.
fn request_text() -> Result<String, NoBid> {
    let mut bytes = Vec::with_capacity(16 << 10);
    let limit = u64::try_from(order::MAX_INPUT_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    io::stdin()
        .lock()
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| NoBid(format!("cannot read the request: {error}")))?;
    if bytes.len() > order::MAX_INPUT_BYTES {
        return Err(NoBid(format!("the request has more than {} bytes", order::MAX_INPUT_BYTES)));
    }
    String::from_utf8(bytes).map_err(|_| NoBid::new("the request is not UTF-8"))
}

/// Writes a line to stderr. When even that fails, nobody is left to tell.
fn say(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
