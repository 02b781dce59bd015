//! What a request may become in memory.
//!
//! Two bytes on the wire can become hundreds in memory (an empty target, an empty resource unit), so the entries of a
//! message are counted before it is decoded. What is malformed is counted up to there: the decoder comes as far.

/// What an entry of a message may take in memory beside its bytes: the largest of them are resource units.
const ENTRY: usize = 256;

/// How deeply entries are looked for. Deeper ones are inside of ones that are counted, and orders are not that deep.
const DEPTH: u32 = 12;

/// Where the text of an order stands in a request, which is looked no further into: field numbers, from the outermost
/// message inwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextAt(&'static [u64]);

impl TextAt {
    /// Where it stands in the requests of a call.
    pub(super) fn of(path: &str) -> Self {
        match path {
            "/bidprice.v1.Pricing/Quote" | "/bidprice.v1.Pricing/QuoteStream" | "/bidprice.v1.Pricing/Screen" => {
                // `order`, and in it `text`.
                Self(&[1, 3])
            }
            _ => Self(&[]),
        }
    }
}

/// The bytes that a message may take in memory, as it is on the wire and decoded.
pub(super) fn weight(message: &[u8], text: TextAt) -> usize {
    let mut entries = 0;
    let _ = count(message, text.0, DEPTH, &mut entries);
    message.len().saturating_add(ENTRY.saturating_mul(entries))
}

/// Counts the fields that have bytes of their own. None when the message ends in the middle of one.
fn count(mut message: &[u8], text: &[u64], depth: u32, entries: &mut usize) -> Option<()> {
    while !message.is_empty() {
        let key = varint(&mut message)?;
        match key & 7 {
            0 => drop(varint(&mut message)?),
            1 => drop(take(&mut message, 8)?),
            2 => {
                let length = varint(&mut message)?;
                let inner = take(&mut message, usize::try_from(length).ok()?)?;
                *entries = entries.saturating_add(1);
                let text = match text.split_first() {
                    Some((field, [])) if *field == key >> 3 => continue,
                    Some((field, text)) if *field == key >> 3 => text,
                    _ => &[],
                };
                if depth > 0 {
                    // A text is no message, as a rule.
                    let _ = count(inner, text, depth.saturating_sub(1), entries);
                }
            }
            5 => drop(take(&mut message, 4)?),
            // Groups: what is in them is counted as if it stood outside.
            _ => {}
        }
    }
    Some(())
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f).wrapping_shl(shift);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use pricing_proto::akash::deployment::v1beta4::{GroupSpec, ResourceUnit};
    use pricing_proto::bidprice::v1::{Order, QuoteRequest, Target, order};
    use prost::Message as _;

    use super::*;

    const QUOTE: TextAt = TextAt(&[1, 3]);

    fn quote(form: order::Form) -> QuoteRequest {
        QuoteRequest { order: Some(Order { form: Some(form) }), ..QuoteRequest::default() }
    }

    #[test]
    fn empty_entries_weigh_as_much_as_they_take_in_memory() {
        let targets = QuoteRequest { targets: vec![Target::default(); 1000], ..QuoteRequest::default() };
        let spec = GroupSpec { resources: vec![ResourceUnit::default(); 1000], ..GroupSpec::default() };
        assert!(weight(&targets.encode_to_vec(), QUOTE) >= 1000 * size_of::<Target>());
        assert!(weight(&quote(order::Form::GroupSpec(spec)).encode_to_vec(), QUOTE) >= 1000 * ENTRY);
        // Vectors grow by doubling.
        assert!(size_of::<ResourceUnit>() <= 2 * ENTRY, "{}", size_of::<ResourceUnit>());
    }

    #[test]
    fn a_text_weighs_its_bytes() {
        let text = "\n\u{0}".repeat(100_000);
        let message = quote(order::Form::Text(text)).encode_to_vec();
        assert_eq!(weight(&message, QUOTE), message.len() + 2 * ENTRY);
        // Elsewhere it may as well be a message.
        assert!(weight(&message, TextAt::of("/akash.provider.v1.ProviderRPC/BidScreening")) > 100_000 * ENTRY);
    }

    #[test]
    fn what_is_malformed_is_counted_as_far_as_it_goes() {
        let mut message =
            QuoteRequest { targets: vec![Target::default(); 1000], ..QuoteRequest::default() }.encode_to_vec();
        // A group around, and a field that is cut.
        message.insert(0, 0x7b);
        message.extend([0x2a, 0x7f]);
        assert!(weight(&message, QUOTE) >= 1000 * ENTRY);
    }
}
