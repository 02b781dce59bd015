//! Checks the keys and values of a configuration, one by one. The keys and their types come from the JSON schema of
//! [`Config`], the ranges of values from [`super::rules`].

use std::sync::LazyLock;

use pricing_core::input::InputError;
use pricing_core::text::{excerpt, nearest};
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::model::Config;
use super::rules;

/// The sections whose content the rate card's reader checks.
const OF_RATE_CARD: [&str; 5] = ["rates", "policy", "chain", "commit", "provider"];

/// The JSON schema of the configuration.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| schemars::schema_for!(Config).to_value());

/// Returns all problems of single keys and values.
pub(super) fn problems(text: &str, document: &DeTable<'_>) -> Vec<InputError> {
    let mut found = Walk { text, problems: Vec::new() };
    found.table("", document, &SCHEMA);
    found.problems
}

/// Returns the byte offset of a key such as `inventory.file`, or of the innermost of its tables that exists.
pub(super) fn place(document: &DeTable<'_>, path: &str) -> Option<usize> {
    let mut table = document;
    let mut found = None;
    for name in path.split('.') {
        let Some((key, value)) = table.get_key_value(name) else { break };
        found = Some(key.span().start);
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    found
}

struct Walk<'t> {
    text: &'t str,
    problems: Vec<InputError>,
}

impl Walk<'_> {
    fn wrong(&mut self, path: &str, offset: usize, message: impl std::fmt::Display, hint: Option<String>) {
        let error = InputError::new(message).at(path).offset(self.text, offset);
        self.problems.push(match hint {
            Some(hint) => error.hint(hint),
            None => error,
        });
    }

    /// Checks a table: unknown keys, values, and missing keys. Other keys in `rates` are left to the rate card's
    /// reader.
    fn table(&mut self, path: &str, table: &DeTable<'_>, schema: &Value) {
        let none = serde_json::Map::new();
        let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        // The values of a table whose keys are the user's own.
        let any = schema.get("additionalProperties").filter(|schema| schema.is_object());
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let name: &str = key.get_ref();
            let place = join(path, name);
            match known.get(name).or(any) {
                Some(_) if OF_RATE_CARD.contains(&place.as_str()) && !value.get_ref().is_table() => {
                    self.expected(&place, value, "a table");
                }
                Some(schema) => self.value(&place, value, resolve(schema)),
                None if path == "rates" => {}
                None => {
                    let expected = || format!("expected one of `{}`", names(known).collect::<Vec<_>>().join("`, `"));
                    let meant = nearest(name, names(known)).map(|meant| format!("did you mean `{meant}`?"));
                    let message = format!("`{}` is not a key of the configuration", excerpt(name));
                    self.wrong(&place, key.span().start, message, Some(meant.unwrap_or_else(expected)));
                }
            }
        }
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !table.contains_key(name) {
                let at = place_of(table);
                let hint = rules::missing_hint(path, name).map(str::to_owned);
                self.wrong(path, at, format!("`{name}` is missing"), hint);
            }
        }
    }

    /// Checks a value by its type in the schema, then by its rule. The other sections of the rate card are left to its
    /// own reader.
    fn value(&mut self, path: &str, value: &Spanned<DeValue<'_>>, schema: &Value) {
        if OF_RATE_CARD[1..].contains(&path) {
            return;
        }
        if let Some(words) = words(schema) {
            return self.word(path, value, &words);
        }
        let rule = rules::of(path);
        match (value.get_ref(), kind(schema)) {
            (DeValue::Table(table), "object") => self.table(path, table, schema),
            (DeValue::Array(items), "array") => {
                let schema = schema.get("items").map_or(schema, resolve);
                for (index, item) in items.iter().enumerate() {
                    self.value(&format!("{path}[{index}]"), item, schema);
                }
            }
            (DeValue::Boolean(_), "boolean") => {}
            (DeValue::Float(float), "integer" | "number") if rule.is_some_and(rules::Rule::is_exact) => {
                let message = format!("`{}` is a float, which is not exact", excerpt(float.as_str()));
                let hint = format!("put it in quotes: `\"{}\"`", excerpt(float.as_str()));
                self.wrong(path, value.span().start, message, Some(hint));
            }
            (DeValue::String(_), "string" | "number") | (DeValue::Integer(_), "integer" | "number") => {
                if let Some(Err(refused)) = rule.map(|rule| rule.check(value.get_ref())) {
                    self.wrong(path, value.span().start, refused.message, refused.hint);
                }
            }
            (_, "string") => self.expected(path, value, rule.map_or("a string", rules::Rule::expected)),
            (_, kind) => self.expected(path, value, rule.map_or(with_article(kind), rules::Rule::expected)),
        }
    }

    /// Checks the value of an enumeration.
    fn word(&mut self, path: &str, value: &Spanned<DeValue<'_>>, words: &[&str]) {
        let expected = format!("expected one of `{}`", words.join("`, `"));
        let at = value.span().start;
        match value.get_ref().as_str() {
            Some(word) if words.contains(&word) => {}
            Some(word) => {
                let nearest = || nearest(word, words.iter().copied()).map(|meant| format!("did you mean `{meant}`?"));
                let message = format!("`{}` is not known here", excerpt(word));
                let hint = rules::word_hint(path, word).or_else(nearest).unwrap_or(expected);
                self.wrong(path, at, message, Some(hint));
            }
            None => {
                self.wrong(path, at, format!("expected a string, found {}", found(value.get_ref())), Some(expected))
            }
        }
    }

    fn expected(&mut self, path: &str, value: &Spanned<DeValue<'_>>, what: &str) {
        self.wrong(path, value.span().start, format!("expected {what}, found {}", found(value.get_ref())), None);
    }
}

/// Returns an offset for a problem of a table as a whole: its first key.
fn place_of(table: &DeTable<'_>) -> usize {
    table.iter().map(|(key, _)| key.span().start).min().unwrap_or(0)
}

fn names(known: &serde_json::Map<String, Value>) -> impl Iterator<Item = &str> {
    known.keys().map(String::as_str)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { excerpt(name) } else { format!("{path}.{}", excerpt(name)) }
}

/// Returns the schema that another one refers to. Unwraps the schema of an optional value, too.
fn resolve(schema: &Value) -> &Value {
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        let some = options.iter().find(|option| option.get("type").is_none_or(|kind| kind != "null"));
        return some.map_or(schema, resolve);
    }
    let referred = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
    referred.and_then(|pointer| SCHEMA.pointer(pointer)).map_or(schema, resolve)
}

/// Returns the values of an enumeration; `None` for any other schema.
fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return Some(words.iter().filter_map(Value::as_str).collect());
    }
    let options = schema.get("oneOf").and_then(Value::as_array)?;
    Some(options.iter().filter_map(|option| option.get("const").and_then(Value::as_str)).collect())
}

/// Returns the JSON type of a value; `number` stands for a string or an integer.
fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
            match (kinds.next(), kinds.next()) {
                (Some(kind), None) => kind,
                _ => "number",
            }
        }
        _ => "object",
    }
}

fn with_article(kind: &str) -> &'static str {
    match kind {
        "object" => "a table",
        "array" => "an array",
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        _ => "a number, as a string or an integer",
    }
}

fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
