//! The environment of the provider's daemon: which pricing strategy it has, what it runs as its script, and what the
//! drop-in finds there.
//!
//! The daemon reads a flag such as `--bid-price-strategy` from `AP_BID_PRICE_STRATEGY`, else from
//! `AKASH_BID_PRICE_STRATEGY`; an empty variable counts as unset. A flag on its command line comes first, and cannot be
//! seen from here.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use pricing_core::text::nearest;
use pricing_core::{rates, variables};
use pricing_engine::feed;
use rustix::fs::{Access, access};

use super::checkup::{Checkup, Group, State};
use super::launcher::Script;
use super::service::status_of;
use crate::load;
use crate::wording::{count, number};

/// The prefixes of the daemon's variables; the first one counts where both are set.
const PREFIXES: [&str; 2] = ["AP_", "AKASH_"];
/// The strategies of the stock daemon. Only the last one asks a script.
const STRATEGIES: [&str; 3] = ["scale", "randomRange", ASKS_A_SCRIPT];
const ASKS_A_SCRIPT: &str = "shellScript";
/// The prefix of the script's rates.
const RATES: &str = "PRICE_TARGET_";

/// The variables of this process, which in the daemon's container are the daemon's.
pub(super) struct Environment(BTreeMap<String, String>);

impl Environment {
    pub(super) fn new(variables: BTreeMap<String, String>) -> Self {
        Self(variables)
    }

    /// Whether these are the daemon's variables.
    pub(super) fn is_of_daemon(&self) -> bool {
        self.flag("BID_PRICE_STRATEGY").is_some() || self.flag("BID_PRICE_SCRIPT_PATH").is_some()
    }

    /// The variable that the daemon reads for a flag, and its value.
    fn flag(&self, name: &str) -> Option<(String, &str)> {
        let names = PREFIXES.map(|prefix| format!("{prefix}{name}"));
        names.into_iter().find_map(|name| self.set(&name).map(|value| (name.clone(), value)))
    }

    /// A variable that is set, and not empty.
    fn set(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The same variables with those that a launcher sets.
    fn with(&self, settings: &BTreeMap<String, String>) -> Self {
        let mut variables = self.0.clone();
        variables.extend(settings.iter().map(|(name, value)| (name.clone(), value.clone())));
        Self(variables)
    }
}

/// Adds the checks of the environment.
pub(super) fn check(environment: &Environment, checkup: &mut Checkup) {
    names(environment, "environment", checkup);
    if !environment.is_of_daemon() {
        return checkup.ok(
            Group::Daemon,
            "environment",
            "not the daemon's, so its pricing strategy was not looked at: run this in the provider's container for that",
        );
    }
    if !strategy(environment, checkup) {
        return;
    }
    let Some(script) = script(environment, checkup) else { return };
    match script {
        Script::Other => {}
        Script::DropIn => drop_in(environment, checkup),
        Script::Launcher { settings, .. } => {
            let together = environment.with(&settings);
            names(&Environment::new(settings), "the launcher", checkup);
            drop_in(&together, checkup);
        }
    }
}

/// Checks the names of the drop-in's variables, which it would refuse.
fn names(environment: &Environment, of: &str, checkup: &mut Checkup) {
    let set = environment.0.iter().map(|(name, value)| (name.as_str(), value.is_empty()));
    if let Err(error) = variables::check(set) {
        checkup.put(
            State::Problem,
            Group::Daemon,
            of,
            error.to_string(),
            Some("`bidprice-script` makes no bid".to_owned()),
        );
    }
}

/// Checks the strategy. Returns whether a script is asked.
fn strategy(environment: &Environment, checkup: &mut Checkup) -> bool {
    let remedy =
        format!("set AP_BID_PRICE_STRATEGY={ASKS_A_SCRIPT} and AP_BID_PRICE_SCRIPT_PATH, or the daemon's flags");
    match environment.flag("BID_PRICE_STRATEGY") {
        Some((name, ASKS_A_SCRIPT)) => {
            checkup.ok(Group::Daemon, name, format!("`{ASKS_A_SCRIPT}`: the daemon asks a script"));
            return true;
        }
        Some((name, strategy)) if STRATEGIES.contains(&strategy) => {
            checkup.problem(Group::Daemon, name, format!("`{strategy}`: the daemon asks no script"), remedy);
        }
        Some((name, strategy)) => {
            let meant =
                nearest(strategy, STRATEGIES).map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
            let found =
                format!("`{}` is not a strategy of the stock daemon{meant}", pricing_core::text::excerpt(strategy));
            checkup.problem(Group::Daemon, name, found, remedy);
        }
        None => {
            let found = "it is not set, and the daemon prices by `scale`, which asks no script";
            checkup.problem(Group::Daemon, "AP_BID_PRICE_STRATEGY", found, remedy);
        }
    }
    false
}

/// Checks the script: whether it can be run, and whether it is ours.
fn script(environment: &Environment, checkup: &mut Checkup) -> Option<Script> {
    let Some((name, path)) = environment.flag("BID_PRICE_SCRIPT_PATH") else {
        let remedy = "name `bidprice-script`, or a launcher of it";
        checkup.problem(Group::Daemon, "AP_BID_PRICE_SCRIPT_PATH", "it is not set, so no script can be asked", remedy);
        return None;
    };
    let (path, subject) = (Path::new(path), format!("{name} {path}"));
    let script = match Script::read(path) {
        Ok(script) => script,
        Err(error) => {
            checkup.problem(
                Group::Daemon,
                subject,
                error.to_string(),
                "put `bidprice-script`, or a launcher of it, there",
            );
            return None;
        }
    };
    if access(path, Access::EXEC_OK).is_err() {
        checkup.problem(Group::Daemon, subject, "it is not executable, so there is no bid", "`chmod +x` it");
        return None;
    }
    match &script {
        Script::DropIn => checkup.ok(Group::Daemon, subject, "it is `bidprice-script`"),
        Script::Launcher { program, .. } => {
            // A bare name is looked for in `PATH`, by the shell.
            if program.is_absolute() && access(program, Access::EXEC_OK).is_err() {
                let found = format!("it runs `{}`, which is missing or not executable", program.display());
                checkup.problem(Group::Daemon, subject, found, "put `bidprice-script` there, or mend the launcher");
                return None;
            }
            checkup.ok(Group::Daemon, subject, format!("it runs `{}`", program.display()));
        }
        Script::Other => {
            let remedy = "name `bidprice-script`, or a launcher of it, if bidprice is to price";
            checkup.warn(Group::Daemon, subject, "it is neither `bidprice-script` nor a launcher of it", remedy);
        }
    }
    Some(script)
}

/// Checks what the drop-in finds in its environment.
fn drop_in(environment: &Environment, checkup: &mut Checkup) {
    if environment.set("WHITELIST_URL").is_some() && environment.set("BIDPRICE_WHITELIST").is_none() {
        let found = "it is set without BIDPRICE_WHITELIST, and lists are not fetched, so there is no bid";
        checkup.problem(
            Group::Daemon,
            "WHITELIST_URL",
            found,
            "set BIDPRICE_WHITELIST to a file of owners, or unset it",
        );
    }
    let falls_back = environment.set("BIDPRICE_FALLBACK") == Some("local");
    if let Some(socket) = environment.set("BIDPRICE_SOCKET") {
        reach(Path::new(socket), falls_back, checkup);
        if !falls_back {
            return;
        }
    }
    own_rates(environment, checkup);
    own_feed(environment, checkup);
}

/// Whether the service can be reached from here.
fn reach(socket: &Path, falls_back: bool, checkup: &mut Checkup) {
    let subject = format!("BIDPRICE_SOCKET {}", socket.display());
    let remedy = "start the service, or mount the socket's folder here";
    match status_of(socket) {
        Ok(status) => checkup.ok(Group::Daemon, subject, format!("a service answers from here, {}", status.version)),
        Err(why) if falls_back => {
            let found = format!("{why}; BIDPRICE_FALLBACK=local prices without it");
            checkup.warn(Group::Daemon, subject, found, remedy);
        }
        Err(why) => checkup.problem(Group::Daemon, subject, format!("{why}; there is no bid"), remedy),
    }
}

/// The rates by which the drop-in prices by itself.
fn own_rates(environment: &Environment, checkup: &mut Checkup) {
    if let Some(card) = environment.set("BIDPRICE_RATES") {
        return match load::rate_card(Path::new(card)) {
            Ok(_) => checkup.ok(Group::Daemon, format!("BIDPRICE_RATES {card}"), "a rate card"),
            Err(error) => checkup.problem(Group::Daemon, "BIDPRICE_RATES", error.to_string(), "mend the rate card"),
        };
    }
    let set: Vec<&str> = environment.0.keys().map(String::as_str).filter(|name| name.starts_with(RATES)).collect();
    let known = rates::environment::check_names(set.iter().copied()).map_err(|error| vec![error]);
    let read = known.and_then(|()| rates::environment::inspect(|name| environment.0.get(name).cloned()));
    match read {
        Ok(_) => {
            let found = match set.len() {
                0 => "none is set: the defaults of the bash script count".to_owned(),
                set => count(number(set), "rate"),
            };
            checkup.ok(Group::Daemon, format!("{RATES}*"), found);
        }
        Err(errors) => {
            for error in errors {
                let remedy = "mend it: `bidprice-script` makes no bid of it, or a wrong one as the bash script does";
                checkup.problem(Group::Daemon, format!("{RATES}*"), error.to_string(), remedy);
            }
        }
    }
}

/// What the drop-in takes an AKT for when it prices by itself.
fn own_feed(environment: &Environment, checkup: &mut Checkup) {
    const FRESH: Duration = Duration::from_secs(3600);
    let remedy = "let a timer run `bidprice feed update`, and name its file in BIDPRICE_RATE_CACHE";
    match (environment.set("BIDPRICE_USD_PER_AKT"), environment.set("BIDPRICE_RATE_CACHE")) {
        (Some(_), _) => {
            let found = "the value is fixed: bids in uakt do not follow the price of an AKT";
            checkup.warn(Group::Daemon, "BIDPRICE_USD_PER_AKT", found, remedy);
        }
        (None, None) => {
            let found = "neither it nor BIDPRICE_USD_PER_AKT is set: by itself, the drop-in makes no bid in uakt";
            checkup.warn(Group::Daemon, "BIDPRICE_RATE_CACHE", found, remedy);
        }
        (None, Some(cache)) => {
            let limit = environment.set("BIDPRICE_RATE_CACHE_MAX_AGE").map(humantime::parse_duration);
            let limit = limit.and_then(Result::ok).unwrap_or(FRESH);
            let subject = format!("BIDPRICE_RATE_CACHE {cache}");
            match feed::read_cache(Path::new(cache), limit, SystemTime::now()) {
                Ok(cached) => {
                    let found = format!("{} USD, {} s old", cached.usd_per_akt, cached.age.as_secs());
                    checkup.ok(Group::Daemon, subject, found);
                }
                Err(error) => {
                    let found = format!("{error}; by itself, the drop-in makes no bid in uakt");
                    checkup.problem(Group::Daemon, subject, found, remedy);
                }
            }
        }
    }
}
