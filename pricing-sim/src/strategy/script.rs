//! A bid price script as a strategy: run as the provider's daemon runs it, once for each distinct request.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pricing_core::order::Order;
use pricing_core::quote::plugin::Answer;
use pricing_core::quote::{QuotedTarget, Reason};

/// How long a script may take, unless the scenario says otherwise: the daemon's own limit.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// What of an order a script is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScriptOrder {
    /// The model that was allocated, as the daemon tells it since 2024; RAM and interface where the tenant named them.
    #[default]
    Allocated,
    /// What the tenant wrote.
    Written,
}

/// A bid price script.
#[derive(Clone, Debug)]
pub struct Script {
    /// The program.
    pub program: PathBuf,
    /// Variables that it sees beside `AKASH_OWNER`, `AKASH_DENOM` and `PATH`.
    pub env: BTreeMap<String, String>,
    /// How long it may take.
    pub timeout: Duration,
    /// What of an order it is told.
    pub order: ScriptOrder,
    /// What it answered before: a script's price depends on nothing but its request and its variables.
    answers: Arc<Mutex<BTreeMap<String, Result<Answer, Reason>>>>,
}

impl Script {
    /// A script in a file.
    #[must_use]
    pub fn new(program: PathBuf, env: BTreeMap<String, String>, timeout: Duration) -> Self {
        Self { program, env, timeout, order: ScriptOrder::default(), answers: Arc::default() }
    }

    /// Asks the script for the price of an order that was placed.
    ///
    /// # Errors
    /// The fault that its run ended in.
    pub fn ask(&self, order: &Order, targets: &[QuotedTarget], owner: Option<&str>) -> Result<Answer, Reason> {
        let _ = targets;
        let request = pricing_core::order::script_request::to_json(order);
        let key = format!("{}\n{request}", owner.unwrap_or(""));
        if let Some(known) = self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let answer = super::read_answer("");
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(key, answer.clone());
        answer
    }
}
