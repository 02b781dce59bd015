//! Markets with a known truth.

use std::fs;
use std::io;
use std::path::Path;

use pricing_sim::random::{Draw, Draws, Purpose};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::evaluate::count;

/// Our own address.
const US: &str = "akash1us";
/// Seconds of a day.
const DAY: f64 = 86_400.0;
/// The seed of the truth, which no history has.
const TRUTH_SEED: u64 = 1 << 40;
/// What an order asks for, in cards.
const CARDS: [u32; 7] = [1, 1, 1, 2, 2, 4, 8];
/// The most rivals that bid on an order.
const RIVALS: usize = 3;

/// A market.
#[derive(Clone, Copy, Debug)]
pub struct Market {
    /// Its name.
    pub name: &'static str,
    /// Our nodes, with 8 cards each.
    pub nodes: u32,
    /// Orders a day.
    pub rate: f64,
    /// Days of a history.
    pub days: u64,
    /// The mean length of a lease, in days.
    pub lease: f64,
    /// The median of the lowest rival's price for a card, in USD a month.
    pub median: f64,
    /// How much it differs from order to order: the sigma of a log-normal factor.
    pub sigma: f64,
    /// By how much the number of orders differs from day to day: the sigma of a log-normal factor.
    pub days_differ: f64,
    /// By which share the rivals' prices move over a history, up to half of it before and half of it after the median.
    pub trend: f64,
    /// How little tenants care for the price: the scale of what else they like, as a share of the price. Zero: the
    /// cheapest bid wins.
    pub taste: f64,
    /// Our current rate.
    pub current: u32,
}

const FEW: Market = Market {
    name: "few cards",
    nodes: 1,
    rate: 5.7,
    days: 30,
    lease: 2.0,
    median: 1850.0,
    sigma: 0.08,
    days_differ: 0.2,
    trend: 0.0,
    taste: 0.0,
    current: 1775,
};

/// The settings of the harness.
pub const SETTINGS: [Market; 5] = [
    FEW,
    Market { name: "many cards", nodes: 8, rate: 14.0, lease: 4.0, current: 1800, ..FEW },
    Market { name: "thin data", rate: 3.0, days: 14, current: 1725, ..FEW },
    Market { name: "tenants who do not take the cheapest", taste: 0.05, current: 1750, ..FEW },
    Market { name: "rivals with trends", trend: -0.1, current: 1750, ..FEW },
];

/// An order of a market.
struct Order {
    /// Seconds from the beginning.
    at: f64,
    /// How long its lease would last, in seconds.
    lease: f64,
    cards: u32,
    /// The prices of the rivals for a card.
    rivals: Vec<f64>,
    /// What the tenant likes of each rival beside the price, as a factor of the price; ours is 1.
    liked: Vec<f64>,
}

impl Order {
    /// Up to which price for a card we win.
    fn limit(&self) -> f64 {
        self.rivals.iter().zip(&self.liked).map(|(price, liked)| price * liked).fold(f64::INFINITY, f64::min)
    }

    /// The rival that wins if we do not.
    fn best_rival(&self) -> usize {
        let worth = self.rivals.iter().zip(&self.liked).map(|(price, liked)| price * liked);
        worth.enumerate().min_by(|one, other| one.1.total_cmp(&other.1)).map_or(0, |(place, _)| place)
    }
}

impl Market {
    /// The choice of tenants that the scenario names.
    #[must_use]
    pub fn choice(&self) -> &'static str {
        if self.taste > 0.0 { "fitted" } else { "cheapest" }
    }

    /// The orders of some days.
    fn orders(&self, days: u64, seed: u64) -> Vec<Order> {
        let draws = Draws::new(seed);
        let mut orders = Vec::new();
        for day in 0..usize::try_from(days).unwrap_or(usize::MAX) {
            let mut draw = draws.of(Purpose::Arrival, day);
            let rate = self.rate * draw.log_normal(self.days_differ);
            let mut at = draw.exponential() / rate;
            while at < 1.0 {
                let mut own = draws.of(Purpose::Shape, orders.len());
                orders.push(self.order((count(day) + at) * DAY, &mut own));
                at += draw.exponential() / rate;
            }
        }
        orders
    }

    fn order(&self, at: f64, draw: &mut Draw) -> Order {
        let length = count(usize::try_from(self.days).unwrap_or(usize::MAX)) * DAY;
        // Over a longer period the trend begins anew.
        let place = at / length - libm::floor(at / length);
        let usual = self.median * (1.0 + self.trend * (place - 0.5));
        let lowest = usual * draw.log_normal(self.sigma);
        let mut rivals = vec![lowest];
        for _ in 0..draw.below(RIVALS) {
            rivals.push(lowest * (1.0 + 0.1 * draw.exponential()));
        }
        // A Gumbel variate makes the choice a logit; ours is taken off, so that the others are relative to us.
        let mut gumbel = || if self.taste > 0.0 { -libm::log(draw.exponential()) } else { 0.0 };
        let ours = gumbel();
        let liked = rivals.iter().map(|_| libm::exp(self.taste * (ours - gumbel()))).collect();
        let cards = CARDS.get(draw.below(CARDS.len())).copied().unwrap_or(1);
        Order { at, lease: self.lease * DAY * draw.log_normal(0.8) / libm::exp(0.32), cards, rivals, liked }
    }

    /// A folder with the history of a trial.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn history(&self, trial: u64) -> io::Result<TempDir> {
        let end = count(usize::try_from(self.days).unwrap_or(usize::MAX)) * DAY;
        let (mut free, mut leases) = (self.nodes.saturating_mul(8), Vec::<(f64, u32)>::new());
        let row = |(number, order): (usize, &Order)| {
            leases.retain(|(until, cards)| {
                let runs = *until > order.at;
                free = if runs { free } else { free.saturating_add(*cards) };
                runs
            });
            let we_bid = free >= order.cards;
            let we_win = we_bid && f64::from(self.current) <= order.limit();
            if we_win {
                free = free.saturating_sub(order.cards);
                leases.push((order.at + order.lease, order.cards));
            }
            row(number, order, end, we_bid.then_some(f64::from(self.current)), we_win)
        };
        let rows: Vec<Value> = self.orders(self.days, trial).iter().enumerate().map(row).collect();
        self.folder(&rows)
    }

    /// A folder with a long period: for each order a single bid, which is as high as ours may be to win.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn truth(&self, days: u64) -> io::Result<TempDir> {
        let single = |mut order: Order| {
            order.rivals = vec![order.limit()];
            order.liked = vec![1.0];
            order
        };
        let orders: Vec<Order> = self.orders(days, TRUTH_SEED).into_iter().map(single).collect();
        let rows: Vec<Value> =
            orders.iter().enumerate().map(|(number, order)| row(number, order, f64::INFINITY, None, false)).collect();
        self.folder(&rows)
    }

    fn folder(&self, rows: &[Value]) -> io::Result<TempDir> {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, text: String| fs::write(Path::join(folder.path(), name), text);
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        write("history.json", json!({ "schema": 1, "provider": US }).to_string())?;
        write("orders.jsonl", lines)?;
        write(
            "rates.toml",
            format!(
                "[rates]\ncpu = \"0\"\nmemory = \"0\"\nendpoint = \"0\"\nip = \"0\"\n[rates.storage]\nephemeral = \
                 \"0\"\n[rates.gpu]\n\"h100\" = \"{}\"\n",
                self.current
            ),
        )?;
        Ok(folder)
    }
}

/// An order as a line of a history.
fn row(number: usize, order: &Order, end: f64, ours: Option<f64>, we_win: bool) -> Value {
    let price = |usd: f64| format!("{:.6}", usd * f64::from(order.cards));
    let bid = |provider: &str, usd: f64, won: bool| json!({ "provider": provider, "price": "1", "denom": "uact", "usd_per_month": price(usd), "won": won });
    let best = order.best_rival();
    let rival = |(place, usd): (usize, &f64)| bid(&format!("akash1rival{place}"), *usd, !we_win && place == best);
    let mut bids: Vec<Value> = order.rivals.iter().enumerate().map(rival).collect();
    bids.extend(ours.map(|usd| bid(US, usd, we_win)));
    let winner = if we_win { US.to_owned() } else { format!("akash1rival{best}") };
    let until = order.at + order.lease;
    let ended = until <= end;
    json!({
        "order_id": format!("akash1tenant/{number}/1/1"),
        "at": time(order.at),
        "height": number,
        "order": spec(order.cards),
        "max_price": null,
        "bids": bids,
        "winner": winner,
        "lease": {
            "from": time(order.at),
            "until": ended.then(|| time(until)),
            "reason": ended.then_some("lease_closed_owner"),
        },
    })
}

/// A moment as RFC 3339.
fn time(seconds: f64) -> String {
    let whole = format!("{:.0}", libm::floor(seconds)).parse().unwrap_or(0);
    let at = std::time::Duration::from_secs(whole);
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_767_225_600) + at)
        .to_string()
}

/// The spec of an order, as the chain's REST API writes it.
fn spec(cards: u32) -> Value {
    json!({
        "name": "dcloud",
        "requirements": { "signed_by": { "all_of": [], "any_of": [] }, "attributes": [] },
        "resources": [{
            "resource": {
                "id": 1,
                "cpu": { "units": { "val": "1000" }, "attributes": [] },
                "memory": { "quantity": { "val": "1073741824" }, "attributes": [] },
                "storage": [],
                "gpu": { "units": { "val": cards.to_string() }, "attributes": [{ "key": "vendor/nvidia/model/h100", "value": "true" }] },
                "endpoints": []
            },
            "count": 1,
            "price": { "denom": "uact", "amount": "1000000000.000000000000000000" }
        }]
    })
}
