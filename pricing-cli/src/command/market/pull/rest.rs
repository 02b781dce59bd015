//! Nodes of the chain.

use pricing_core::input::InputError;
use pricing_market::rest::{self, PullError, Pulled, Settings, Wanted};
use serde_json::json;

use super::{Answer, Args, history_error, shown_path};
use crate::error::CliError;
use crate::output;
use crate::wording::count;

/// The address of a node.
type Url = pricing_market::rest::Url;

pub(super) fn pull(args: &Args) -> Result<Answer, CliError> {
    let nodes = args.rest.iter().map(|text| url(text)).collect::<Result<_, _>>()?;
    let mut settings = Settings::new(nodes);
    settings.requests_per_second = args.requests_per_second.unwrap_or(settings.requests_per_second);
    let wanted = Wanted { provider: args.provider.clone(), since: args.since, usd_per_akt: args.usd_per_akt };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::internal(format!("no runtime: {error}")))?;
    let mut tell = |what: &str| output::complain(&format!("warning: {what}"));
    let pulled = runtime.block_on(rest::pull(&args.out, &wanted, &settings, &mut tell));
    let pulled = pulled.map_err(|error| pull_error(args, error))?;
    tell_orders(&pulled);
    let lines = vec![format!(
        "The chain is at height {}. {} took {}.",
        pulled.height,
        count(pulled.asked, "order"),
        count(pulled.requests, "request"),
    )];
    let ids = |ids: &[pricing_market::chain::id::OrderId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let pull = json!({
        "height": pulled.height,
        "requests": pulled.requests,
        "asked": pulled.asked,
        "gone": ids(&pulled.gone),
        "inconsistent": ids(&pulled.inconsistent),
    });
    Ok(Answer { summary: pulled.summary, pull, lines })
}

fn tell_orders(pulled: &Pulled) {
    for id in &pulled.gone {
        output::complain(&format!("warning: order {id} is not on the chain any more, and leaves the history"));
    }
    for id in &pulled.inconsistent {
        output::complain(&format!("warning: the node's lists disagree about order {id}; the next pull asks again"));
    }
}

fn url(text: &str) -> Result<Url, CliError> {
    let wrong = |why: &str| {
        CliError::Usage(format!("`{}` is not the address of a node: {why}", pricing_core::text::excerpt(text)))
    };
    let url: Url = text.parse().map_err(|_| wrong("expected a URL, such as `https://rest.example.com`"))?;
    match url.scheme() {
        "http" | "https" if url.query().is_none() && url.fragment().is_none() => Ok(url),
        "http" | "https" => Err(wrong("it has a query")),
        _ => Err(wrong("expected `https` or `http`")),
    }
}

fn pull_error(args: &Args, error: PullError) -> CliError {
    match error {
        PullError::History(error) => history_error(error),
        PullError::File { file, error } => CliError::unreadable_input(file, InputError::new(error)),
        PullError::Malformed { file, error } => CliError::malformed(file, *error),
        PullError::OtherProvider { .. } | PullError::Locked(_) => {
            CliError::unreadable_input(shown_path(&args.out), InputError::new(error))
        }
        PullError::Unanswered { .. } | PullError::Refused { .. } | PullError::Record(_) | PullError::Client(_) => {
            let message = format!("{error}; what was read is in {}, and the next pull goes on", shown_path(&args.out));
            CliError::Service { code: "no-answer", message }
        }
    }
}
