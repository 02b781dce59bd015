//! GPU keys that lack their quotes: `a100.80Gi = "1000"` is a table `a100` to TOML, and `nvidia/a100` is not TOML.

use super::document::Entry;
use crate::gpu::GpuKey;
use crate::input::InputError;
use crate::rates::origin::entry_key;
use crate::text::excerpt;

/// The header of the section with the GPU entries.
const HEADER: &str = "[rates.gpu]";

/// An error for each value of an entry that is a table, because somebody left out the quotes of a dotted key. None
/// where the entry is a value.
///
/// # Errors
/// When a part of the table cannot be read.
pub(super) fn of_table(entry: &Entry<'_>) -> Result<Vec<InputError>, InputError> {
    if !entry.is_section() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut tables = vec![(entry.key().to_owned(), entry.section()?)];
    while let Some((key, table)) = tables.pop() {
        for part in table.entries() {
            let key = format!("{key}.{}", part.key());
            match part.is_section() {
                true => tables.push((key, part.section()?)),
                false => found.push(told(part.line_error(needs_quotes(&key)), &key, part.written())),
            }
        }
    }
    Ok(found)
}

/// The error for a line of `[rates.gpu]` that is not TOML because its key needs quotes. `offset` is where a parser
/// stopped. None where something else is wrong.
#[must_use]
pub fn unquoted_key(text: &str, offset: usize) -> Option<InputError> {
    let before = text.get(..offset)?;
    let start = before.rfind('\n').map_or(0, |end| end.saturating_add(1));
    let line = text.get(start..)?.lines().next()?;
    let header = text.get(..start)?.lines().rev().map(str::trim).find(|line| line.starts_with('['))?;
    let header: String = header.split('#').next()?.split_whitespace().collect();
    let (key, value) = line.split_once('=')?;
    let key = key.trim();
    let is_bare = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let is_plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./* ".contains(&byte));
    if header != HEADER || is_bare || !is_plain || GpuKey::parse(key).is_err() {
        return None;
    }
    let indent = line.len().saturating_sub(line.trim_start().len());
    let error = InputError::new(needs_quotes(key)).at(entry_key("rates.gpu", key));
    Some(told(error.offset(text, start.saturating_add(indent)), key, value))
}

fn needs_quotes(key: &str) -> String {
    format!("the key `{}` needs quotes", excerpt(key))
}

/// Adds the line as it should be.
fn told(error: InputError, key: &str, value: &str) -> InputError {
    // A comment behind the value is not repeated.
    let value = value.split(" #").next().unwrap_or(value).trim();
    error.hint(format!("write `\"{}\" = {}`", excerpt(key), excerpt(value)))
}
