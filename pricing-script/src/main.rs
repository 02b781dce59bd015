//! `bidprice-script`: replaces a provider's bash bid price script.
//!
//! The request comes on stdin, everything else from the environment. A price, and nothing else, goes to stdout with
//! exit code 0. A reason goes to stderr with exit code 1. If a service is configured, it is asked for the price.
//! Without one, or if it does not answer and the settings allow it, the price is computed here.

mod feed;
mod files;
mod inventory;
mod service;
mod settings;
mod whitelist;

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use pricing_core::order;
use pricing_core::order::script_request::{self, ScriptRequest};
use pricing_core::quote::compat::{self, CompatAnswer, CompatRates, Refusal, Terms};
use pricing_core::rates;
use pricing_core::reserve::CommitLevels;
use pricing_core::text::Untrusted;
use pricing_panics::{catch, tell_by};

use feed::Feed;
use service::{Outcome, Service};
use settings::{environment, path, shown};

/// The most characters of a line on stderr.
const MAX_LINE: usize = 4_000;

/// The output of `--help`.
const HELP: &str = "\
A drop-in for a provider's bid price script. It reads the request as JSON from stdin, and everything else from
the environment. It writes the price, and nothing else, to stdout and exits with 0. Without a bid, it writes the
reason to stderr and exits with 1.

  AKASH_OWNER                   the owner of the order; the provider's daemon sets it
  PRICE_TARGET_CPU ...          the rates, as for the bash script
  BIDPRICE_RATES                a rate card (TOML) in place of PRICE_TARGET_*
  BIDPRICE_USD_PER_AKT          the value of an AKT in USD
  BIDPRICE_RATE_CACHE           a file with that value, as `bidprice feed update` writes it
  BIDPRICE_RATE_CACHE_MAX_AGE   the greatest age of that file; 60m by default
  BIDPRICE_INVENTORY            an inventory, for the cards that the provider has
  BIDPRICE_WHITELIST            a file with the owners to bid to, one address on each line
  BIDPRICE_ADDRESS_PREFIX       the prefix of their addresses; akash by default
  BIDPRICE_COMMIT_CPU, _MEMORY, _GPU, _STORAGE
                                overcommit factors, or percentages as in the daemon's flags (`150%`), to bill what
                                was asked for
  BIDPRICE_SOCKET               the Unix socket of a running service to ask for the price
  BIDPRICE_DEADLINE             the most time for the service to answer; 5s by default
  BIDPRICE_FALLBACK             `local` prices here when the service does not answer; `none`, the default, makes no
                                bid
  DEBUG_BID_SCRIPT              if set, stderr says what was read

A variable that begins with BIDPRICE_ and is not known, or is empty, is an error.
";

/// Why there is no bid.
struct NoBid(String);

impl NoBid {
    fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

fn main() -> ExitCode {
    // A panic is reported as a reason. One in a thread is reported by the code that waits for the thread, so the hook
    // is silent.
    tell_by(|_| {});
    match catch(answer)
        .unwrap_or_else(|panic| Err(NoBid(format!("this is a bug in bidprice-script; please report it: {panic}"))))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(NoBid(reason)) => {
            say(reason);
            ExitCode::FAILURE
        }
    }
}

/// Prints the price, or the help or version. The provider's daemon passes no arguments.
fn answer() -> Result<(), NoBid> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [] => run(),
        [one] if one == "--help" => print(&HELP),
        [one] if one == "--version" => print(&concat!("bidprice-script ", env!("CARGO_PKG_VERSION"), "\n")),
        _ => Err(NoBid::new("bidprice-script takes no arguments, except --help or --version alone")),
    }
}

/// Prices the request on stdin. The overcommitted amounts are restored before either path prices it. The service gets
/// the text as it came if there was nothing to restore, because a rewritten request lacks the fields that an `Order`
/// does not keep.
fn run() -> Result<(), NoBid> {
    settings::check()?;
    let service = Service::from_settings()?;
    let owner = environment("AKASH_OWNER").unwrap_or_default();
    // The whitelist comes first and applies to both paths: it can only prevent bids.
    whitelist::check(Untrusted::new(&owner))?;
    if io::stdin().is_terminal() {
        say("bidprice-script waits for the order on stdin, as JSON, up to the end of the input (Ctrl-D); see --help");
    }
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

/// Computes the price without a service.
fn price_here(request: &ScriptRequest<'_>, owner: &str) -> Result<(), NoBid> {
    let feed = Feed::from_settings()?;
    let rates = rates()?;
    let cards = match path("BIDPRICE_INVENTORY") {
        Some(path) => inventory::cards(&path)?,
        None => Vec::new(),
    };
    if environment("DEBUG_BID_SCRIPT").is_some_and(|value| !value.is_empty()) {
        say(format_args!("debug: {} resources, {} kinds of card known", request.resources.len(), cards.len()));
    }
    let terms = Terms { usd_per_akt: feed.usd_per_akt(), owner: Untrusted::new(owner), cards: &cards };
    match compat::price(request, &rates, &terms) {
        CompatAnswer::Price(price) => print(&price),
        CompatAnswer::Refused(refusal @ Refusal::RateUnavailable) => {
            Err(NoBid(format!("{refusal}; {}", feed.problem())))
        }
        CompatAnswer::Refused(refusal) => Err(NoBid::new(refusal)),
    }
}

fn print(price: &impl fmt::Display) -> Result<(), NoBid> {
    pricing_stdio::answer(price.to_string().as_bytes())
        .map_err(|error| NoBid(format!("cannot write the price: {error}")))
}

/// Reads the rates: a rate card if one is set, else the bash script's environment variables.
fn rates() -> Result<CompatRates, NoBid> {
    let Some(path) = path("BIDPRICE_RATES") else {
        settings::check_rates()?;
        return Ok(CompatRates::from_environment(environment));
    };
    let at_path = |error| NoBid(format!("BIDPRICE_RATES: `{}`: {error}", shown(&path)));
    let text = files::read_text(&path, rates::toml::MAX_INPUT_BYTES)
        .map_err(|error| NoBid(format!("BIDPRICE_RATES: {error}")))?;
    let pricing = rates::toml::read(&text).map_err(at_path)?;
    CompatRates::from_pricing(&pricing).map_err(at_path)
}

/// The time limit for the request to arrive when a service is to be asked. No provider waits longer for a price.
const REQUEST_TIME: Duration = Duration::from_secs(10);

/// Reads the request with a time limit. A thread does the reading, and is abandoned when it is late.
fn request_text_in_time() -> Result<String, NoBid> {
    let (sender, receiver) = sync_channel(1);
    let reading = thread::Builder::new().spawn(move || {
        // Fails only if the receiver has given up.
        let _ = sender.send(request_text());
    });
    reading.map_err(|error| NoBid(format!("no thread to read the request from: {error}")))?;
    let late = |_| Err(NoBid(format!("the request did not end within {} s", REQUEST_TIME.as_secs())));
    receiver.recv_timeout(REQUEST_TIME).unwrap_or_else(late)
}

/// Reads all of stdin, up to the limit for a request.
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

/// Writes a line to stderr and escapes foreign text in it. There is nowhere to report an error of stderr itself.
fn say(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{:.MAX_LINE$}", Untrusted::new(line.to_string()));
}
