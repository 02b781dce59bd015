//! Writes a proposal into the text of a rate card, beside the old values.

use rust_decimal::Decimal;
use toml::Table;
use toml_edit::{DocumentMut, Item, Value};

use crate::candidate::Candidate;

/// Sets keys of a rate card's text. Whatever else is in the text stays as it is. Each changed value is followed by a
/// comment with the old one, before the comment that was there. An inline table cannot have comments.
///
/// # Errors
/// When the text is not TOML, or a key is not a value in it.
pub fn apply(text: &str, paths: &[Vec<String>], proposal: &Candidate) -> Result<String, String> {
    apply_with(text, &Table::new(), paths, proposal)
}

/// The same for a card some of whose values a scenario `set`: these are written, too. The gain was measured with them.
///
/// # Errors
/// As [`apply`], also for a key of `set`.
pub fn apply_with(text: &str, set: &Table, paths: &[Vec<String>], proposal: &Candidate) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    for (path, value) in leaves(set) {
        if !paths.contains(&path) {
            let new: Value = value.to_string().parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
            change(&mut document, &path, |_| new)?;
        }
    }
    for (path, value) in paths.iter().zip(&proposal.0) {
        change(&mut document, path, |old| of_type(old, &value.to_string()))?;
    }
    Ok(document.to_string())
}

/// The values of a table that are not tables, with their paths.
fn leaves(table: &Table) -> Vec<(Vec<String>, &toml::Value)> {
    let mut leaves = Vec::new();
    for (name, value) in table {
        match value {
            toml::Value::Table(inner) => leaves.extend(self::leaves(inner).into_iter().map(|(mut path, value)| {
                path.insert(0, name.clone());
                (path, value)
            })),
            value => leaves.push((vec![name.clone()], value)),
        }
    }
    leaves
}

/// Replaces the value at a path, unless it is the same already.
fn change(document: &mut DocumentMut, path: &[String], new: impl FnOnce(&Value) -> Value) -> Result<(), String> {
    let missing = || {
        let key = pricing_core::text::excerpt(&path.join("."));
        format!("the rate card has no value at `{key}` to change; write it there first")
    };
    let mut item: &mut Item = document.as_item_mut();
    let mut is_inline = false;
    for name in path {
        is_inline |= item.is_inline_table();
        item = item.get_mut(name.as_str()).ok_or_else(missing)?;
    }
    let old = item.as_value().ok_or_else(missing)?;
    let new = new(old);
    if bare(old) != bare(&new) {
        *item = Item::Value(replaced(old, new, !is_inline));
    }
    Ok(())
}

/// A value as it is written, without what surrounds it.
fn bare(value: &Value) -> String {
    value.clone().decorated("", "").to_string()
}

/// A number, written as a value of the same type as another one.
fn of_type(old: &Value, new: &str) -> Value {
    match old {
        Value::Integer(_) | Value::Float(_) => new.parse().unwrap_or_else(|_| Value::from(new)),
        _ => Value::from(new),
    }
}

/// A value in place of another one. With `commented`, the old one is in its comment.
fn replaced(old: &Value, value: Value, commented: bool) -> Value {
    let was = bare(old);
    let before = old.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or(" ").to_owned();
    let after = old.decor().suffix().and_then(|suffix| suffix.as_str()).unwrap_or("").to_owned();
    if !commented {
        return value.decorated(before, after);
    }
    let comment = without_was(after.trim_start().trim_start_matches('#').trim());
    let comment = if comment.is_empty() { format!(" # was {was}") } else { format!(" # was {was}; {comment}") };
    value.decorated(before, comment)
}

/// A comment without the older values that earlier changes left at its beginning.
fn without_was(mut comment: &str) -> &str {
    while let Some(rest) = comment.strip_prefix("was ") {
        let (value, more) = rest.split_once(';').unwrap_or((rest, ""));
        // "was cheaper" is the operator's own.
        if value.trim().trim_matches(['"', '\'']).parse::<Decimal>().is_err() {
            break;
        }
        comment = more.trim_start();
    }
    comment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(names: &[&[&str]]) -> Vec<Vec<String>> {
        names.iter().map(|path| path.iter().map(ToString::to_string).collect()).collect()
    }

    #[test]
    fn only_the_values_change_and_comments_stay() {
        let text =
            "# my card\n[rates]\ncpu = 1.60   # a thread\n\n[rates.gpu]\n\"h100\" = \"1900\"\nt4 = \"80\" # old\n";
        let changed = apply(
            text,
            &paths(&[&["rates", "gpu", "h100"], &["rates", "cpu"]]),
            &Candidate(vec!["1700".parse().unwrap(), "1.55".parse().unwrap()]),
        );
        assert_eq!(
            changed.unwrap(),
            "# my card\n[rates]\ncpu = 1.55 # was 1.60; a thread\n\n[rates.gpu]\n\"h100\" = \"1700\" # was \"1900\"\nt4 = \"80\" # old\n"
        );
    }

    #[test]
    fn only_the_last_value_is_in_the_comment() {
        let one = |value: &str| Candidate(vec![value.parse().unwrap()]);
        let changed = |text: &str, value: &str| apply(text, &paths(&[&["cpu"]]), &one(value)).unwrap();
        let twice = changed(&changed("cpu = \"3\" # list price; net\n", "2"), "1.5");
        assert_eq!(twice, "cpu = \"1.5\" # was \"2\"; list price; net\n");
        assert_eq!(changed("cpu = 2 # was 3; was 4\n", "1"), "cpu = 1 # was 2\n");
        assert_eq!(changed("cpu = 2 # was cheaper; see mail\n", "1"), "cpu = 1 # was 2; was cheaper; see mail\n");
    }

    #[test]
    fn what_the_scenario_sets_is_written_too() {
        let set: Table = "rates.gpu.t4 = \"85\"\nrates.gpu.h100 = \"1800\"\nrates.cpu = \"1.60\"".parse().unwrap();
        let card = "[rates]\ncpu = \"1.60\"\n[rates.gpu]\nh100 = \"1900\"\nt4 = \"80\"\n";
        let one = Candidate(vec!["1700".parse().unwrap()]);
        let changed = apply_with(card, &set, &paths(&[&["rates", "gpu", "h100"]]), &one).unwrap();
        assert_eq!(
            changed,
            "[rates]\ncpu = \"1.60\"\n[rates.gpu]\nh100 = \"1700\" # was \"1900\"\nt4 = \"85\" # was \"80\"\n"
        );
        // A key that only the scenario has is not dropped in silence.
        let set: Table = "rates.ip = \"5\"".parse().unwrap();
        let refused = apply_with(card, &set, &paths(&[&["rates", "gpu", "h100"]]), &one).unwrap_err();
        assert!(refused.contains("rates.ip"), "{refused}");
    }

    #[test]
    fn an_inline_table_stays_one() {
        let one = Candidate(vec!["1700".parse().unwrap()]);
        let changed =
            apply("[rates]\ngpu = { h100 = \"1900\", t4 = \"80\" }\n", &paths(&[&["rates", "gpu", "h100"]]), &one);
        assert_eq!(changed.unwrap(), "[rates]\ngpu = { h100 = \"1700\", t4 = \"80\" }\n");
    }

    #[test]
    fn what_is_not_there_is_not_added() {
        let one = Candidate(vec!["1".parse().unwrap()]);
        assert!(apply("[rates]\n", &paths(&[&["rates", "cpu"]]), &one).unwrap_err().contains("rates.cpu"));
        assert!(apply("[rates]\n", &paths(&[&["rates"]]), &one).is_err());
        assert!(apply("rates", &paths(&[&["rates"]]), &one).is_err());
    }
}
