//! Checks that a text can be parsed in linear time.

use wast::lexer::{Lexer, TokenKind};

use crate::Fault;

use super::words::count;

/// The most fields of one component, or of one component or instance type. The parser inserts the types that a field
/// stands for before it, which moves all later fields, so the time is quadratic in their number.
const FIELDS: u32 = 2_000;
/// The heads of lists with such fields.
const HEADS: [&str; 2] = ["component", "instance"];

/// An open parenthesis.
struct List {
    /// Whether its items are counted.
    is_counted: bool,
    parts: u32,
}

/// Rejects a text with too many fields in one place. Any other error is left to the parser.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    let mut open: Vec<List> = Vec::new();
    let mut is_head = false;
    for token in Lexer::new(text).iter(0) {
        // A text with invalid tokens is rejected by the parser, which says where.
        let Ok(token) = token else { return Ok(()) };
        match token.kind {
            TokenKind::LParen => {
                if let Some(list) = open.last_mut().filter(|list| list.is_counted) {
                    list.parts = list.parts.saturating_add(1);
                    if list.parts > FIELDS {
                        return Err(too_many());
                    }
                }
                open.push(List { is_counted: false, parts: 0 });
            }
            TokenKind::RParen => {
                open.pop();
            }
            TokenKind::Keyword if is_head => {
                if let Some(list) = open.last_mut() {
                    list.is_counted = HEADS.contains(&token.keyword(text));
                }
            }
            TokenKind::LineComment | TokenKind::BlockComment | TokenKind::Whitespace => continue,
            _ => {}
        }
        is_head = token.kind == TokenKind::LParen;
    }
    Ok(())
}

fn too_many() -> Fault {
    Fault::rejected(format!(
        "the text has a component, or a type of one, with more than {}: give the binary (`wasm-tools parse`)",
        count(FIELDS, "field")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(number: usize) -> String {
        "(core type (func)) ".repeat(number)
    }

    #[test]
    fn fields_of_components_and_their_types_are_counted() {
        for text in [
            format!("(component {})", fields(2_001)),
            format!("(component $name {})", fields(2_001)),
            format!("(; c ;) (component ;; (\n (component {}))", fields(2_001)),
            format!("(component (type (instance {})))", fields(2_001)),
            format!("(component (import \"i\" (instance {})))", fields(2_001)),
        ] {
            assert!(check(&text).unwrap_err().message.contains("2000 fields"), "{}", &text[..40]);
        }
    }

    #[test]
    fn other_lists_are_not() {
        for text in [
            format!("(component {})", fields(2_000)),
            format!("(module {})", fields(50_000)),
            format!("(component (core module {}))", fields(50_000)),
            format!("(component (@custom \"component\" \"{}\"))", "(".repeat(9_000)),
            format!("(component (component {}) (component {}))", fields(1_500), fields(1_500)),
            format!("(component {}", "(".repeat(90_000)),
            ")".repeat(90_000),
            "\"".to_owned(),
        ] {
            check(&text).unwrap();
        }
    }
}
