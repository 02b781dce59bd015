//! `bidprice-script`: stands where a provider's bash bid price script stood.
//!
//! The request comes on stdin, everything else from the environment. The price, and nothing else, goes to stdout with
//! exit code 0; a reason goes to stderr with exit code 1. A running service is asked where one is set; otherwise, and
//! where the settings say so when it does not answer, the price is made here.

mod feed;
mod files;
mod inventory;
mod service;
mod settings;
mod whitelist;

use std::fmt;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use pricing_core::order;
use pricing_core::order::script_request::{self, ScriptRequest};
use pricing_core::quote::compat::{self, CompatAnswer, CompatRates, Terms};
use pricing_core::rates;
use pricing_core::reserve::CommitLevels;
use pricing_core::text::{Untrusted, printable};
use pricing_panics::{catch, tell_by};

use feed::Feed;
use service::{Outcome, Service};
use settings::{environment, setting};

/// Why there is no bid.
struct NoBid(String);

impl NoBid {
    fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

fn main() -> ExitCode {
    // A bug is a reason like any other. A thread's is told by who waits for it.
    tell_by(|_| {});
    match catch(run).unwrap_or_else(|panic| Err(NoBid(format!("this is a bug in bidprice-script; please report it: {panic}")))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(NoBid(reason)) => {
            say(reason);
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), NoBid> {
    let service = Service::from_settings()?;
    let owner = environment("AKASH_OWNER").unwrap_or_default();
    // Before anything else, and whoever prices: the list only ever makes fewer bids.
    whitelist::check(&owner)?;
    let text = if service.is_some() { request_text_in_time()? } else { request_text()? };
    let mut request = script_request::parse(&text).map_err(NoBid::new)?;
    let levels = settings::commit_levels()?;
    compat::restore(&mut request, &levels).map_err(|error| NoBid(format!("arithmetic-overflow: {error}")))?;
    if let Some(service) = service {
        let order = match levels == CommitLevels::default() {
            true => text.clone(),
            false => script_request::to_json(&request.to_order().map_err(NoBid::new)?),
        };
        match service.ask(order, owner.clone(), &compat::denom(&request))? {
            Outcome::Price(price) => return print(&price),
            Outcome::Silence(why) => say(format_args!("{why}; pricing without it")),
        }
    }
    price_here(&request, &owner)
}

/// Prices without a service.
fn price_here(request: &ScriptRequest<'_>, owner: &str) -> Result<(), NoBid> {
    let feed = Feed::from_settings()?;
    let rates = rates()?;
    let cards = match setting("BIDPRICE_INVENTORY") {
        Some(path) => inventory::cards(&path)?,
        None => Vec::new(),
    };
    if environment("DEBUG_BID_SCRIPT").is_some_and(|value| !value.is_empty()) {
        say(format_args!("debug: {} resources, {} kinds of card known", request.resources.len(), cards.len()));
    }
    let terms = Terms { usd_per_akt: feed.usd_per_akt(), owner: Untrusted::new(owner), cards: &cards };
    match compat::price(request, &rates, &terms) {
        CompatAnswer::Price(price) => print(&price),
        CompatAnswer::Nothing(price, doubt) => {
            match (doubt, feed.problem()) {
                (compat::Doubt::RateUnavailable, Some(problem)) => say(format_args!("rate-unavailable: {problem}")),
                (doubt, _) => say(doubt),
            }
            print(&price)
        }
        CompatAnswer::Refused(refusal) => Err(NoBid::new(refusal)),
    }
}

fn print(price: &impl fmt::Display) -> Result<(), NoBid> {
    pricing_stdio::answer(price.to_string().as_bytes())
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

/// How long the request may take to come, where a service is to be asked: no provider waits longer for a price.
const REQUEST_TIME: Duration = Duration::from_secs(10);

/// The request, or none when it does not end: a thread reads it, and is left behind when it is late.
fn request_text_in_time() -> Result<String, NoBid> {
    let (sender, receiver) = sync_channel(1);
    let reading = thread::Builder::new().spawn(move || {
        // Nobody waits any more when this fails.
        let _ = sender.send(request_text());
    });
    reading.map_err(|error| NoBid(format!("no thread to read the request from: {error}")))?;
    let late = |_| Err(NoBid(format!("the request did not end within {} s", REQUEST_TIME.as_secs())));
    receiver.recv_timeout(REQUEST_TIME).unwrap_or_else(late)
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

/// Writes a line to stderr; texts of others in it do not make it two. When even that fails, nobody is left to tell.
fn say(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{}", printable(&line.to_string()));
}
