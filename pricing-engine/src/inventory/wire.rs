//! Decodes the peers' messages, after a check of their raw bytes.
//!
//! Two bytes on the wire, such as an empty node, can become hundreds of bytes in memory. The entries of a message are
//! therefore counted before it is decoded.

use pricing_proto::akash::inventory::v1::Cluster;
use pricing_proto::akash::provider::v1::Status as ProviderStatus;
use prost::Message;
use prost::bytes::{Buf as _, Bytes};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::accepted::Refusal;
use super::text;

/// The most entries of all lists (nodes, cards, storage classes, ...) of a message together. Real clusters have far
/// fewer.
const MAX_ENTRIES: usize = 250_000;

/// A codec that sends an empty message and returns the response as bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Raw;

impl Codec for Raw {
    type Encode = ();
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = ();
    type Error = Status;

    fn encode(&mut self, (): (), _: &mut EncodeBuf<'_>) -> Result<(), Status> {
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = source.remaining();
        Ok(Some(source.copy_to_bytes(length)))
    }
}

/// The type of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The inventory operator's `Cluster`.
    Cluster,
    /// The provider's `Status`.
    Status,
}

impl Dialect {
    /// Returns the text of a message.
    pub(super) fn text(self, message: Bytes) -> Result<String, Refusal> {
        let shape = match self {
            Self::Cluster => CLUSTER,
            Self::Status => STATUS,
        };
        let mut left = MAX_ENTRIES;
        count(&message, shape, &mut left)?;
        match self {
            Self::Cluster => decode::<Cluster>(message).and_then(|cluster| written(text::of_cluster(&cluster))),
            Self::Status => decode::<ProviderStatus>(message).and_then(|status| written(text::of_status(&status))),
        }
    }
}

fn decode<M: Message + Default>(message: Bytes) -> Result<M, Refusal> {
    M::decode(message).map_err(|error| Refusal::Malformed(error.to_string()))
}

fn written(text: Result<String, serde_json::Error>) -> Result<String, Refusal> {
    text.map_err(|error| Refusal::Malformed(error.to_string()))
}

/// The fields of a message that are counted, by their numbers, with the shapes of the messages in them. Other fields
/// are skipped.
#[derive(Clone, Copy)]
struct Shape(&'static [(u64, Self)]);

const LEAF: Shape = Shape(&[]);
const GPU: Shape = Shape(&[(2, LEAF)]);
const RESOURCES: Shape = Shape(&[(3, GPU)]);
const CAPABILITIES: Shape = Shape(&[(1, LEAF), (4, LEAF)]);
const NODE: Shape = Shape(&[(2, RESOURCES), (3, CAPABILITIES)]);
const CLUSTER: Shape = Shape(&[(1, NODE), (2, LEAF)]);
const METRIC: Shape = Shape(&[(2, LEAF_MAP)]);
const LEAF_MAP: Shape = Shape(&[(5, LEAF)]);
const RESERVATIONS: Shape = Shape(&[(1, METRIC), (2, METRIC)]);
const INVENTORY: Shape = Shape(&[(1, CLUSTER), (2, RESERVATIONS)]);
const CLUSTER_STATUS: Shape = Shape(&[(2, INVENTORY)]);
const STATUS: Shape = Shape(&[(1, LEAF), (2, CLUSTER_STATUS), (5, LEAF)]);

/// Counts the fields of `shape` in a message, down from `left`. The recursion is as deep as the shape.
fn count(mut message: &[u8], shape: Shape, left: &mut usize) -> Result<(), Refusal> {
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let (field, wire_type) = (key >> 3, key & 7);
        let inner = match wire_type {
            0 => {
                varint(&mut message)?;
                continue;
            }
            1 => take(&mut message, 8)?,
            2 => {
                let length = varint(&mut message)?;
                take(&mut message, usize::try_from(length).unwrap_or(usize::MAX))?
            }
            5 => take(&mut message, 4)?,
            _ => return Err(Refusal::Malformed(format!("the message has a field of the wire type {wire_type}"))),
        };
        let Some((_, shape)) = shape.0.iter().find(|(snapshot, _)| *snapshot == field) else { continue };
        *left = left.checked_sub(1).ok_or_else(|| {
            Refusal::TooLarge(format!("the message has more than {MAX_ENTRIES} nodes, cards and other entries"))
        })?;
        // A leaf may be a text instead of a message, so it is not parsed.
        if wire_type == 2 && !shape.0.is_empty() {
            count(inner, *shape, left)?;
        }
    }
    Ok(())
}

fn cut() -> Refusal {
    Refusal::Malformed("the message ends in the middle of a field".to_owned())
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Result<&'a [u8], Refusal> {
    let (taken, rest) = message.split_at_checked(length).ok_or_else(cut)?;
    *message = rest;
    Ok(taken)
}

fn varint(message: &mut &[u8]) -> Result<u64, Refusal> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first().ok_or_else(cut)?;
        *message = rest;
        value |= u64::from(byte & 0x7f).wrapping_shl(shift);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Refusal::Malformed("the message has a number of more than 64 bits".to_owned()))
}

#[cfg(test)]
mod tests;
