//! A quote from a running service.

use std::path::Path;
use std::time::Duration;

use pricing_client::{CallError, quote_once};
use pricing_core::input::InputError;
use pricing_core::order::detect::{self, Orders};
use pricing_core::quote::wire::{SCHEMA, WarningJson};
use pricing_core::text::counted;
use pricing_proto::bidprice::v1::{Order, QuoteRequest, QuoteResponse, order::Form};
use serde::Serialize;

use super::Args;
use crate::answered::Answered;
use crate::args::Output;
use crate::error::{CliError, Exit};
use crate::load::Document;
use crate::scene::given_up;
use crate::{load, output, quote_table};

/// How long a service may take by default.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The answer of `--output json`, with the same fields as without a service.
#[derive(Serialize)]
struct ServiceAnswer<'a> {
    schema: u32,
    warnings: Vec<WarningJson<'a>>,
    quotes: &'a [Answered],
}

/// Quotes an order by asking the service on a socket.
pub(super) fn run(socket: &Path, args: &Args) -> Result<Exit, CliError> {
    if args.scene.names_usd_per_akt() {
        let message = "the argument '--usd-per-akt <DECIMAL>' cannot be used with '--socket <PATH>': the service has a value of \
                       its own";
        return Err(CliError::Usage(message.to_owned()));
    }
    // The order is also read here, so that errors and warnings have a line and a column, as without a service.
    let document = Document::order(&args.order.order)?;
    let read = detect::read_with_warnings(&document.text, None);
    let Orders { orders, warnings } = read.map_err(|error| document.malformed(error))?;
    load::tell(&document.name, &warnings, &args.order.strictness)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::internal(format!("the runtime cannot be started: {error}")))?;
    let asked = quote_once(socket, args.timeout.unwrap_or(TIMEOUT), request(&document, args));
    let answer = runtime.block_on(asked).map_err(|error| no_answer(socket, &document, &error))?;
    let quotes = quotes(answer, orders.len(), args.scene.already_reserved());
    let quotes = quotes.map_err(|problem| garbled(socket, &problem))?;
    let given_up: Vec<InputError> =
        quotes.iter().filter(|quote| quote.prediction_given_up).map(|quote| given_up(&quote.group)).collect();
    match args.output.output {
        Output::Json => {
            let warnings = warnings.iter().chain(&given_up).map(WarningJson::new).collect();
            output::print_json(&ServiceAnswer { schema: SCHEMA, warnings, quotes: &quotes })?;
        }
        Output::Table => quotes.iter().try_for_each(|quote| output::print(&quote_table::quote(quote, None)))?,
    }
    Ok(quotes.iter().map(Answered::exit).max().unwrap_or(Exit::Success))
}

/// The request to the service. Without an `order_id`, the service does not hold the capacity.
fn request(document: &Document, args: &Args) -> QuoteRequest {
    QuoteRequest {
        order: Some(Order { form: Some(Form::Text(document.text.clone())) }),
        owner: args.scene.owner().unwrap_or_default().to_owned(),
        already_reserved: args.scene.already_reserved(),
        alternatives: args.all_targets,
        ..QuoteRequest::default()
    }
}

/// The answers, one for each group.
fn quotes(answer: QuoteResponse, groups: usize, already_reserved: bool) -> Result<Vec<Answered>, String> {
    if answer.quotes.len() != groups {
        return Err(format!("it has {} for {}", counted(answer.quotes.len(), "quote"), counted(groups, "group")));
    }
    answer.quotes.into_iter().map(|quote| Answered::message(quote, already_reserved)).collect()
}

fn garbled(socket: &Path, problem: &str) -> CliError {
    let message = format!("{}: the answer cannot be used: {problem}", socket.display());
    CliError::Service { code: "unusable-answer", message }
}

/// The error for a call without an answer. A wrong order is an error of the input; all other causes are the service's.
fn no_answer(socket: &Path, document: &Document, error: &CallError) -> CliError {
    let (code, advice) = match error {
        CallError::InvalidOrder { message } => return document.malformed(InputError::new(message)),
        CallError::Unreachable { .. } | CallError::Garbled { .. } => (
            "unreachable-service",
            "; without `--socket` the order is priced here, by the rate card that `--rates` names",
        ),
        CallError::Deadline { .. } => ("deadline-exceeded", "; `--timeout` gives it more time"),
        CallError::Overloaded { .. } => ("overloaded-service", "; try again"),
        CallError::Failed { .. } => ("service-error", ""),
    };
    CliError::Service { code, message: format!("{}: {error}{advice}", socket.display()) }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn only_a_wrong_order_is_an_error_of_the_input() {
        let document = Document { name: "order.yaml".to_owned(), text: String::new(), words: false };
        let told = |error: CallError| no_answer(Path::new("x.sock"), &document, &error);
        let message = || "why".to_owned();
        let wrong = told(CallError::InvalidOrder { message: message() });
        assert!(matches!(&wrong, CliError::Input { code: "malformed-input", .. }), "{wrong:?}");
        assert_eq!(wrong.to_string(), "order.yaml: why");
        for (error, expected) in [
            (CallError::Unreachable { message: message() }, "unreachable-service"),
            (CallError::Garbled { message: message() }, "unreachable-service"),
            (CallError::Deadline { after: TIMEOUT }, "deadline-exceeded"),
            (CallError::Overloaded { message: message() }, "overloaded-service"),
            (CallError::Failed { code: Code::Internal, message: message() }, "service-error"),
        ] {
            let told = told(error);
            assert!(matches!(&told, CliError::Service { code, .. } if *code == expected), "{told:?}");
            assert!(told.to_string().starts_with("x.sock: "), "{told}");
        }
    }

    #[test]
    fn an_answer_has_a_quote_for_each_group_and_a_fault_is_never_a_bid() {
        use pricing_proto::bidprice::v1::{Decision, Price, Quote, Reason};

        let price = Some(Price { denom: "uact".to_owned(), amount: "1".to_owned() });
        let reason = Some(Reason { code: "trap".to_owned(), ..Reason::default() });
        let quote = |decision: Decision, price: &Option<Price>, reason: &Option<Reason>| Quote {
            decision: decision.into(),
            price: price.clone(),
            reason: reason.clone(),
            ..Quote::default()
        };
        let read = |quotes: Vec<Quote>, groups| {
            quotes_of(QuoteResponse { quotes, ..QuoteResponse::default() }, groups).map(|quotes| quotes.len())
        };
        let quotes_are_good = |list: Vec<Quote>| read(list, 1).is_ok();
        assert!(quotes_are_good(vec![quote(Decision::Bid, &price, &None)]));
        assert!(quotes_are_good(vec![quote(Decision::Fault, &None, &reason)]));
        for (decision, price, reason) in [
            (Decision::Bid, &None, &None),
            (Decision::Bid, &price, &reason),
            (Decision::Fault, &price, &reason),
            (Decision::Decline, &None, &None),
            (Decision::Unspecified, &price, &None),
        ] {
            assert!(!quotes_are_good(vec![quote(decision, price, reason)]), "{decision:?}");
        }
        assert!(read(Vec::new(), 1).is_err() && read(vec![quote(Decision::Bid, &price, &None); 2], 1).is_err());
    }

    fn quotes_of(answer: QuoteResponse, groups: usize) -> Result<Vec<Answered>, String> {
        quotes(answer, groups, false)
    }
}
