//! Rates as the script's calculator, `bc`, reads them.

use super::fixed::{DECIMALS, Fixed};

/// Words that the calculator keeps for itself. They are not rates.
const KEYWORDS: [&str; 22] = [
    "auto", "break", "continue", "define", "else", "for", "halt", "ibase", "if", "history", "last", "length", "limits",
    "obase", "print", "quit", "random", "read", "return", "scale", "sqrt", "while",
];

/// A rate, or none where the calculator would report a syntax error and print nothing.
///
/// What it reads without complaint is kept, odd as it is: a word is a variable that holds 0, capital letters are
/// digits (a lone one counts from 10, among others they are 9). Expressions are not calculated; nobody's rate is one.
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
        Token::Minus => return None,
    };
    Some(Fixed::new(if negative { value.checked_neg()? } else { value }))
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Minus,
    Number(&'a str),
    Word(&'a str),
}

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
            ' ' | '\t' => {}
            // Operators, brackets and line ends make no rate; at an unknown character the calculator drops the line.
            _ => return None,
        }
    }
    Some(tokens)
}

/// A number ends before its second point.
fn number_end(text: &str) -> usize {
    let mut points = 0_u8;
    let ends = |c: char| {
        points = points.saturating_add(u8::from(c == '.'));
        points > 1 || !matches!(c, '0'..='9' | 'A'..='Z' | '.')
    };
    text.find(ends).unwrap_or(text.len())
}

/// The number in units of 10^-20, cut there. None when it is too large for any rate.
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
