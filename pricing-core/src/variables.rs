//! The environment variables of the programs, by name: which there are, and what is said of one that is not.
//!
//! A variable that is misspelt is not there, and what it narrows or bounds is then not narrowed or bounded. So a program
//! refuses to start beside a name that it would have to ignore, and beside a value that is empty: what somebody meant to set
//! and did not is not what somebody left out.

use crate::input::InputError;
use crate::text::nearest;

/// What the names start with.
pub const PREFIX: &str = "BIDPRICE_";

/// The variables of `bidprice` and `bidprice-script`. Either program knows all of them, because one environment may be that
/// of both.
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

/// What the names of variables start with that tell this repository's tests and tasks how to run.
const OF_TESTS: [&str; 7] = [
    "BIDPRICE_CHROMIUM",
    "BIDPRICE_DETERMINISM_",
    "BIDPRICE_GENERATE",
    "BIDPRICE_PYTHON",
    "BIDPRICE_REQUIRE_",
    "BIDPRICE_SOAK_",
    "BIDPRICE_TEST_",
];

/// Looks at all variables that start as this project's do: none may be unknown, and none empty.
///
/// # Errors
/// When one is. It is named, and so is the known one that is nearest to an unknown one.
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

/// The error for a name that is none of some: with the nearest, or all of them where none is near.
pub(crate) fn unknown(name: &str, problem: &str, prefix: &str, known: &[&str]) -> InputError {
    let error = InputError::new(problem).at(crate::text::excerpt(name));
    let own = |name: &'_ str| name.strip_prefix(prefix).unwrap_or(name).to_owned();
    let words: Vec<String> = known.iter().map(|name| own(name)).collect();
    // What all names share says nothing of which one was meant.
    match nearest(&own(name), words.iter().map(String::as_str)) {
        Some(word) => error.hint(format!("did you mean `{prefix}{word}`?")),
        None => error.hint(format!("known are `{}`", known.join("`, `"))),
    }
}

fn is_of_tests(name: &str) -> bool {
    OF_TESTS.iter().any(|start| name.starts_with(start))
}

/// Whether Kubernetes made the variable: in every pod it names the services of the namespace, and one that is called
/// `bidprice` makes `BIDPRICE_SERVICE_HOST`, `BIDPRICE_PORT`, `BIDPRICE_PORT_9310_TCP_ADDR` and their like.
fn is_service_link(name: &str) -> bool {
    name.contains("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || name.ends_with("_PORT") || is_port_of_link(name)
}

/// Whether a name goes on as that of a service's port does: `_PORT_9310_TCP`, with `_ADDR`, `_PORT` or `_PROTO` behind it.
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
