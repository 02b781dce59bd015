//! Writes rate cards for people to go on with: TOML with a comment for each line, which says what it is and its unit.
//!
//! [`of_script`] writes one that prices as the generic bid price script does by its variables. Where the card has
//! another rule than the script, a comment says so. [`of_market`] takes prices of the market, and [`example`] made-up
//! ones.

use core::fmt::Write;

use rust_decimal::Decimal;

use super::{Pricing, environment};
use crate::input::InputError;
use crate::money::Usd;
use crate::text::{excerpt, printable};

/// The column at which a comment behind a value begins.
const COMMENT_COLUMN: usize = 32;
/// The most characters of a line that is only a comment.
const COMMENT_WIDTH: usize = 110;
/// What the script charges at least for a card that it has no mapping for.
const SCRIPT_CATCH_ALL_USD: u32 = 100;

/// The example entries, each with what it shows.
const EXAMPLES: [(&str, &str, &str); 6] = [
    ("t4", "80", "a model, whatever its RAM and interface"),
    ("rtx4090", "260", "a model"),
    ("a100.40Gi", "600", "a model with its RAM"),
    ("a100.80Gi", "1000", "a model with its RAM"),
    ("nvidia/a100/80Gi/sxm", "1250", "vendor, model, RAM and interface"),
    ("h100", "1900", "a model"),
];

/// A price of the market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketPrice {
    /// The GPU key of the card.
    pub key: String,
    /// USD a month.
    pub usd: Usd,
    /// Where the price comes from, for people.
    pub note: String,
}

/// A rate card that is being written.
struct Card {
    text: String,
}

/// A rate card with the defaults of the generic bid price script, and with example prices for GPUs.
#[must_use]
pub fn example() -> String {
    let mut card = Card::new(&[
        "A rate card for bidprice. THE PRICES OF THE GPUS ARE EXAMPLES: put your own in before you bid with it.",
        "The other rates are the defaults of the network's generic bid price script.",
    ]);
    let pricing = Pricing::default();
    card.rates(&pricing);
    card.storage(&pricing, &[]);
    card.gpus();
    for (key, usd, what) in EXAMPLES {
        card.line(&quoted(key), usd, &format!("EXAMPLE: {what}"));
    }
    card.comment(&["A card that no entry matches is declined. An entry for all of them:"]);
    card.text.push_str("# \"*\" = \"130\"\n");
    card.policy("decline", "an order for a card that has no entry: decline, or a price in USD a month", &[]);
    card.text
}

/// A rate card with the prices of the generic bid price script, by its variables.
///
/// # Errors
/// When a variable is malformed: everything that is wrong.
pub fn of_script(variable: impl Fn(&str) -> Option<String>) -> Result<String, Vec<InputError>> {
    let pricing = environment::inspect(variable)?;
    let mut card = Card::new(&["A rate card for bidprice, from the PRICE_TARGET_* variables of the bid price script."]);
    card.rates(&pricing);
    // The script does not look at these classes at all.
    card.storage(
        &pricing,
        &[("ram", "memory as a volume: the script charges nothing"), ("default", "the script charges nothing")],
    );
    card.gpus();
    card.comment(&[
        "The script looks for `model.ram.interface` as the order writes it, then without its last part, then for the model. \
         This card takes the most specific entry for the card that the order gets. Where an order names only the model, \
         the script takes the entry of the model, and this card the dearest variant that the order may get.",
    ]);
    let wildcard = |key: &str| key == "*";
    for rate in pricing.rates.gpu.entries().iter().filter(|rate| !wildcard(rate.key())) {
        card.line(&quoted(rate.key()), &rate.usd().to_string(), "");
    }
    if let Some(rate) = pricing.rates.gpu.entries().iter().find(|rate| wildcard(rate.key())) {
        card.comment(&[
            "The script takes `*` only for an order that leaves the model open, and not for other models without an entry. \
             This card prices such an order by the card that it gets: the dearest that it may be. To price every card \
             without an entry at this rate, take the next line in, and `unlisted_gpu` out:",
        ]);
        let _ = writeln!(card.text, "# \"*\" = \"{}\"", rate.usd());
    }
    let dearest = pricing.rates.gpu.dearest().map(|rate| rate.usd());
    let catch_all = Usd::from_decimal(Decimal::from(SCRIPT_CATCH_ALL_USD));
    let unlisted = dearest.map_or(catch_all, |dearest| dearest.max(catch_all)).to_string();
    let rule = "the script charges a card without a mapping as much as its dearest one, and at least 100; \"decline\" makes \
                no bid for it";
    card.policy(&unlisted, "a card without an entry, in USD a month", &[rule]);
    Ok(card.text)
}

/// What an hour's price of a card becomes in a rate card.
pub const HOURLY: &str = "An hour's price is multiplied by the 730.488 hours of a month, and rounded to cents.";

/// A rate card with prices of the market. `source` is where they come from and `how` how they became rates, for people.
#[must_use]
pub fn of_market(prices: &[MarketPrice], source: &str, how: &str) -> String {
    let mut card = Card::new(&[
        &format!("A rate card for bidprice, with the market's prices of GPUs from {}.", excerpt(source)),
        &format!("{how} The other rates are the defaults of the network's generic bid price script."),
    ]);
    let pricing = Pricing::default();
    card.rates(&pricing);
    card.storage(&pricing, &[]);
    card.gpus();
    for price in prices {
        card.line(&quoted(&price.key), &price.usd.to_string(), &price.note);
    }
    card.policy("decline", "an order for a card that has no entry: decline, or a price in USD a month", &[]);
    card.text
}

impl Card {
    /// A card with comments at its head.
    fn new(head: &[&str]) -> Self {
        let mut card = Self { text: String::new() };
        card.comment(head);
        card.comment(&[
            "Every rate is in USD a month. Numbers are in quotes, because TOML's own decimals are not exact. See \
             docs/rates.md for every key.",
        ]);
        card
    }

    /// Adds paragraphs of comments, wrapped.
    fn comment(&mut self, paragraphs: &[&str]) {
        for paragraph in paragraphs {
            let mut line = String::from("#");
            for word in printable(paragraph).split_whitespace() {
                if line.chars().count().saturating_add(word.chars().count()) >= COMMENT_WIDTH {
                    self.text.push_str(&line);
                    line = String::from("\n#");
                }
                line.push(' ');
                line.push_str(word);
            }
            self.text.push_str(&line);
            self.text.push('\n');
        }
    }

    fn section(&mut self, header: &str, comment: &str) {
        let _ = writeln!(self.text, "\n{header:<COMMENT_COLUMN$}# {comment}");
    }

    /// Adds a key and its value, and a comment behind them.
    fn line(&mut self, key: &str, value: &str, comment: &str) {
        let line = format!("{key} = \"{value}\"");
        let _ = match comment {
            "" => writeln!(self.text, "{line}"),
            _ => {
                writeln!(self.text, "{line:<width$} # {}", printable(comment), width = COMMENT_COLUMN.saturating_sub(1))
            }
        };
    }

    fn rates(&mut self, pricing: &Pricing) {
        let rates = &pricing.rates;
        self.section("[rates]", "USD a month");
        self.line("cpu", &rates.cpu.to_string(), "a thread");
        self.line("memory", &rates.memory.to_string(), "a GiB");
        self.line("endpoint", &rates.endpoint.to_string(), "an endpoint of any kind, leased IPs included");
        self.line("ip", &rates.ip.to_string(), "a leased IP");
    }

    /// Adds the storage classes, and those that are free.
    fn storage(&mut self, pricing: &Pricing, free: &[(&str, &str)]) {
        self.section("[rates.storage]", "USD a month for a GiB, by class");
        let classes = [
            ("ephemeral", "the container's own disk, lost when it ends"),
            ("beta1", "persistent, on hard disks"),
            ("beta2", "persistent, on SSDs"),
            ("beta3", "persistent, on NVMe drives"),
        ];
        for (class, what) in classes {
            if let Some(usd) = pricing.rates.storage.get(class) {
                self.line(class, &usd.to_string(), what);
            }
        }
        for (class, why) in free {
            self.line(class, "0", why);
        }
    }

    fn gpus(&mut self) {
        self.section("[rates.gpu]", "USD a month for a card; the most specific entry wins");
    }

    /// Adds the policy: `unlisted_gpu` with its comment and more about it, and the defaults of the rest.
    fn policy(&mut self, unlisted: &str, comment: &str, more: &[&str]) {
        self.section("[policy]", "choices other than rates");
        self.line("unlisted_gpu", unlisted, comment);
        self.comment(more);
        self.line(
            "ambiguous_gpu",
            "highest",
            "what an order may get several cards for: highest | lowest | expected | likely | decline",
        );
        self.line("pending", "warn", "if Kubernetes would probably find no node for a replica: warn | decline");
        self.line("minimum_usd_per_month", "0", "what an order must cost at least, in USD a month");
        self.line("below_minimum", "decline", "an order below that: decline | raise");
    }
}

/// A key in quotes. GPU keys have no character that TOML would have escaped: no blank, quote or backslash is in a name
/// that a card can have, and others are escaped all the same.
fn quoted(key: &str) -> String {
    let mut quoted = String::from("\"");
    for c in key.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
