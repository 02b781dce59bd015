//! A bid price script as a strategy: run like the provider's daemon runs it, once for each distinct request.

mod process;
mod request;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pricing_core::money::parse_decimal;
use pricing_core::order::Order;
use pricing_core::order::script_request::{self, LEGACY_DENOM};
use pricing_core::quote::plugin::Answer;
use pricing_core::quote::{QuotedTarget, Reason, ReasonCode};
use pricing_core::reserve::CommitLevels;
use pricing_core::text::{Untrusted, excerpt, printable};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use process::{Ended, Limits, ProgramOutput, RunError};

pub use process::end_all as end_scripts;

/// The time limit of a script, unless the scenario sets one: the daemon's own.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum output of a script on stdout, in bytes; a price needs a few.
const STDOUT_BYTES: usize = 64 << 10;
/// How much of the end of its stderr is kept, in bytes.
const STDERR_BYTES: usize = 16 << 10;
/// How much of that becomes the reason of a decline, in characters.
const REASON_CHARACTERS: usize = 300;
/// The number of answers that are cached. Once it is reached, new requests are asked each time.
const MAX_ANSWERS: usize = 1 << 16;
/// The most decimals of a price, as on the chain.
const MAX_DECIMALS: usize = 18;
/// The maximum length of a script's first line that the kernel reads, in bytes.
const FIRST_LINE_BYTES: u64 = 256;

/// Which form of an order a script gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScriptOrder {
    /// What the daemon passes since 2024: amounts after commit levels and the allocated model, with RAM and interface
    /// if the tenant named them. If the model is uncertain, the cards are those that the tenant wrote.
    #[default]
    Allocated,
    /// What the tenant wrote.
    Written,
}

/// Why a script cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file does not exist, or cannot be inspected.
    #[error("the script `{0}` cannot be read: {1}")]
    Unreadable(String, io::Error),
    /// It is not a plain file.
    #[error("the script `{0}` is not a file")]
    NoFile(String),
    /// It is not executable.
    #[error("the script `{0}` is not executable; run `chmod +x` on it, as the provider's daemon needs it too")]
    NotExecutable(String),
    /// Its first line ends with a carriage return, so its interpreter is not found.
    #[error("the first line of the script `{0}` ends with a carriage return; save it with Unix line ends")]
    CarriageReturn(String),
    /// Its first line names a program that does not exist.
    #[error("the first line of the script `{0}` names `{1}`, which is not there")]
    NoInterpreter(String, String),
    /// The system cannot start it.
    #[error("the script `{0}` cannot be started: {1}; it needs a first line such as `#!/bin/bash`, or to be a program")]
    NotStarted(String, io::Error),
    /// A variable is not valid.
    #[error("`{0}` cannot be a variable of the script: names are not empty and have no `=`, and neither has a NUL")]
    Variable(String),
    /// A variable is reserved.
    #[error("the variable `{0}` is set for each order, as the provider's daemon does")]
    Reserved(String),
    /// Its time limit is zero.
    #[error("the script's timeout must be above 0")]
    NoTime,
}

/// The answer to a request. None while the script is running.
type Slot = Arc<Mutex<Option<Result<Answer, Reason>>>>;

/// A bid price script.
#[derive(Clone, Debug)]
pub struct Script {
    /// The program.
    pub program: PathBuf,
    /// Variables for it, in addition to `AKASH_OWNER`, `AKASH_DENOM`, `PATH` and `HOME`.
    pub env: BTreeMap<String, String>,
    /// Its time limit.
    pub timeout: Duration,
    /// Which form of an order it gets.
    pub order: ScriptOrder,
    /// Earlier answers, by the digest of request and owner. The price can depend on nothing else.
    answers: Arc<Mutex<BTreeMap<[u8; 32], Slot>>>,
}

impl Script {
    /// A script in a file.
    #[must_use]
    pub fn new(program: PathBuf, env: BTreeMap<String, String>, timeout: Duration) -> Self {
        // A bare name would be looked up in `PATH`.
        let program = std::path::absolute(&program).unwrap_or(program);
        Self { program, env, timeout, order: ScriptOrder::default(), answers: Arc::default() }
    }

    /// Checks that the script can be run at all.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(&self) -> Result<(), ScriptError> {
        if self.timeout.is_zero() {
            return Err(ScriptError::NoTime);
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(ScriptError::Variable(excerpt(name)));
            }
            if ["AKASH_OWNER", "AKASH_DENOM"].contains(&name.as_str()) {
                return Err(ScriptError::Reserved(name.clone()));
            }
        }
        self.check_file()?;
        process::probe(&mut self.command("", "")).map_err(|error| ScriptError::NotStarted(self.name(), error))
    }

    /// Checks the file for the usual mistakes, because the kernel reports most of them as "no such file".
    fn check_file(&self) -> Result<(), ScriptError> {
        use std::os::unix::fs::PermissionsExt;
        let unreadable = |error| ScriptError::Unreadable(self.name(), error);
        let metadata = self.program.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(ScriptError::NoFile(self.name()));
        }
        if metadata.permissions().mode() & 0o111 == 0 {
            return Err(ScriptError::NotExecutable(self.name()));
        }
        // An executable program need not be readable.
        let Ok(file) = pricing_files::open(&self.program) else { return Ok(()) };
        let mut start = Vec::new();
        file.take(FIRST_LINE_BYTES).read_to_end(&mut start).map_err(unreadable)?;
        let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let Some(line) = line.strip_prefix(b"#!") else { return Ok(()) };
        if line.ends_with(b"\r") {
            return Err(ScriptError::CarriageReturn(self.name()));
        }
        let line = String::from_utf8_lossy(line);
        match line.split_whitespace().next() {
            Some(program) if !PathBuf::from(program).exists() => {
                Err(ScriptError::NoInterpreter(self.name(), excerpt(program)))
            }
            _ => Ok(()),
        }
    }

    fn name(&self) -> String {
        self.program.display().to_string()
    }

    /// Asks the script for the price of an order that was placed.
    ///
    /// # Errors
    /// The fault that its run ended with.
    pub fn ask(
        &self,
        order: &Order,
        targets: &[QuotedTarget],
        owner: Option<Untrusted<&str>>,
        commit: &CommitLevels,
    ) -> Result<Answer, Reason> {
        let request = match self.order {
            ScriptOrder::Allocated => script_request::to_json(&request::allocated(order, targets, commit)),
            ScriptOrder::Written => script_request::to_json(order),
        };
        let denom = order.max_price.as_ref().map_or(LEGACY_DENOM, |price| price.denom().as_str());
        let owner = owner.as_ref().map_or("", Untrusted::exact);
        let slot = self.slot(owner, &request);
        // Other threads with the same request wait for this answer.
        let mut answer = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*answer {
            return known.clone();
        }
        let said = process::run(&mut self.command(owner, denom), request.as_bytes(), self.limits());
        // A lack of system resources can be temporary, so it is not cached.
        let lasting = !matches!(said, Err(RunError::Start(_) | RunError::System(_)));
        let read = self.read(said);
        if lasting {
            *answer = Some(read.clone());
        }
        read
    }

    fn slot(&self, owner: &str, request: &str) -> Slot {
        let key: [u8; 32] =
            Sha256::new().chain_update(owner).chain_update("\n").chain_update(request).finalize().into();
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        match answers.get(&key) {
            Some(slot) => Arc::clone(slot),
            None if answers.len() >= MAX_ANSWERS => Slot::default(),
            None => Arc::clone(answers.entry(key).or_default()),
        }
    }

    fn command(&self, owner: &str, denom: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear();
        for name in ["PATH", "HOME"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(&self.env).env("AKASH_OWNER", owner).env("AKASH_DENOM", denom);
        command
    }

    fn limits(&self) -> Limits {
        Limits { timeout: self.timeout, stdout: STDOUT_BYTES, stderr: STDERR_BYTES }
    }

    /// Interprets the result of a run, as the daemon does: an exit code other than 0 declines, and a script that did
    /// not end is a fault.
    fn read(&self, said: Result<ProgramOutput, RunError>) -> Result<Answer, Reason> {
        let fault = |code, message: String| Err(Reason::new(code, message));
        let timeout = humantime::format_duration(self.timeout);
        match said {
            Ok(ProgramOutput { ended: Ended::Exited(0), stdout, .. }) => price(&stdout).map(Answer::Price),
            Ok(ProgramOutput { ended: Ended::Exited(code), stderr, .. }) => Ok(Answer::Decline(reason(code, &stderr))),
            Ok(ProgramOutput { ended: Ended::Signalled(signal), .. }) => {
                fault(ReasonCode::Trap, format!("the script was ended by signal {signal}"))
            }
            Err(RunError::Deadline { ended: false }) => {
                fault(ReasonCode::DeadlineExceeded, format!("the script took more than {timeout}"))
            }
            Err(RunError::Deadline { ended: true }) => {
                let message = "the script ended, but something that it started kept its output open for more than";
                fault(ReasonCode::DeadlineExceeded, format!("{message} {timeout}"))
            }
            Err(RunError::Output) => {
                let message = format!("the script wrote more than {STDOUT_BYTES} bytes to stdout");
                fault(ReasonCode::OutputExceeded, message)
            }
            Err(RunError::Start(error)) => {
                fault(ReasonCode::LoadRejected, format!("the script cannot be started: {error}"))
            }
            Err(RunError::System(error)) => {
                fault(ReasonCode::LoadRejected, format!("the script cannot be run: {error}"))
            }
        }
    }
}

/// Parses the price that a script wrote: a single plain decimal above 0, as the daemon does.
fn price(stdout: &[u8]) -> Result<Decimal, Reason> {
    let invalid = |message: String| Err(Reason::new(ReasonCode::InvalidOutput, message));
    let text = String::from_utf8_lossy(stdout);
    let text = text.trim();
    if text.is_empty() {
        return invalid("the script wrote no price to stdout".to_owned());
    }
    let shown = excerpt(text);
    // The daemon counts decimals as written, including trailing zeros.
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    match parse_decimal(text) {
        Ok(_) if decimals > MAX_DECIMALS => {
            invalid(format!("the script answered `{shown}`; a price has at most {MAX_DECIMALS} decimals"))
        }
        Err(_) => invalid(format!("the script answered `{shown}`, which is not a decimal number")),
        Ok(price) if price <= Decimal::ZERO => {
            invalid(format!("the script answered `{shown}`; a price must be above 0"))
        }
        Ok(price) => Ok(price),
    }
}

/// The reason of a decline in the script's own words: the end of its stderr.
fn reason(code: i32, stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return format!("the script ended with exit code {code} and gave no reason");
    }
    let said: Vec<char> = printable(&lines.join("; ")).chars().collect();
    let cut = said.len().saturating_sub(REASON_CHARACTERS);
    let kept: String = said.iter().skip(cut).collect();
    if cut > 0 { format!("…{kept}") } else { kept }
}
