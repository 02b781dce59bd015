//! A tenant's text is only ever shown as an excerpt, whichever field of the order it is in and whichever message shows
//! it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a broken test case must say so at once")]

use pricing_core::order::script_request::{self, parse};
use pricing_core::order::{Order, detect};
use pricing_core::quote::compat::{self, CompatAnswer, CompatRates};
use pricing_core::quote::{self, Quote, Supply, Terms};
use pricing_core::rates::Pricing;
use pricing_core::text::Untrusted;
use serde_json::{Value, json};

/// Returns a text that controls a terminal, reverses the writing direction, imitates a line of our log, and is very
/// long.
fn hostile() -> String {
    format!("\u{1b}]0;x\u{7}\u{202e}\nINFO all is well{}", "x".repeat(1 << 20))
}

fn harmless(text: &str) {
    assert!(text.chars().count() < 4_000, "{} characters", text.chars().count());
    let drives = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!text.contains(drives), "{text:?}");
}

/// Makes a request in which one field has this text.
fn request(place: &str, text: &str) -> String {
    let mut request = json!({
        "resources": [{
            "memory": 1_073_741_824, "cpu": 1000, "count": 1, "endpoint_quantity": 1, "ip_lease_quantity": 0,
            "gpu": { "units": 1, "attributes": { "vendor": { "nvidia": { "model": "t4", "ram": "16Gi" } } } },
            "storage": [{ "class": "ephemeral", "size": 1_073_741_824 }],
        }],
        "price": { "denom": "uact", "amount": "1000000" },
        "price_precision": 6,
    });
    if place == "vendor" {
        let mut vendors = serde_json::Map::new();
        vendors.insert(text.to_owned(), json!({ "model": "t4" }));
        request["resources"][0]["gpu"]["attributes"]["vendor"] = Value::Object(vendors);
    } else {
        *request.pointer_mut(place).unwrap() = text.into();
    }
    request.to_string()
}

const PLACES: [&str; 6] = [
    "/resources/0/storage/0/class",
    "/resources/0/gpu/attributes/vendor/nvidia/model",
    "/resources/0/gpu/attributes/vendor/nvidia/ram",
    "vendor",
    "/price/denom",
    "/price/amount",
];

fn quoted(order: &Order, owner: &str, pricing: &Pricing) -> Quote {
    let terms = Terms { owner: Some(Untrusted::new(owner)), ..Terms::default() };
    quote::quote(&quote::QuoteRequest::new(order, pricing, Supply::Unknown, &terms))
}

#[test]
fn a_hostile_text_of_an_order_is_an_excerpt_in_every_message() {
    for place in PLACES {
        let text = request(place, &hostile());
        match script_request::read(&text) {
            Ok(order) => {
                let reason = quoted(&order, "akash1x", &Pricing::default()).reason().unwrap().to_string();
                harmless(&reason);
                assert!(reason.contains('…') || place.ends_with("ram"), "{place}: {reason}");
            }
            Err(error) => harmless(&error.to_string()),
        }
        let rates = CompatRates::from_environment(|_| None);
        let card = CompatRates::from_pricing(&Pricing::default()).unwrap();
        let Ok(request) = parse(&text) else { continue };
        for rates in [rates, card] {
            let terms = compat::Terms::default();
            match compat::price(&request, &rates, &terms) {
                CompatAnswer::Refused(refusal) => harmless(&refusal.to_string()),
                CompatAnswer::Price(_) => {}
            }
        }
    }
}

#[test]
fn a_hostile_owner_is_an_excerpt_and_on_no_list() {
    let order = script_request::read(&request("/price/denom", "uact")).unwrap();
    let owner = hostile();
    for list in ["allow", "deny"] {
        let text =
            format!("[rates]\ncpu = 1\n[policy.owners]\n{list} = [\"akash1tenantqqqqqqqqqqqqqqqqqqqqqqqqqq7wpl8u\"]\n");
        let pricing = pricing_core::rates::toml::read(&text).unwrap();
        let quote = quoted(&order, &owner, &pricing);
        harmless(&quote.reason().unwrap().to_string());
        let parsed = request("/price/denom", "uact");
        let rates = CompatRates::from_pricing(&pricing).unwrap();
        let terms = compat::Terms { owner: Untrusted::new(&owner), ..compat::Terms::default() };
        harmless(&compat::price(&parse(&parsed).unwrap(), &rates, &terms).to_string());
    }
}

#[test]
fn a_group_and_its_denoms_are_excerpts_where_they_are_told_of_and_themselves_in_json() {
    let unit = |id: u32, denom: &str| {
        json!({
            "resource": {
                "id": id, "cpu": { "units": { "val": "1000" } }, "memory": { "quantity": { "val": "1073741824" } },
                "gpu": { "units": { "val": "0" } }, "storage": [], "endpoints": [],
            },
            "count": 1, "price": { "denom": denom, "amount": "10" },
        })
    };
    let requirements = json!({ "signed_by": { "all_of": [], "any_of": [] }, "attributes": [] });
    let group = |name: &str, units: Value| {
        json!({ "name": name, "requirements": requirements, "resources": units }).to_string()
    };
    let mixed = group("web", json!([unit(1, &hostile()), unit(2, "uakt")]));
    harmless(&detect::read(&mixed, None).unwrap_err().to_string());
    let named = group(&hostile(), json!([unit(1, "uact")]));
    let order = detect::read(&named, None).unwrap().swap_remove(0);
    let quote = quoted(&order, "akash1x", &Pricing::default());
    harmless(&quote.group.to_string());
    harmless(&format!("{:?}", quote.group));
    assert_eq!(serde_json::to_value(&quote).unwrap()["group"], json!(hostile()));
}
