//! Estimates how much memory a request takes once it is decoded.
//!
//! Two bytes on the wire can become hundreds in memory (an empty target, an empty resource unit). So the
//! length-delimited fields of a message are counted before it is decoded. A malformed message is counted up to the
//! error, which is as far as the decoder gets.

/// The memory that is counted for a field beyond its bytes. Resource units take the most.
const ENTRY: usize = 256;

/// Fields are counted down to this depth. Orders do not nest as deep, and what is deeper is inside a counted field.
const DEPTH: u32 = 12;

/// The path of field numbers to an order's text, from the outermost message inwards. The text is not searched for
/// fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextAt(&'static [u64]);

impl TextAt {
    /// Returns the path in the requests of a call.
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

/// Returns the bytes that a message may take in memory, encoded and decoded.
pub(super) fn weight(message: &[u8], text: TextAt) -> usize {
    let mut entries = 0;
    let _ = count(message, text.0, DEPTH, &mut entries);
    message.len().saturating_add(ENTRY.saturating_mul(entries))
}

/// Counts the length-delimited fields. Returns `None` if the message ends in the middle of a field.
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
                    // A field may be text instead of a message. Then whatever was counted in it only adds to the
                    // weight.
                    let _ = count(inner, text, depth.saturating_sub(1), entries);
                }
            }
            5 => drop(take(&mut message, 4)?),
            // Groups: their fields are counted like those of the message.
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
        // In other calls, the same bytes may be a message.
        assert!(weight(&message, TextAt::of("/akash.provider.v1.ProviderRPC/BidScreening")) > 100_000 * ENTRY);
    }

    #[test]
    fn what_is_malformed_is_counted_as_far_as_it_goes() {
        let mut message =
            QuoteRequest { targets: vec![Target::default(); 1000], ..QuoteRequest::default() }.encode_to_vec();
        // An enclosing group, and a truncated field.
        message.insert(0, 0x7b);
        message.extend([0x2a, 0x7f]);
        assert!(weight(&message, QUOTE) >= 1000 * ENTRY);
    }
}
