//! Asks a running service for the price, and decides what to do when it does not answer.

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use pricing_client::messages::{Decision, Order, Quote, QuoteRequest, QuoteResponse, order::Form};
use pricing_client::{CallError, quote_once};
use pricing_core::money::{CHAIN_DECIMALS, Denom, parse_decimal};
use pricing_core::text::{Untrusted, excerpt};
use rust_decimal::Decimal;

use crate::settings::{duration, path, setting, shown};
use crate::{NoBid, say};

/// The default deadline: half of the time that the provider gives a script.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);
/// The longest deadline that can be set.
const MAX_DEADLINE: Duration = Duration::from_secs(60);
/// How long after the deadline the thread is abandoned, in case the deadline itself does not work.
const GRACE: Duration = Duration::from_millis(250);
/// The most characters of a service's text that are repeated.
const MAX_REASON: usize = 1000;

/// The service to ask.
pub(crate) struct Service {
    socket: PathBuf,
    deadline: Duration,
    /// Whether the price is computed here when the service does not answer.
    falls_back: bool,
}

/// The result of asking.
pub(crate) enum Outcome {
    /// The price, as the service wrote it.
    Price(String),
    /// Why there was no answer. The price is to be computed here.
    Silence(String),
}

impl Service {
    /// Reads the settings. Returns the service, if one is set. The other settings must be valid even without a service.
    pub(crate) fn from_settings() -> Result<Option<Self>, NoBid> {
        let falls_back = match setting("BIDPRICE_FALLBACK") {
            None => false,
            Some(text) => match text.exact() {
                "local" => true,
                "none" => false,
                _ => return Err(NoBid(format!("BIDPRICE_FALLBACK: `{text}` is neither `local` nor `none`"))),
            },
        };
        let deadline = match setting("BIDPRICE_DEADLINE") {
            None => DEFAULT_DEADLINE,
            Some(text) => duration(&text).filter(|time| !time.is_zero() && *time <= MAX_DEADLINE).ok_or_else(|| {
                NoBid(format!("BIDPRICE_DEADLINE: `{text}` is not a duration of at most 60s, such as `5s` or `800ms`"))
            })?,
        };
        Ok(path("BIDPRICE_SOCKET").map(|socket| Self { socket, deadline, falls_back }))
    }

    /// Asks for the price of a request in a denom.
    pub(crate) fn ask(&self, request: String, owner: String, denom: &Denom) -> Result<Outcome, NoBid> {
        let order = Order { form: Some(Form::Text(request)) };
        let request = QuoteRequest { order: Some(order), owner, already_reserved: true, ..QuoteRequest::default() };
        match self.answer(request) {
            Ok(answer) => price(answer, denom).map(Outcome::Price),
            Err(silence) if silence.is_silence() => self.silence(&silence.to_string()),
            Err(spoken) => Err(NoBid::new(spoken)),
        }
    }

    fn silence(&self, why: &str) -> Result<Outcome, NoBid> {
        let said = format!("BIDPRICE_SOCKET: `{}`: {why}", shown(&self.socket));
        match self.falls_back {
            true => Ok(Outcome::Silence(said)),
            false => Err(NoBid(format!("{said}; BIDPRICE_FALLBACK is not `local`, so there is no bid"))),
        }
    }

    /// Returns the answer within the deadline, whatever the peer does. A thread asks, and is abandoned when it is late.
    fn answer(&self, request: QuoteRequest) -> Result<QuoteResponse, CallError> {
        let (socket, deadline) = (self.socket.clone(), self.deadline);
        let (sender, receiver) = sync_channel(1);
        let asking = thread::Builder::new().spawn(move || {
            // Fails only if the receiver has given up.
            let _ = sender.send(ask(socket, deadline, request));
        });
        asking.map_err(|error| CallError::Unreachable { message: format!("no thread for the call: {error}") })?;
        receiver.recv_timeout(deadline.saturating_add(GRACE)).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => Err(CallError::Deadline { after: deadline }),
            RecvTimeoutError::Disconnected => {
                Err(CallError::Garbled { message: "the answer could not be read".to_owned() })
            }
        })
    }
}

fn ask(socket: PathBuf, deadline: Duration, request: QuoteRequest) -> Result<QuoteResponse, CallError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime
        .map_err(|error| CallError::Unreachable { message: format!("the client could not be created: {error}") })?;
    runtime.block_on(quote_once(&socket, deadline, request))
}

/// Returns the price in an answer to a request with one group. Anything but a single bid is a reason not to bid, and a
/// plugin's fallback is reported even though its price counts.
fn price(answer: QuoteResponse, denom: &Denom) -> Result<String, NoBid> {
    let mut quotes = answer.quotes.into_iter();
    let (Some(quote), None) = (quotes.next(), quotes.next()) else {
        return Err(NoBid::new("the service did not answer with one quote for the one request"));
    };
    match quote.decision() {
        Decision::Bid => {
            if let Some(used) = quote.plugin.as_ref().filter(|used| used.fallback.is_some()) {
                let (by, fault) = (used.fallback.as_deref().unwrap_or(""), used.fault.clone().unwrap_or_default());
                say(format_args!(
                    "the service's plugin failed, and `{}` priced instead: {}: {}",
                    said(by),
                    said(&fault.code),
                    said(&fault.message)
                ));
            }
            bid(quote, denom)
        }
        Decision::Decline | Decision::Fault => {
            let reason = quote.reason.unwrap_or_default();
            Err(NoBid(format!("{}: {}", said(&reason.code), said(&reason.message))))
        }
        Decision::Unspecified => Err(NoBid::new("the service's answer has no decision")),
    }
}

/// Returns the amount of a bid, unchanged, after checking that it is a positive amount in the denom that was asked for.
fn bid(quote: Quote, denom: &Denom) -> Result<String, NoBid> {
    let price = quote.price.ok_or_else(|| NoBid::new("the service's bid has no price"))?;
    let theirs = Denom::new(price.denom);
    if theirs != *denom {
        return Err(NoBid(format!("the service's bid is in `{theirs}`, and the request in `{denom}`")));
    }
    let amount = parse_decimal(&price.amount).map_err(|error| NoBid(format!("the service's bid: {error}")))?;
    let decimals = price.amount.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    if amount <= Decimal::ZERO || u32::try_from(decimals).map_or(true, |decimals| decimals > CHAIN_DECIMALS) {
        return Err(NoBid(format!("the service's bid of `{}` is not a price", excerpt(&price.amount))));
    }
    Ok(price.amount)
}

/// Shortens a text of the service and makes it safe to print.
fn said(text: &str) -> String {
    format!("{:.MAX_REASON$}", Untrusted::new(text))
}
