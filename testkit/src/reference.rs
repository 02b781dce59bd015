//! Makes references of settings from their JSON schema: a table of keys for each section, with the doc comments of the
//! code as descriptions. A test compares each with its page; `BIDPRICE_GENERATE` (`cargo xtask docs`) writes the page.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value};

/// The sections of a settings file, from its schema.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'a> {
    /// The schema, as `schemars` generates it.
    pub schema: &'a Value,
    /// Sections that are described elsewhere: the section, and a sentence that says where.
    pub elsewhere: &'a [(&'a str, &'a str)],
    /// Additional rows of a section's table: the section, and the row.
    pub rows: &'a [(&'a str, &'a str)],
}

/// Checks that a generated page is current, or writes it if `BIDPRICE_GENERATE` is set.
///
/// # Panics
/// When the page is not current, or cannot be written.
pub fn check(page: &Path, content: &str) {
    if std::env::var_os("BIDPRICE_GENERATE").is_some() {
        std::fs::write(page, content).unwrap();
        return;
    }
    let current = std::fs::read_to_string(page).unwrap_or_default();
    assert!(current == content, "{} is not current: run `cargo xtask docs`", page.display());
}

/// Returns the properties of an object's schema, in the order of the code.
pub fn properties(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let properties = object.get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(Map::iter).map(|(name, property)| (name.as_str(), property))
}

impl<'a> Reference<'a> {
    /// Checks that every key has a description, and that more than `least` keys are found.
    ///
    /// # Panics
    /// When a key has no description, or too few are found.
    pub fn check_words(&self, least: usize) {
        assert_eq!(self.without_words(), Vec::<String>::new());
        let sections = self.schema.get("$defs").and_then(Value::as_object).into_iter().flat_map(Map::values);
        let keys: usize = sections.chain([self.schema]).map(|section| properties(section).count()).sum();
        assert!(keys > least, "only {keys} keys were found");
    }

    /// Writes a table of the top-level keys, if there are any, and then each section.
    ///
    /// # Panics
    /// When the schema does not describe settings.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if properties(self.schema).any(|(name, property)| !self.is_section(name, property)) {
            text.push_str("\n## At the top\n\n");
            self.table(&mut text, "", self.schema, false);
        }
        for (name, property) in properties(self.schema).filter(|(name, property)| self.is_section(name, property)) {
            self.section(&mut text, name, property, required(self.schema).contains(&name));
        }
        text
    }

    /// Returns the keys and the values that have no description.
    ///
    /// # Panics
    /// When the schema does not describe settings.
    #[must_use]
    pub fn without_words(&self) -> Vec<String> {
        let definitions = self.schema["$defs"].as_object().unwrap().values();
        let mut missing = Vec::new();
        for object in definitions.chain([self.schema]) {
            let keys = properties(object).filter(|(_, property)| self.words(property).is_empty());
            missing.extend(keys.map(|(name, _)| name.to_owned()));
            let values = list(object, "oneOf").filter(|value| !value["description"].is_string());
            missing.extend(values.map(Value::to_string));
        }
        missing
    }

    /// Returns the object of a section, or None for another property.
    #[must_use]
    pub fn object(&self, property: &'a Value) -> Option<&'a Value> {
        let resolved = self.resolved(property);
        resolved.get("properties").map(|_| resolved)
    }

    fn is_section(&self, name: &str, property: &'a Value) -> bool {
        self.object(element(property)).is_some() || self.elsewhere.iter().any(|(section, _)| *section == name)
    }

    /// Writes a section with a table of its keys, and then its subsections.
    fn section(&self, text: &mut String, name: &str, property: &'a Value, required: bool) {
        let is_list = property["type"] == "array";
        let heading = if is_list { format!("[[{name}]]") } else { format!("[{name}]") };
        write!(text, "\n## `{heading}`\n\n{}", self.words(element(property))).unwrap();
        if let Some((_, sentence)) = self.elsewhere.iter().find(|(section, _)| *section == name) {
            writeln!(text, " {sentence}").unwrap();
            return;
        }
        if required {
            text.push_str(" This section is required.");
        } else if property.get("default").is_none_or(Value::is_null) && !name.contains('.') && !is_list {
            text.push_str(" Absent by default.");
        }
        text.push_str("\n\n");
        let object = self.object(element(property)).unwrap();
        self.table(text, name, object, true);
        for (key, property) in properties(object) {
            if self.object(element(property)).is_some() {
                self.section(text, &format!("{name}.{key}"), property, false);
            }
        }
    }

    /// Writes the table of an object's keys, with or without those that are sections.
    fn table(&self, text: &mut String, name: &str, object: &'a Value, with_sections: bool) {
        text.push_str("| key | value | default | |\n|---|---|---|---|\n");
        for (key, property) in properties(object) {
            if !with_sections && self.is_section(key, property) {
                continue;
            }
            let default = match property.get("default") {
                _ if required(object).contains(&key) => "**required**".to_owned(),
                None | Some(Value::Null) => "none".to_owned(),
                Some(Value::Array(values)) if values.is_empty() => "none".to_owned(),
                Some(Value::Object(values)) if values.is_empty() => "none".to_owned(),
                Some(Value::String(text)) => format!("`\"{text}\"`"),
                Some(value) => format!("`{value}`"),
            };
            writeln!(text, "| `{key}` | {} | {default} | {} |", self.kind(property), self.told(property)).unwrap();
        }
        for (_, row) in self.rows.iter().filter(|(section, _)| *section == name) {
            writeln!(text, "{row}").unwrap();
        }
    }

    /// Returns the description of a key, in one line.
    fn words(&self, property: &Value) -> String {
        let own = property.get("description").or_else(|| self.resolved(property).get("description"));
        own.and_then(Value::as_str).map(one_line).unwrap_or_default()
    }

    /// Returns the description of a key, followed by those of its possible values.
    fn told(&self, property: &Value) -> String {
        let mut words = self.words(property);
        for value in list(self.resolved(property), "oneOf") {
            let (name, meaning) = (value["const"].as_str().unwrap(), value["description"].as_str().unwrap());
            write!(words, " `{name}`: {}", one_line(meaning)).unwrap();
        }
        words.replace('|', "\\|")
    }

    /// Describes a value's format. Named types that have their own syntax come before the JSON types, which would
    /// describe them as plain text or numbers.
    fn kind(&self, property: &Value) -> String {
        let resolved = self.resolved(property);
        let reference = reference(property).unwrap_or_default();
        if reference.ends_with("/Duration") || resolved["format"] == "duration" {
            return "duration, such as `\"90s\"`".to_owned();
        }
        if reference.ends_with("/MaxChange") {
            return "percentage such as `\"50%\"`, or `0`".to_owned();
        }
        if resolved.get("oneOf").is_some() {
            let names = list(resolved, "oneOf").map(|value| format!("`\"{}\"`", value["const"].as_str().unwrap()));
            return names.collect::<Vec<_>>().join(", ");
        }
        if resolved.get("anyOf").is_some() {
            return list(resolved, "anyOf").map(|one| self.kind(one)).collect::<Vec<_>>().join(" or ");
        }
        match types(resolved).as_slice() {
            ["string"] if resolved["format"] == "ip" || reference.contains("SocketAddr") => {
                "address and port".to_owned()
            }
            ["string", "integer"] => "number as text or a whole number".to_owned(),
            ["string", "number"] => "number, also as text".to_owned(),
            ["integer"] => "whole number".to_owned(),
            ["boolean"] => "`true`, `false`".to_owned(),
            ["object"] if resolved.get("properties").is_some() => "section".to_owned(),
            ["object"] => format!("table{}", self.of(&resolved["additionalProperties"])),
            ["array"] if self.resolved(&resolved["items"]).get("properties").is_some() => "sections".to_owned(),
            ["array"] => format!("list{}", self.of(&resolved["items"])),
            _ => "text".to_owned(),
        }
    }

    /// Describes the items of a list or the values of a table.
    fn of(&self, value: &Value) -> &'static str {
        match types(self.resolved(value)).as_slice() {
            ["integer"] => " of whole numbers",
            ["string", "number"] => " of numbers",
            ["string"] => " of texts",
            ["array"] => " of lists",
            _ => "",
        }
    }

    fn resolved<'b>(&self, property: &'b Value) -> &'b Value
    where
        'a: 'b,
    {
        match reference(property) {
            Some(reference) => self.schema.pointer(reference.trim_start_matches('#')).unwrap(),
            None => property,
        }
    }
}

/// Returns the item type of a list, or the property itself if it is not a list.
fn element(property: &Value) -> &Value {
    if property["type"] == "array" { &property["items"] } else { property }
}

/// Returns the definition that a property refers to, optional or not.
fn reference(property: &Value) -> Option<&str> {
    let direct = property.get("$ref").and_then(Value::as_str);
    let optional = || list(property, "anyOf").find_map(|one| one.get("$ref")?.as_str());
    direct.or_else(optional)
}

fn required(object: &Value) -> Vec<&str> {
    list(object, "required").filter_map(Value::as_str).collect()
}

fn list<'b>(value: &'b Value, name: &str) -> impl Iterator<Item = &'b Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// Returns the types that a value may have, without null.
fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
        _ => Vec::new(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
