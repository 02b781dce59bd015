//! Prices every set of cards that an order could get, by a plugin.

use std::time::Instant;

use pricing_core::quote::plugin::{Answer, drafts_of_alternatives};
use pricing_core::quote::{Alternative, Alternatives, FallbackBy, QuoteRequest, Reason, ReasonCode};

use super::{Plugin, PluginCall};
use crate::fault::Fault;
use crate::request::Request;
use crate::version::Version;

/// The time limit of a listing, as a multiple of a call's deadline.
const MOST_DEADLINES: u32 = 10;

impl Plugin {
    /// Prices every distinct set of GPU kinds that an order could be allocated, cheapest first.
    ///
    /// No call starts later than ten times a call's deadline after the first, or after the budget in the terms is used
    /// up; the remaining sets are left out. The list is also incomplete if the clock decided a price because the
    /// fallback replaced a plugin that exceeded its time or is paused by its breaker.
    ///
    /// # Errors
    /// When the plugin is not asked, the search for placements was given up, or the plugin failed or is paused and the
    /// fallback is not the built-in price.
    pub fn alternatives(&self, asked: &QuoteRequest<'_>) -> Result<Alternatives, Reason> {
        let builtin = self.settings().fallback == Some(FallbackBy::Builtin);
        let (drafts, mut complete) = drafts_of_alternatives(asked)?;
        // The same version prices all sets, even if it is replaced in the meantime.
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
                // An empty list of changes is the built-in price.
                Err(_) if builtin => Answer::Change(Vec::new()),
                Err(fault) => return Err(fault.into()),
            };
            complete &= !by_clock;
            list.extend(Alternative::by_plugin(asked, draft, &answer));
            if asked.terms.check().is_err() {
                // Whether this set has a price is unknown.
                complete = false;
                break;
            }
        }
        Ok(Alternatives::cheapest_first(list, complete))
    }

    /// The answer of a version, if its breaker admits the call, and whether the clock is the reason for a missing
    /// answer.
    fn answer_admitted(&self, version: &Version, request: &Request<'_>) -> (Result<Option<Answer>, Fault>, bool) {
        match self.call_admitted(version, request) {
            Err(rests) => (Err(rests), true),
            Ok(PluginCall { result: Err(fault), .. }) => {
                let late = fault.code == ReasonCode::DeadlineExceeded;
                (Err(fault), late)
            }
            Ok(PluginCall { result: Ok(_), answer, .. }) => (Ok(answer), false),
        }
    }
}
