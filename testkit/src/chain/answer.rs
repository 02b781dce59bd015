//! What a node answers, in the words of the node's own marshaller.

use serde_json::{Value, json};

use super::{Bid, Chain, Lease, Order};

/// A list of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// `bids/list`.
    Bids,
    /// `leases/list`.
    Leases,
    /// `orders/list`.
    Orders,
}

/// The version of the market module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// With `id`.
    V1Beta5,
    /// With `bid_id`, `lease_id` and `order_id`.
    V1Beta4,
}

/// How much of an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Everything.
    Full,
    /// Without the resources that bids repeat, and without accounts.
    Short,
}

/// Which records are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// Those of an owner.
    pub owner: Option<String>,
    /// Those of a deployment.
    pub dseq: Option<u64>,
    /// Those of a group.
    pub gseq: Option<u32>,
    /// Those of an order.
    pub oseq: Option<u32>,
    /// Those of a provider.
    pub provider: Option<String>,
}

/// A record with its key in the node's store.
type Record = (String, Value);

/// A page of a list at a height. It begins at a key, and has the key of the next one.
#[must_use]
pub fn page(
    chain: &Chain,
    at: u64,
    (list, version, style): (List, Version, Style),
    filters: &Filters,
    (key, limit): (Option<&str>, usize),
) -> Value {
    let mut records = Vec::new();
    for order in chain.orders.iter().filter(|order| filters.has(order) && order.created_at <= at) {
        match list {
            List::Bids => records.extend(bids(order, at, version, style, filters)),
            List::Leases => records.extend(lease(order, at, version, style, filters)),
            List::Orders => records.push((order.id(), print_order(order, at, version))),
        }
    }
    let start = key.map_or(0, |key| records.partition_point(|(record, _)| next_key(record).as_str() < key));
    let rest = records.get(start..).unwrap_or_default();
    let next = rest.get(limit).map(|(record, _)| next_key(record));
    let listed: Vec<&Value> = rest.iter().take(limit).map(|(_, record)| record).collect();
    let name = match list {
        List::Bids => "bids",
        List::Leases => "leases",
        List::Orders => "orders",
    };
    json!({ name: listed, "pagination": { "next_key": next, "total": "0" } })
}

/// The block at a height.
#[must_use]
pub fn block(height: u64) -> Value {
    let millis = Chain::millis(height);
    let (days, rest) = (millis / 86_400_000, millis % 86_400_000);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
    let time = format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", millis % 1_000);
    let header = json!({ "chain_id": "made-up-1", "height": height.to_string(), "time": time });
    json!({ "block_id": { "hash": null }, "block": { "header": header, "data": { "txs": [] } } })
}

/// Year, month and day of a number of days since 1970, as Howard Hinnant's `civil_from_days` computes them.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

/// A key with characters that an address has to escape.
fn next_key(record: &str) -> String {
    format!("{record}+/==")
}

impl Filters {
    fn has(&self, order: &Order) -> bool {
        self.owner.as_ref().is_none_or(|owner| *owner == order.owner)
            && self.dseq.is_none_or(|dseq| dseq == order.dseq)
            && self.gseq.is_none_or(|gseq| gseq == order.gseq)
            && self.oseq.is_none_or(|oseq| oseq == order.oseq)
    }

    fn has_provider(&self, provider: &str) -> bool {
        self.provider.as_ref().is_none_or(|wanted| wanted == provider)
    }
}

fn bids(order: &Order, at: u64, version: Version, style: Style, filters: &Filters) -> Vec<Record> {
    let made = order.bids.iter().filter(|bid| bid.created_at <= at && filters.has_provider(&bid.provider));
    made.map(|bid| (format!("{}/{}", order.id(), bid.provider), print_bid(order, bid, at, version, style))).collect()
}

fn lease(order: &Order, at: u64, version: Version, style: Style, filters: &Filters) -> Option<Record> {
    let lease = order.lease_at(at).filter(|lease| filters.has_provider(&lease.provider))?;
    Some((format!("{}/{}", order.id(), lease.provider), print_lease(order, lease, at, version, style)))
}

fn print_bid(order: &Order, bid: &Bid, at: u64, version: Version, style: Style) -> Value {
    let won = order.lease_at(at).map(|lease| lease.provider == bid.provider);
    let state = match won {
        _ if order.is_closed_at(at) && won != Some(false) => "closed",
        Some(true) => "active",
        Some(false) => "lost",
        None => "open",
    };
    let mut printed = json!({
        id_key(version, "bid_id"): id(order, version, Some(&bid.provider)),
        "state": state,
        "price": coin(order, bid.price),
        "created_at": bid.created_at.to_string(),
    });
    if style == Style::Short {
        return json!({ "bid": printed });
    }
    let offer = json!([{ "resources": resources(order), "count": 1, "prices": null }]);
    if let Some(printed) = printed.as_object_mut() {
        printed.insert("resources_offer".to_owned(), offer);
        printed.insert("reclamation_window".to_owned(), Value::Null);
    }
    let account = json!({ "id": { "scope": "bid", "xid": order.id() }, "state": { "state": "open", "funds": [] } });
    json!({ "bid": printed, "escrow_account": account })
}

fn print_lease(order: &Order, lease: &Lease, at: u64, version: Version, style: Style) -> Value {
    let closed_on = lease.closed_on.filter(|closed_on| *closed_on <= at);
    let price = order.bids.iter().find(|bid| bid.provider == lease.provider).map_or(0, |bid| bid.price);
    let printed = json!({
        id_key(version, "lease_id"): id(order, version, Some(&lease.provider)),
        "state": if closed_on.is_some() { "closed" } else { "active" },
        "price": coin(order, price),
        "created_at": lease.created_at.to_string(),
        "closed_on": closed_on.unwrap_or(0).to_string(),
        "reason": if closed_on.is_some() { lease.reason } else { "lease_closed_invalid" },
    });
    match style {
        Style::Short => json!({ "lease": printed }),
        Style::Full => json!({ "lease": printed, "escrow_payment": { "state": { "state": "open" } } }),
    }
}

fn print_order(order: &Order, at: u64, version: Version) -> Value {
    let state = match order.lease_at(at) {
        _ if order.is_closed_at(at) => "closed",
        Some(_) => "active",
        None => "open",
    };
    let requirements = json!({ "signed_by": { "all_of": [], "any_of": [] }, "attributes": [] });
    let unit = json!({ "resource": resources(order), "count": 1, "price": coin(order, order.max_price) });
    json!({
        id_key(version, "order_id"): id(order, version, None),
        "state": state,
        "spec": { "name": "dcloud", "requirements": requirements, "resources": [unit] },
        "created_at": order.created_at.to_string(),
    })
}

fn resources(order: &Order) -> Value {
    let resources = &order.resources;
    let ram = resources.ram.map(|ram| format!("/ram/{ram}")).unwrap_or_default();
    let gpu = json!([{ "key": format!("vendor/nvidia/model/{}{ram}", resources.model), "value": "true" }]);
    json!({
        "id": 1,
        "cpu": { "units": { "val": resources.cpu.to_string() }, "attributes": [] },
        "memory": { "quantity": { "val": resources.memory.to_string() }, "attributes": [] },
        "storage": [{ "name": "default", "quantity": { "val": resources.storage.to_string() }, "attributes": [] }],
        "gpu": { "units": { "val": resources.cards.to_string() }, "attributes": gpu },
        "endpoints": [{ "kind": "RANDOM_PORT", "sequence_number": 0 }],
    })
}

fn id_key(version: Version, old: &'static str) -> &'static str {
    match version {
        Version::V1Beta5 => "id",
        Version::V1Beta4 => old,
    }
}

fn id(order: &Order, version: Version, provider: Option<&str>) -> Value {
    let (owner, dseq) = (&order.owner, order.dseq.to_string());
    let mut id = json!({ "owner": owner, "dseq": dseq, "gseq": order.gseq, "oseq": order.oseq });
    if let (Some(id), Some(provider)) = (id.as_object_mut(), provider) {
        id.insert("provider".to_owned(), json!(provider));
        if version == Version::V1Beta5 {
            id.insert("bseq".to_owned(), json!(0));
        }
    }
    id
}

/// A coin with 18 decimals, as the chain writes them.
fn coin(order: &Order, micros: u64) -> Value {
    let (whole, fraction) = (micros / 1_000_000, micros % 1_000_000);
    json!({ "denom": order.denom, "amount": format!("{whole}.{fraction:06}000000000000") })
}
