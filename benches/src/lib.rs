//! Shared inputs of the benchmarks.

pub mod bare;
pub mod core_quote;
mod echo;
pub mod fuel;
pub mod library;
pub mod load;
pub mod plugins;
pub mod service;
pub mod share;
pub mod simulate;
pub mod site;
pub mod stats;

use pricing_core::money::Usd;
use pricing_core::rates::{GpuRate, Pricing};

/// Returns a rate card of a usual size.
#[must_use]
pub fn pricing() -> Pricing {
    const GPUS: [(&str, &str); 8] = [
        ("t4", "80"),
        ("rtx3090", "120"),
        ("rtx4090", "260"),
        ("a100.40Gi", "600"),
        ("a100.80Gi", "1000"),
        ("nvidia/a100/80Gi/sxm", "1250"),
        ("h100", "1900"),
        ("*", "130"),
    ];
    let mut pricing = Pricing::default();
    for (key, usd) in GPUS {
        let rate = Usd::parse(usd).ok().and_then(|usd| GpuRate::new(key, usd).ok());
        if let Some(rate) = rate {
            // The keys above are distinct, so adding never fails.
            let _ = pricing.rates.gpu.add(rate);
        }
    }
    pricing
}
