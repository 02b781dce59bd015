//! The configuration's reference and schema are those of the code. `cargo xtask docs` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use pricing_service::config::Config;
use schemars::schema_for;
use serde_json::{Map, Value};

/// What stands above the tables.
const INTRODUCTION: &str = "# The configuration of `bidprice serve`

Generated from `pricing-service/src/config/model.rs`; `cargo xtask docs` writes it anew.

One TOML file. Every key has a default but for those that say otherwise, so an empty file is a configuration too. A key
that is not listed here is an error. Paths are relative to the folder of the file that they stand in. `bidprice config
check FILE` says whether the service would take a file; [`deploy/bidprice.toml`](../deploy/bidprice.toml) is an example
with every section, and [`deploy/bidprice.schema.json`](../deploy/bidprice.schema.json) tells editors the keys.
";

/// Sections that are read with the rate card.
const OF_RATE_CARD: [&str; 4] = ["policy", "chain", "commit", "provider"];

#[test]
fn the_reference_and_the_schema_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let schema = schema();
    let files: [(PathBuf, String); 2] = [
        (root.join("docs/config.md"), Reference::of(&schema).text()),
        (root.join("deploy/bidprice.schema.json"), format!("{}\n", serde_json::to_string_pretty(&schema).unwrap())),
    ];
    for (path, content) in files {
        if std::env::var_os("BIDPRICE_GENERATE").is_some() {
            std::fs::write(&path, content).unwrap();
            continue;
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == content, "{} is not current: run `cargo xtask docs`", path.display());
    }
}

#[test]
fn every_key_has_words() {
    let schema = schema();
    let reference = Reference::of(&schema);
    let mut keys = 0;
    let definitions = schema["$defs"].as_object().unwrap().values();
    for object in definitions.chain([&schema]) {
        for (name, property) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
            assert!(!reference.words(property).is_empty(), "`{name}` has no words");
            keys += 1;
        }
        for value in object.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
            assert!(value["description"].is_string(), "{value} has no words");
        }
    }
    assert!(keys > 60, "only {keys} keys were seen");
}

#[test]
fn the_defaults_of_the_reference_are_those_in_use() {
    let schema = schema();
    let reference = Reference::of(&schema);
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let mut seen = BTreeSet::new();
    for (section, property) in schema["properties"].as_object().unwrap() {
        for (key, inner) in reference.object(property).into_iter().flat_map(Reference::properties) {
            let Some(used) = defaults[section].get(key) else { continue };
            assert_eq!(inner.get("default").unwrap_or(&Value::Null), used, "{section}.{key}");
            seen.insert(format!("{section}.{key}"));
        }
    }
    assert!(seen.contains("limits.deadline") && seen.len() > 30, "{seen:?}");
}

fn schema() -> Value {
    serde_json::to_value(schema_for!(Config)).unwrap()
}

struct Reference<'a> {
    schema: &'a Value,
}

impl<'a> Reference<'a> {
    fn of(schema: &'a Value) -> Self {
        Self { schema }
    }

    fn text(&self) -> String {
        let mut text = INTRODUCTION.to_owned();
        for (name, property) in Self::properties(self.schema) {
            if OF_RATE_CARD.contains(&name) {
                let words = self.words(property);
                write!(
                    text,
                    "\n## `[{name}]`\n\n{words} Its keys are those of a [rate card](../README.md#rate-card).\n"
                )
                .unwrap();
            } else {
                self.section(&mut text, name, property, false);
            }
        }
        text
    }

    /// A section with a table of its keys, and the sections in it.
    fn section(&self, text: &mut String, name: &str, property: &Value, list: bool) {
        let heading = if list { format!("[[{name}]]") } else { format!("[{name}]") };
        write!(text, "\n## `{heading}`\n\n{}", self.words(property)).unwrap();
        if property.get("default").is_none_or(Value::is_null) && !name.contains('.') {
            text.push_str(" Absent by default.");
        }
        let object = self.object(property).unwrap();
        if name == "shadow.plugin" {
            text.push_str(" Its keys are those of [`[plugin]`](#plugin).\n");
            return;
        }
        text.push_str("\n\n| key | value | default | |\n|---|---|---|---|\n");
        let required: Vec<&str> =
            object.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let mut inner = Vec::new();
        for (key, property) in Self::properties(object) {
            let list = property["type"] == "array";
            let element = if list { &property["items"] } else { property };
            if self.object(element).is_some() {
                inner.push((format!("{name}.{key}"), element, property, list));
            }
            let default = match property.get("default") {
                _ if required.contains(&key) => "**required**".to_owned(),
                None | Some(Value::Null) => "none".to_owned(),
                Some(Value::Array(values)) if values.is_empty() => "none".to_owned(),
                Some(Value::String(text)) => format!("`\"{text}\"`"),
                Some(value) => format!("`{value}`"),
            };
            writeln!(text, "| `{key}` | {} | {default} | {} |", self.kind(property), self.told(property)).unwrap();
        }
        if name == "rates" {
            text.push_str("| *any other* | | | A key of a [rate card](../README.md#rate-card)'s `[rates]`; not beside `file`. |\n");
        }
        for (name, element, _, list) in inner {
            self.section(text, &name, element, list);
        }
    }

    fn properties(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
        let properties = object.get("properties").and_then(Value::as_object);
        properties.into_iter().flat_map(Map::iter).map(|(name, property)| (name.as_str(), property))
    }

    /// The words of a key, without line breaks.
    fn words(&self, property: &Value) -> String {
        let own = property.get("description").or_else(|| self.resolved(property).get("description"));
        own.and_then(Value::as_str).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The words of a key, with those of the values that it may have.
    fn told(&self, property: &Value) -> String {
        let mut words = self.words(property);
        for value in self.resolved(property).get("oneOf").and_then(Value::as_array).into_iter().flatten() {
            let (name, meaning) = (value["const"].as_str().unwrap(), value["description"].as_str().unwrap());
            write!(words, " `{name}`: {}", meaning.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap();
        }
        words.replace('|', "\\|")
    }

    /// What a value looks like.
    fn kind(&self, property: &Value) -> String {
        let resolved = self.resolved(property);
        let reference = Self::reference(property).unwrap_or_default();
        if reference.ends_with("/Duration") {
            return "duration, such as `\"90s\"`".to_owned();
        }
        if reference.ends_with("/MaxChange") {
            return "percentage such as `\"50%\"`, or `0`".to_owned();
        }
        if reference.ends_with("/Number") {
            return "number as text or a whole number".to_owned();
        }
        if let Some(values) = resolved.get("oneOf").and_then(Value::as_array) {
            let names = values.iter().map(|value| format!("`\"{}\"`", value["const"].as_str().unwrap()));
            return names.collect::<Vec<_>>().join(", ");
        }
        let kinds: Vec<&str> = match &resolved["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
            _ => Vec::new(),
        };
        match kinds.as_slice() {
            ["string"] if resolved["format"] == "ip" || reference.contains("SocketAddr") => {
                "address and port".to_owned()
            }
            ["string"] => "text".to_owned(),
            ["integer"] => "whole number".to_owned(),
            ["boolean"] => "`true`, `false`".to_owned(),
            ["object"] => "section".to_owned(),
            ["array"] => "sections".to_owned(),
            _ => "text".to_owned(),
        }
    }

    /// The object that a section is, if it is one.
    fn object(&self, property: &'a Value) -> Option<&'a Value> {
        let resolved = self.resolved(property);
        resolved.get("properties").map(|_| resolved)
    }

    fn resolved(&self, property: &'a Value) -> &'a Value {
        match Self::reference(property) {
            Some(reference) => self.schema.pointer(reference.trim_start_matches('#')).unwrap(),
            None => property,
        }
    }

    /// The definition that a property refers to, be it optional or not.
    fn reference(property: &Value) -> Option<&str> {
        let direct = property.get("$ref").and_then(Value::as_str);
        let optional = || property.get("anyOf")?.as_array()?.iter().find_map(|one| one.get("$ref")?.as_str());
        direct.or_else(optional)
    }
}
