//! The names of the programs' environment variables, and what is said of unknown ones.
//!
//! A misspelt variable is not set, and the limit or list that it was meant to set is then missing. So a program refuses
//! to start if there is a variable that it would have to ignore, or an empty one: a value that somebody failed to set
//! is not the same as one that they left out.

use crate::input::InputError;
use crate::text::nearest;

/// The prefix of the names.
pub const PREFIX: &str = "BIDPRICE_";

/// The variables of `bidprice` and `bidprice-script`. Each program knows all of them, because both may share an
/// environment.
const KNOWN: [&str; 15] = [
    "BIDPRICE_ADDRESS_PREFIX",
    "BIDPRICE_COMMIT_CPU",
    "BIDPRICE_COMMIT_GPU",
    "BIDPRICE_COMMIT_MEMORY",
    "BIDPRICE_COMMIT_STORAGE",
    "BIDPRICE_DEADLINE",
    "BIDPRICE_FALLBACK",
    "BIDPRICE_INVENTORY",
    "BIDPRICE_PLUGIN_CACHE",
    "BIDPRICE_RATES",
    "BIDPRICE_RATE_CACHE",
    "BIDPRICE_RATE_CACHE_MAX_AGE",
    "BIDPRICE_SOCKET",
    "BIDPRICE_USD_PER_AKT",
    "BIDPRICE_WHITELIST",
];

/// The prefixes of variables that control this repository's tests and tasks.
const OF_TESTS: [&str; 7] = [
    "BIDPRICE_CHROMIUM",
    "BIDPRICE_DETERMINISM_",
    "BIDPRICE_GENERATE",
    "BIDPRICE_PYTHON",
    "BIDPRICE_REQUIRE_",
    "BIDPRICE_SOAK_",
    "BIDPRICE_TEST_",
];

/// Checks all variables with this project's prefix: none may be unknown, and none empty. Each is a name, and whether it
/// is empty.
///
/// # Errors
/// When one is. The error names it, and the known one that is nearest to an unknown one.
pub fn check<'a>(variables: impl IntoIterator<Item = (&'a str, bool)>) -> Result<(), InputError> {
    for (name, is_empty) in variables {
        if !name.starts_with(PREFIX) || is_of_tests(name) || is_service_link(name) {
            continue;
        }
        if !KNOWN.contains(&name) {
            return Err(unknown(name, "this variable is not known", PREFIX, &KNOWN));
        }
        if is_empty {
            let error = InputError::new("this variable is set, but empty").at(name);
            return Err(error.hint("give it a value, or unset it"));
        }
    }
    Ok(())
}

/// The error for an unknown name: it suggests the nearest known one, or lists all if none is near.
pub(crate) fn unknown(name: &str, problem: &str, prefix: &str, known: &[&str]) -> InputError {
    let error = InputError::new(problem).at(crate::text::excerpt(name));
    let own = |name: &'_ str| name.strip_prefix(prefix).unwrap_or(name).to_owned();
    let words: Vec<String> = known.iter().map(|name| own(name)).collect();
    // The shared prefix says nothing about which one was meant.
    match nearest(&own(name), words.iter().map(String::as_str)) {
        Some(word) => error.hint(format!("did you mean `{prefix}{word}`?")),
        None => error.hint(format!("known are `{}`", known.join("`, `"))),
    }
}

fn is_of_tests(name: &str) -> bool {
    OF_TESTS.iter().any(|start| name.starts_with(start))
}

/// Whether Kubernetes set the variable. In every pod it describes the services of the namespace, and a service named
/// `bidprice` gives `BIDPRICE_SERVICE_HOST`, `BIDPRICE_PORT`, `BIDPRICE_PORT_9310_TCP_ADDR` and so on.
fn is_service_link(name: &str) -> bool {
    name.contains("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || name.ends_with("_PORT") || is_port_of_link(name)
}

/// Whether a name continues like that of a service's port: `_PORT_9310_TCP`, followed by nothing, `_ADDR`, `_PORT` or
/// `_PROTO`.
fn is_port_of_link(name: &str) -> bool {
    let Some((_, port)) = name.split_once("_PORT_") else { return false };
    let mut words = port.split('_');
    let number = words.next().is_some_and(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()));
    number && matches!(words.next(), Some("TCP" | "UDP" | "SCTP"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, value: &str) -> String {
        check([(name, value.is_empty())]).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn known_variables_and_those_of_others_pass() {
        for name in KNOWN.into_iter().chain(["PATH", "BIDPRICE", "PRICE_TARGET_CPU", "BIDPRICE_TEST_SHARED_CACHE"]) {
            assert_eq!(said(name, "x"), "");
        }
        assert_eq!(said("PATH", ""), "");
    }

    #[test]
    fn an_unknown_variable_is_refused_with_the_nearest() {
        for (name, nearest) in [
            ("BIDPRICE_WHITLIST", "did you mean `BIDPRICE_WHITELIST`?"),
            ("BIDPRICE_WHITELIST_FILE", "known are"),
            ("BIDPRICE_whitelist", "known are"),
            ("BIDPRICE_RATES_CACHE", "did you mean `BIDPRICE_RATE_CACHE`?"),
            ("BIDPRICE_COMIT_CPU", "did you mean `BIDPRICE_COMMIT_CPU`?"),
            ("BIDPRICE_", "known are"),
        ] {
            let said = said(name, "x");
            assert!(said.starts_with(&format!("at `{name}`: ")) && said.contains(nearest), "{said}");
        }
        assert!(said(&format!("BIDPRICE_{}", "X".repeat(1 << 20)), "x").len() < 1_000);
    }

    #[test]
    fn an_empty_variable_is_refused() {
        assert_eq!(
            said("BIDPRICE_WHITELIST", ""),
            "at `BIDPRICE_WHITELIST`: this variable is set, but empty (give it a value, or unset it)"
        );
    }

    #[test]
    fn what_kubernetes_sets_is_left_alone() {
        for name in [
            "BIDPRICE_SERVICE_HOST",
            "BIDPRICE_SERVICE_PORT",
            "BIDPRICE_SERVICE_PORT_GRPC",
            "BIDPRICE_PORT",
            "BIDPRICE_PORT_9310_TCP",
            "BIDPRICE_PORT_9310_TCP_PROTO",
            "BIDPRICE_PORT_9310_TCP_PORT",
            "BIDPRICE_PORT_9310_TCP_ADDR",
            "BIDPRICE_METRICS_SERVICE_HOST",
            "BIDPRICE_METRICS_PORT_9311_UDP_ADDR",
        ] {
            assert_eq!(said(name, "tcp://10.0.0.1:9310"), "");
        }
        assert_ne!(said("BIDPRICE_PORT_OF_CALL", "x"), "");
    }
}
