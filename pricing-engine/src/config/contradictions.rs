//! Finds keys that contradict each other.

use pricing_core::input::InputError;
use toml::de::{DeTable, DeValue};

use super::model::{Config, Plugin};
use super::tune::MAX_KEYS;
use super::{TuneObjective, keys};
use crate::guard;

/// Finds keys that exclude each other. This does not need their values.
pub(super) fn in_sections(text: &str, document: &DeTable<'_>) -> Vec<InputError> {
    let mut found = Vec::new();
    let section = |name: &str| document.get(name).and_then(|value| value.get_ref().as_table());
    if let Some(rates) = section("rates").filter(|rates| rates.contains_key("file")) {
        let mut others: Vec<_> = rates.keys().filter(|key| key.get_ref() != "file").collect();
        others.sort_by_key(|key| key.span().start);
        if let Some(other) = others.first() {
            let name = pricing_core::text::excerpt(other.get_ref());
            let message = format!("`file` names a rate card, so `{name}` cannot be set here, too");
            let error = InputError::new(message).at(format!("rates.{name}")).offset(text, other.span().start);
            found.push(error.hint("put it into the rate card, or take `file` out"));
        }
    }
    let mut exclude = |table: &str, keys: &[&str]| {
        let Some(found_in) = section(table) else { return };
        let mut set: Vec<_> = found_in
            .iter()
            .filter(|(key, value)| keys.contains(&key.get_ref().as_ref()) && says(value.get_ref()))
            .collect();
        set.sort_by_key(|(key, _)| key.span().start);
        if let [first, second, ..] = set.as_slice() {
            let (first, second) = (first.0, second.0);
            let message = format!("`{}` and `{}` exclude each other", first.get_ref(), second.get_ref());
            let error = InputError::new(message).at(format!("{table}.{}", second.get_ref()));
            found.push(error.offset(text, second.span().start).hint("take one of them out"));
        }
    };
    exclude("inventory", &["file", "provider", "operator"]);
    exclude("feed", &["usd_per_akt", "source"]);
    found
}

/// Returns whether a value is not an empty array.
fn says(value: &DeValue<'_>) -> bool {
    value.as_array().is_none_or(|items| items.iter().next().is_some())
}

/// Finds values that contradict each other. This needs typed values, so it comes after the checks of single keys.
pub(super) fn of(config: &Config, text: &str, document: &DeTable<'_>) -> Vec<InputError> {
    let mut found = Vec::new();
    let mut wrong = |key: &str, message: String, hint: &str| {
        let error = InputError::new(message).at(key);
        let error = match keys::place(document, key) {
            Some(place) => error.offset(text, place),
            None => error,
        };
        found.push(if hint.is_empty() { error } else { error.hint(hint) });
    };
    if let Err(super::ConfigError::Unusable { key, message }) = config.listen.check() {
        wrong(&key, message, "");
    }
    listen(config, &mut wrong);
    inventory(config, &mut wrong);
    let feed = &config.feed;
    if feed.usd_per_akt.is_none() && feed.interval >= feed.max_age {
        let message = format!("a value is used for {} and fetched every {}", feed.max_age, feed.interval);
        wrong(
            "feed.max_age",
            message,
            "make it longer than `interval`; otherwise there are no bids in uakt in between",
        );
    }
    outcomes(config, &mut wrong);
    let limits = &config.limits;
    if limits.buffered_bytes < limits.request_bytes {
        let message = format!("a request may have {} bytes, `limits.request_bytes`", limits.request_bytes);
        wrong(
            "limits.buffered_bytes",
            message,
            "set at least that many; otherwise no request of that size is ever accepted",
        );
    }
    tune(config, &mut wrong);
    let shadow = config.shadow.as_ref();
    if shadow.is_some_and(|shadow| shadow.rates.is_none() && shadow.plugin.is_none()) {
        let message = "it prices exactly as the service does".to_owned();
        wrong("shadow", message, "name `rates` or a `[shadow.plugin]`, or take the section out");
    }
    let plugins = [("plugin", config.plugin.as_ref()), ("shadow.plugin", shadow.and_then(|s| s.plugin.as_ref()))];
    for (key, plugin) in plugins {
        if let Some(message) = plugin.and_then(too_much) {
            wrong(&format!("{key}.memory_limit"), message, "");
        }
    }
    found
}

fn tune(config: &Config, wrong: &mut impl FnMut(&str, String, &str)) {
    let Some(tune) = &config.tune else { return };
    let mut need = |holds: bool, key: &str, message: &str, hint: &str| {
        if !holds {
            wrong(key, message.to_owned(), hint);
        }
    };
    let keys = tune.vary.len();
    let varies = format!("1 to {MAX_KEYS} keys can be varied at once");
    need((1..=MAX_KEYS).contains(&keys), "tune.vary", &varies, "");
    let (file, plugin) = (config.rates.file.is_some(), config.plugin.is_none());
    need(file, "tune", "the rates are not in a file of their own", "put them into a file, and name it in `rates.file`");
    need(plugin, "tune", "a plugin prices, not the rate card", "take one of them out");
    let is_profit = tune.objective == TuneObjective::Profit;
    need(is_profit == tune.costs.is_some(), "tune.objective", "`profit` and `costs` belong together", "");
    let state = guard::path_of(config).is_some();
    let hint = "set `reload.state`, or keep a bid log";
    need(!tune.apply || state, "tune.apply", "there is no place to keep when rates were changed", hint);
}

fn listen(config: &Config, wrong: &mut impl FnMut(&str, String, &str)) {
    let listen = &config.listen;
    let Some(metrics) = listen.metrics else { return };
    if !metrics.ip().to_canonical().is_loopback() && !listen.metrics_public {
        let message = format!("anyone who can reach `{metrics}` could read the metrics");
        wrong("listen.metrics", message, "name an address of this machine alone, or set `metrics_public = true`");
    }
    if listen.tcp == Some(metrics) {
        let message = "it is the same address as `tcp`".to_owned();
        wrong("listen.metrics", message, "give each a port of its own");
    }
}

fn outcomes(config: &Config, wrong: &mut impl FnMut(&str, String, &str)) {
    let Some(outcomes) = &config.outcomes else { return };
    if outcomes.rest.is_empty() {
        let message = "it names no node, so nothing would be pulled".to_owned();
        wrong(
            "outcomes.rest",
            message,
            "name at least one, such as `\"https://rest.example.com\"`, or take the section out",
        );
    }
    let twice = outcomes
        .rest
        .iter()
        .enumerate()
        .find(|(place, url)| outcomes.rest.iter().take(*place).any(|other| other == *url));
    if let Some((_, url)) = twice {
        let message = format!("`{}` is there twice", pricing_core::text::excerpt(url));
        wrong("outcomes.rest", message, "name each node once");
    }
    if outcomes.folder.is_none() && config.bid_log.is_none() {
        let message = "there is no bid log in whose folder the history could be".to_owned();
        wrong("outcomes", message, "name a `folder`, or add the section `bid_log`");
    }
}

fn inventory(config: &Config, wrong: &mut impl FnMut(&str, String, &str)) {
    let inventory = &config.inventory;
    let address = inventory.provider.as_ref().or(inventory.operator.as_ref());
    let encrypted = address.is_some_and(|address| address.to_ascii_lowercase().starts_with("https:"));
    let tls = [("inventory.fingerprint", inventory.fingerprint.is_some()), ("inventory.ca", inventory.ca.is_some())];
    for (key, _) in tls.into_iter().filter(|(_, set)| *set && !encrypted) {
        let message = "it needs an `https://` address".to_owned();
        wrong(key, message, "remove it, or make `provider` or `operator` begin with `https://`");
    }
}

/// Returns the problem of a plugin whose memory limit is above that of its size class.
fn too_much(plugin: &Plugin) -> Option<String> {
    let settings = plugin.settings().ok()?;
    let (wanted, most) = (settings.limits.memory_bytes, settings.class.load_limits().memory_bytes);
    let class = settings.class.name();
    (wanted > most).then(|| format!("the size class `{class}` has room for {} MiB at most", most >> 20))
}
