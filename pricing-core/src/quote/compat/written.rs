//! Rates as the script's calculator, `bc`, parses them.

use super::fixed::{DECIMALS, Fixed};

/// The calculator's reserved words. They are not rates.
const KEYWORDS: [&str; 22] = [
    "auto", "break", "continue", "define", "else", "for", "halt", "ibase", "if", "history", "last", "length", "limits",
    "obase", "print", "quit", "random", "read", "return", "scale", "sqrt", "while",
];

/// Parses a rate. None if the calculator would report a syntax error and print nothing.
///
/// What it accepts is accepted, however odd: a word is a variable with the value 0, and capital letters are digits (a
/// single one counts from 10, among others each is 9). Expressions are not evaluated ([`is_arithmetic`]).
pub(super) fn rate(text: &str) -> Option<Fixed> {
    let mut tokens = tokens(text)?.into_iter();
    let (negative, token) = match tokens.next()? {
        Token::Minus => (true, tokens.next()?),
        token => (false, token),
    };
    if tokens.next().is_some() {
        return None;
    }
    let value = match token {
        Token::Word(word) => (!KEYWORDS.contains(&word)).then_some(0)?,
        Token::Number(digits) => number(digits)?,
        Token::Minus | Token::Operator | Token::Open | Token::Close => return None,
    };
    Some(Fixed::new(if negative { value.checked_neg()? } else { value }))
}

/// Whether a rate is an expression that the calculator would evaluate, such as `1.2*3000` or `(5)`: alternating
/// operands and operators, at most one minus per operand, with matching brackets.
///
/// This is a recogniser, not a parser: it only has to tell an expression from a typing error, for the message.
pub(super) fn is_arithmetic(text: &str) -> bool {
    let Some(tokens) = tokens(text) else { return false };
    let (mut wants_operand, mut negated, mut depth, mut calculates) = (true, false, 0_usize, false);
    let mut after_word = false;
    for token in tokens {
        let was_word = std::mem::replace(&mut after_word, matches!(token, Token::Word(_)));
        match token {
            Token::Number(_) | Token::Word(_) if wants_operand => (wants_operand, negated) = (false, false),
            Token::Minus if wants_operand && !negated => negated = true,
            Token::Operator | Token::Minus if !wants_operand => (wants_operand, calculates) = (true, true),
            // A bracket after a word is a function call.
            Token::Open if wants_operand || was_word => {
                (wants_operand, negated, calculates) = (true, false, true);
                depth = depth.saturating_add(1);
            }
            Token::Close if !wants_operand && depth > 0 => depth = depth.saturating_sub(1),
            _ => return false,
        }
    }
    calculates && !wants_operand && depth == 0
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Minus,
    Operator,
    Open,
    Close,
    Number(&'a str),
    Word(&'a str),
}

/// Splits a rate into the tokens of `bc`. None if it contains anything that cannot be in a rate or an expression.
fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let token_end = |in_token: fn(char) -> bool| rest.find(|c| !in_token(c)).unwrap_or(rest.len());
        let end = match first {
            '0'..='9' | 'A'..='Z' | '.' => number_end(rest),
            'a'..='z' => token_end(|c| matches!(c, 'a'..='z' | '0'..='9' | '_')),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        rest = after;
        match first {
            '0'..='9' | 'A'..='Z' | '.' => tokens.push(Token::Number(token)),
            'a'..='z' => tokens.push(Token::Word(token)),
            '-' => tokens.push(Token::Minus),
            '+' | '*' | '/' | '%' | '^' => tokens.push(Token::Operator),
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            ' ' | '\t' => {}
            // Anything else is neither a rate nor an expression. At an unknown character the calculator drops the line.
            _ => return None,
        }
    }
    Some(tokens)
}

/// The end of a number: it stops before a second point.
fn number_end(text: &str) -> usize {
    let mut points = 0_u8;
    let ends = |c: char| {
        points = points.saturating_add(u8::from(c == '.'));
        points > 1 || !matches!(c, '0'..='9' | 'A'..='Z' | '.')
    };
    text.find(ends).unwrap_or(text.len())
}

/// The number in units of 10^-20, truncated. None if it is too large for any rate.
fn number(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if let (&[letter @ b'A'..=b'Z'], "") = (whole.as_bytes(), fraction) {
        return i128::from(letter).checked_sub(55)?.checked_mul(10_i128.checked_pow(DECIMALS)?);
    }
    let digit = |byte: u8| if byte.is_ascii_digit() { i128::from(byte.saturating_sub(b'0')) } else { 9 };
    let decimals = usize::try_from(DECIMALS).ok()?;
    let fraction = fraction.bytes().chain(core::iter::repeat(b'0')).take(decimals);
    whole.bytes().chain(fraction).try_fold(0_i128, |sum, byte| sum.checked_mul(10)?.checked_add(digit(byte)))
}
