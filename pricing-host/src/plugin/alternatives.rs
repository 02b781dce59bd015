//! Every way in which an order's cards could fall, priced by a plugin.

use std::time::Instant;

use pricing_core::quote::plugin::{Answer, drafts_of_alternatives};
use pricing_core::quote::{Alternative, Alternatives, FallbackBy, QuoteRequest, Reason, ReasonCode};

use super::{Called, Plugin, Version};
use crate::fault::Fault;
use crate::request::Request;

/// How many calls' deadlines a listing may take in all.
const MOST_DEADLINES: u32 = 10;

impl Plugin {
    /// Prices every distinct set of GPU kinds that an order could be allocated, cheapest first.
    ///
    /// No call begins later than ten times a call's deadline after the first, nor once the terms' budget is used up: the
    /// sets that are left are not listed. Where the clock decided, in that or because the fallback stands in for a plugin
    /// that overran its time or rests, the listing is not complete.
    ///
    /// # Errors
    /// When no plugin is asked, the search for placements was given up, or the plugin failed or rests and the fallback
    /// is not the built-in price.
    pub fn alternatives(&self, asked: &QuoteRequest<'_>) -> Result<Alternatives, Reason> {
        let builtin = self.settings().fallback == Some(FallbackBy::Builtin);
        let (drafts, mut complete) = drafts_of_alternatives(asked)?;
        // One file prices all of them, whatever takes over meanwhile.
        let version = self.current();
        let most = self.settings().limits.deadline.saturating_mul(MOST_DEADLINES);
        let began = Instant::now();
        let mut list = Vec::new();
        for (place, draft) in drafts.iter().enumerate() {
            if (place > 0 && began.elapsed() >= most) || asked.terms.check().is_err() {
                complete = false;
                break;
            }
            let request = Request { asked: *asked, draft };
            let (answered, by_clock) = self.answer_admitted(&version, &request);
            let answer = match answered {
                Ok(Some(answer)) => answer,
                Ok(None) => continue,
                // No change is the built-in price.
                Err(_) if builtin => Answer::Change(Vec::new()),
                Err(fault) => return Err(fault.into()),
            };
            complete &= !by_clock;
            list.extend(Alternative::by_plugin(asked, draft, &answer));
            if asked.terms.check().is_err() {
                // Whether this set has a price is not known.
                complete = false;
                break;
            }
        }
        Ok(Alternatives::cheapest_first(list, complete))
    }

    /// What a version answers, if its breaker lets the call through, and whether the clock decided that there is none.
    fn answer_admitted(&self, version: &Version, request: &Request<'_>) -> (Result<Option<Answer>, Fault>, bool) {
        match self.call_admitted(version, request) {
            Err(rests) => (Err(rests), true),
            Ok(Called { result: Err(fault), .. }) => {
                let late = fault.code == ReasonCode::DeadlineExceeded;
                (Err(fault), late)
            }
            Ok(Called { result: Ok(_), answer, .. }) => (Ok(answer), false),
        }
    }
}
