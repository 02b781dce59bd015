//! Reads inventories: the inventory operator's `Cluster`, or the provider's `Status` that contains it.
//!
//! Both come in two JSON dialects. Protobuf JSON writes `memorySize` and `{"string":"2050m"}`; Go's own JSON writes
//! `memory_size` and `"2050m"`, and omits zeros. Mixtures of the two are accepted, as are numbers for quantities and
//! `null` for any message. Unknown fields are ignored, because newer daemons add some.

mod dialect;
mod shape;

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use super::MAX_INPUT_BYTES;
use crate::input::InputError;
use dialect::Message;
use shape::{Cluster, Document};

pub(super) use dialect::{Amount, Section};
pub(super) use shape::{AllocatedQuantity, Capabilities, Gpu, GpuInfo, Node, Pool};

/// An inventory as it was written, before [`super::validate::validate`] decides what can be believed.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) nodes: Vec<Node>,
    pub(super) storage: Vec<Pool>,
    pub(super) leased_ip: Option<AllocatedQuantity>,
    /// Whether this is a provider's Status that contains no inventory.
    pub(super) status_without_inventory: bool,
}

/// Reads a `Cluster` or a provider's `Status`, whichever the text is.
///
/// # Errors
/// When the text is not JSON, is neither of the two, or has a malformed quantity. The error says where.
pub fn read(text: &str) -> Result<Snapshot, InputError> {
    if text.len() > MAX_INPUT_BYTES {
        let message = format!("the inventory has {} bytes; at most {MAX_INPUT_BYTES} are read", text.len());
        return Err(InputError::new(message));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Tracking the path costs time and is only needed for an error message, so the text is parsed again in that case.
    let message: Message<Document> = match serde_json::from_str(text) {
        Ok(message) => message,
        Err(_) => parse_with_path(text)?,
    };
    let document = message.0.ok_or_else(no_inventory)?;
    if document.is_rest_status() {
        return Err(rest_status());
    }
    if !document.is_cluster() && !document.is_status() && !is_empty_object(text) {
        return Err(no_inventory());
    }
    Ok(document.into())
}

fn no_inventory() -> InputError {
    InputError::new("this is not an inventory: it has neither `nodes` nor `cluster`").hint(
        "expected the inventory operator's cluster (`nodes`, `storage`) or a provider's status \
         (`cluster.inventory.cluster`)",
    )
}

fn parse_with_path(text: &str) -> Result<Message<Document>, InputError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let document = serde_path_to_error::deserialize(&mut json).map_err(InputError::from)?;
    let end = json.end();
    end.map_err(|error| {
        InputError::new("there is more text after the end of the inventory")
            .position(error.line(), error.column().max(1))
    })?;
    Ok(document)
}

/// The Protobuf JSON of a cluster without nodes is `{}`.
fn is_empty_object(text: &str) -> bool {
    serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text).is_ok_and(|fields| fields.is_empty())
}

fn rest_status() -> InputError {
    let message =
        "this is the status of a provider's REST port (8443), which counts cards without saying which they are";
    InputError::new(message).hint(
        "ask the gRPC port 8444 for `akash.provider.v1.ProviderRPC/GetStatus`, for example with `grpcurl -insecure \
         HOST:8444 akash.provider.v1.ProviderRPC.GetStatus`",
    )
}

impl From<Document> for Snapshot {
    fn from(document: Document) -> Self {
        let (cluster, leased_ip) = document.into_parts();
        let status_without_inventory = cluster.is_none();
        let Cluster { nodes, storage } = cluster.unwrap_or_default();
        Self { nodes, storage, leased_ip, status_without_inventory }
    }
}

#[cfg(test)]
mod tests;
