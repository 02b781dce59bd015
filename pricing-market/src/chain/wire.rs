//! The answers as JSON has them. Fields that are not here are ignored, such as escrow accounts.

use std::borrow::Cow;

use pricing_core::text::Untrusted;
use serde::de::{Deserialize, Deserializer, Error};

use super::clock;
use super::id::is_address;
use super::number::{Height, Sequence};
use super::price::WireCoin;
use super::spec::Spec;
use super::state::{BidState, LeaseState, OrderState};

/// The most bytes of a `next_key`, and of a lease's reason.
const MAX_KEY: usize = 4 << 10;

/// An answer of any of the lists, or of a block. Older nodes write `bid_id`, `lease_id` and `order_id`.
#[derive(Debug, serde::Deserialize)]
pub(super) struct WireAnswer<'a> {
    #[serde(borrow)]
    pub(super) bids: Option<Vec<BidItem<'a>>>,
    #[serde(borrow)]
    pub(super) leases: Option<Vec<LeaseItem<'a>>>,
    #[serde(borrow)]
    pub(super) orders: Option<Vec<WireOrder<'a>>>,
    #[serde(borrow)]
    pub(super) pagination: Option<Pagination<'a>>,
    pub(super) block: Option<Block>,
    /// What a node says in place of an answer.
    #[serde(borrow)]
    pub(super) message: Option<Untrusted<Cow<'a, str>>>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct BidItem<'a> {
    #[serde(borrow)]
    pub(super) bid: WireBid<'a>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct LeaseItem<'a> {
    #[serde(borrow)]
    pub(super) lease: WireLease<'a>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Pagination<'a> {
    #[serde(default, borrow, deserialize_with = "next_key")]
    pub(super) next_key: Option<Cow<'a, str>>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Block {
    pub(super) header: Header,
}

/// What a block says of itself.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
pub(super) struct Header {
    pub(super) height: Height,
    pub(super) time: Time,
}

/// Milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) u64);

/// The id of an order.
#[derive(Debug, serde::Deserialize)]
pub(super) struct WireOrderId<'a> {
    #[serde(borrow, deserialize_with = "address")]
    pub(super) owner: Cow<'a, str>,
    pub(super) dseq: Height,
    pub(super) gseq: Sequence,
    pub(super) oseq: Sequence,
}

/// The id of a bid or of a lease.
#[derive(Debug, serde::Deserialize)]
pub(super) struct WireBidId<'a> {
    #[serde(borrow, deserialize_with = "address")]
    pub(super) owner: Cow<'a, str>,
    pub(super) dseq: Height,
    pub(super) gseq: Sequence,
    pub(super) oseq: Sequence,
    #[serde(borrow, deserialize_with = "address")]
    pub(super) provider: Cow<'a, str>,
    /// Older chains have none.
    #[serde(default)]
    pub(super) bseq: Sequence,
}

#[derive(Debug)]
pub(super) struct WireBid<'a> {
    pub(super) id: WireBidId<'a>,
    pub(super) state: BidState,
    pub(super) price: WireCoin<'a>,
    pub(super) created_at: Height,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct WireLease<'a> {
    #[serde(alias = "lease_id", borrow)]
    pub(super) id: WireBidId<'a>,
    pub(super) state: LeaseState,
    #[serde(borrow)]
    pub(super) price: WireCoin<'a>,
    pub(super) created_at: Height,
    /// 0 while it is open. Null or absent is the same.
    pub(super) closed_on: Option<Height>,
    #[serde(borrow)]
    pub(super) reason: Option<Reason<'a>>,
}

/// Why a lease ended.
#[derive(Debug)]
pub(super) struct Reason<'a>(pub(super) Cow<'a, str>);

#[derive(Debug, serde::Deserialize)]
pub(super) struct WireOrder<'a> {
    #[serde(alias = "order_id", borrow)]
    pub(super) id: WireOrderId<'a>,
    pub(super) state: OrderState,
    pub(super) spec: Spec,
    pub(super) created_at: Height,
}

/// A bid with every shape that its price has had: one coin, or (in v2beta1) a list of coins.
#[derive(serde::Deserialize)]
struct AnyBid<'a> {
    #[serde(alias = "bid_id", borrow)]
    id: WireBidId<'a>,
    state: BidState,
    #[serde(borrow)]
    price: Option<WireCoin<'a>>,
    #[serde(borrow)]
    prices: Option<Vec<WireCoin<'a>>>,
    created_at: Height,
}

impl<'de: 'a, 'a> Deserialize<'de> for WireBid<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let AnyBid { id, state, price, prices, created_at } = AnyBid::deserialize(deserializer)?;
        let mut prices = price.into_iter().chain(prices.unwrap_or_default());
        let price = prices.next().ok_or_else(|| D::Error::missing_field("price"))?;
        if prices.next().is_some() {
            return Err(D::Error::custom("expected one price"));
        }
        Ok(Self { id, state, price, created_at })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Reason<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Untrusted::<Cow<'a, str>>::deserialize(deserializer)?.into_exact();
        if text.len() > MAX_KEY || !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(D::Error::custom("expected a reason, such as `lease_closed_owner`"));
        }
        Ok(Self(text))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Untrusted::<Cow<'_, str>>::deserialize(deserializer)?;
        let millis = clock::read_time(text.exact());
        millis.map(Self).ok_or_else(|| D::Error::custom("expected a time, such as `2026-09-01T12:00:00Z`"))
    }
}

fn address<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, str>, D::Error> {
    let text = Untrusted::<Cow<'a, str>>::deserialize(deserializer)?.into_exact();
    if is_address(&text) { Ok(text) } else { Err(D::Error::custom("expected an address")) }
}

fn next_key<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    let text = Option::<Untrusted<Cow<'a, str>>>::deserialize(deserializer)?.map(Untrusted::into_exact);
    match text.filter(|key| !key.is_empty()) {
        Some(key) if key.len() > MAX_KEY => Err(D::Error::custom(format_args!("it has more than {MAX_KEY} bytes"))),
        key => Ok(key),
    }
}
