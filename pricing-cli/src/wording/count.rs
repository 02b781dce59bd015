//! Counts.

/// The form of a word that goes with a count.
pub(crate) fn plural<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// A count with its noun, such as `1 order` and `2 orders`.
pub(crate) fn count(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", plural(count, "", "s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!([0, 1, 2].map(|number| count(number, "order")), ["0 orders", "1 order", "2 orders"]);
    }
}
