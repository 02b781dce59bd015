//! How many bytes texts and lists take on the heap, about.

/// What an allocation takes beside its bytes.
const ALLOCATION: usize = 16;

/// What texts take beyond their own size.
pub(crate) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> usize {
    let text = |text: &str| if text.is_empty() { 0 } else { text.len().saturating_add(ALLOCATION) };
    texts.into_iter().map(text).fold(0, usize::saturating_add)
}

/// What a list takes beyond its own size, and its items beyond theirs.
pub(crate) fn list<T>(items: &[T], item: impl Fn(&T) -> usize) -> usize {
    let own = if items.is_empty() { 0 } else { size_of_val(items).saturating_add(ALLOCATION) };
    items.iter().map(item).fold(own, usize::saturating_add)
}
