//! Makes up a month of a chain.

use bech32::{Bech32, Hrp};

use super::{Bid, Chain, FIRST_HEIGHT, Lease, Order, Resources};
use crate::random::Random;

const GI: u64 = 1 << 30;
/// The blocks of a month and of a day.
const MONTH: u64 = 429_909;
const DAY: u64 = MONTH / 30;
/// The millionths of a denom's unit per block that a USD a month is, in a coin of one dollar.
const MICROS_PER_USD: u64 = 1_000_000_000_000 / MONTH;
/// An AKT is worth half a dollar here.
const AKT_PER_USD: u64 = 2;
/// The tenants.
const OWNERS: u64 = 60;
/// A price in thousandths of the usual one, from and to, for each rival.
const MANNERS: [(u64, u64); 6] = [(940, 1_060), (860, 960), (1_000, 1_250), (900, 1_100), (780, 1_150), (1_050, 1_080)];
/// The provider's own prices.
const OWN_MANNER: (u64, u64) = (1_000, 1_000);
const REASONS: [&str; 4] =
    ["lease_closed_owner", "lease_closed_owner", "lease_closed_insufficient_funds", "lease_closed_unstable"];

/// A kind of card: model, RAM, the usual price in USD a month, the numbers of cards in an order, and its memory each.
type Kind = (&'static str, &'static str, u64, &'static [u64], u64);
const KINDS: [Kind; 4] = [
    ("h100", "80Gi", 1_900, &[1, 1, 2, 4, 8], 96 * GI),
    ("a100", "80Gi", 1_150, &[1, 1, 1, 2, 4], 64 * GI),
    ("t4", "16Gi", 85, &[1, 1, 1, 2], 16 * GI),
    ("t4", "16Gi", 85, &[1], 8 * GI),
];

/// An account with a valid checksum that nobody owns.
#[must_use]
pub fn account(number: u64) -> String {
    let mut random = Random::new(number.wrapping_add(0x00ac_c0de));
    let bytes: Vec<u8> = (0..20).map(|_| random.bits().to_le_bytes()[3]).collect();
    let mut text = String::new();
    let written = Hrp::parse("akash").map(|prefix| bech32::encode_to_fmt::<Bech32, String>(&mut text, prefix, &bytes));
    debug_assert!(written.is_ok_and(|written| written.is_ok()), "20 bytes are an account");
    text
}

/// Makes up a month with some orders and up to six rivals.
#[must_use]
pub fn made_up(seed: u64, orders: u64, rivals: usize) -> Chain {
    let mut random = Random::new(seed);
    let provider = account(0);
    let rivals: Vec<(String, (u64, u64))> =
        (1..).map(account).zip(MANNERS.iter().copied().cycle()).take(rivals).collect();
    let height = FIRST_HEIGHT + MONTH;
    let mut made: Vec<Order> = (0..orders).map(|_| order(&mut random, &provider, &rivals)).collect();
    made.sort_by_cached_key(Order::id);
    made.dedup_by(|a, b| a.id() == b.id());
    Chain { provider, orders: made, height, lowest_block: FIRST_HEIGHT - 1 }
}

fn order(random: &mut Random, provider: &str, rivals: &[(String, (u64, u64))]) -> Order {
    let created_at = FIRST_HEIGHT + 1 + random.up_to(MONTH - 100);
    let &(model, ram, usd, counts, memory) = random.one_of(&KINDS).unwrap_or(&KINDS[0]);
    let cards = *random.one_of(counts).unwrap_or(&1);
    let ram = (!random.one_in(3)).then_some(ram);
    let resources = Resources { model, ram, cards, cpu: 4_000 * cards, memory: memory * cards, storage: 100 * GI };
    let is_akt = random.one_in(12);
    let denom = if is_akt { "uakt" } else { "uact" };
    let usual = usd * cards * MICROS_PER_USD * if is_akt { AKT_PER_USD } else { 1 };
    let max_price = (usual / 1_000 * random.between(950, 1_900)).div_ceil(1_000_000) * 1_000_000;
    let mut order = Order {
        owner: account(1_000 + random.up_to(OWNERS - 1)),
        dseq: created_at - random.between(1, 3),
        gseq: 1,
        oseq: 1,
        created_at,
        closed_on: None,
        resources,
        max_price,
        denom,
        bids: Vec::new(),
        lease: None,
    };
    if !random.one_in(25) {
        bid(random, &mut order, provider, OWN_MANNER, usual);
    }
    for (rival, manner) in rivals {
        if !random.one_in(4) {
            bid(random, &mut order, rival, *manner, usual);
        }
    }
    order.bids.sort_by(|a, b| a.provider.cmp(&b.provider));
    outcome(random, &mut order);
    order
}

fn bid(random: &mut Random, order: &mut Order, provider: &str, (low, high): (u64, u64), usual: u64) {
    let price = usual / 1_000 * random.between(low, high);
    if price <= order.max_price {
        let created_at = order.created_at + random.between(1, 3);
        order.bids.push(Bid { provider: provider.to_owned(), price, created_at });
    }
}

/// Most tenants take the cheapest bid, some another one, and some none. Some take days to decide.
fn outcome(random: &mut Random, order: &mut Order) {
    let thinks = if random.one_in(20) { random.between(DAY, 6 * DAY) } else { random.between(5, 60) };
    let decided_at = order.created_at + thinks;
    if order.bids.is_empty() || random.one_in(7) {
        order.closed_on = Some(decided_at);
        return;
    }
    let cheapest = order.bids.iter().min_by_key(|bid| bid.price);
    let chosen = if random.one_in(4) { random.one_of(&order.bids) } else { cheapest };
    let hours = if random.one_in(3) { random.between(100, 1_500) } else { random.between(1, 100) };
    let closed_on = Some(decided_at + hours * (DAY / 24));
    order.closed_on = closed_on;
    order.lease = chosen.map(|bid| Lease {
        provider: bid.provider.clone(),
        created_at: decided_at,
        closed_on,
        reason: REASONS.get(usize::try_from(hours % 4).unwrap_or(0)).copied().unwrap_or(REASONS[0]),
    });
}
