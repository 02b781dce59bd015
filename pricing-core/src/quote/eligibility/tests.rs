use super::*;
use crate::order::{Conditions, detect};
use crate::quote::{QuoteRequest, Supply, Terms, quote, screen};
use crate::rates::Pricing;

const AUDITOR: &str = "akash1daveqqqqqqqqqqqqqqqqqqqqqqqqqqqq7ga7ws";

/// An order with requirements, a number of units, and a number of volumes in each.
fn order(requirements: &str, volumes: usize, units: u32) -> Order {
    let volume = r#"{"name":"v","quantity":{"val":"1048576"}}"#;
    let volumes = vec![volume; volumes].join(",");
    let unit = |id| {
        format!(
            r#"{{"resource":{{"id":{id},"cpu":{{"units":{{"val":"1000"}}}},"memory":{{"quantity":{{"val":"1048576"}}}},
            "storage":[{volumes}]}},"count":1,"price":{{"denom":"uact","amount":"1000"}}}}"#
        )
    };
    let units: Vec<String> = (1..=units).map(unit).collect();
    let text = format!(r#"{{"name":"g","requirements":{{{requirements}}},"resources":[{}]}}"#, units.join(","));
    detect::read(&text, None).unwrap().remove(0)
}

fn provider(section: &str) -> Provider {
    let text = format!("[provider]\n{section}\n");
    crate::rates::toml::read_sections(&text).unwrap().provider.unwrap()
}

fn code(order: &Order, section: &str) -> &'static str {
    check(order, &provider(section)).map_or_else(|reason| reason.code.name(), |()| "passed")
}

#[test]
fn attributes_are_compared_by_key_and_value() {
    let asked = |attributes: &str| order(&format!(r#""attributes":[{attributes}]"#), 1, 1);
    let region = r#"{"key":"region","value":"us-west"}"#;
    let both = format!(r#"{region},{{"key":"tier","value":"community"}}"#);
    let has = |attributes: &str| format!("attributes = {{ {attributes} }}");
    assert_eq!(code(&asked(""), ""), "passed");
    assert_eq!(code(&asked(region), &has(r#"region = "us-west", tier = "x""#)), "passed");
    assert_eq!(code(&asked(&both), &has(r#"region = "us-west", tier = "community""#)), "passed");
    for attributes in ["", r#"region = "us-east""#, r#"Region = "us-west""#, r#"region = "US-WEST""#] {
        assert_eq!(code(&asked(region), &has(attributes)), "incompatible-attributes", "{attributes}");
    }
    assert_eq!(code(&asked(&both), &has(r#"region = "us-west""#)), "incompatible-attributes");
}

#[test]
fn a_star_at_the_end_of_a_key_stands_for_a_word() {
    let asked = |key: &str| order(&format!(r#""attributes":[{{"key":"{key}","value":"beta3"}}]"#), 1, 1);
    let has = r#"attributes = { "capabilities/storage/1" = "beta3", "capabilities/storage/2/class" = "beta2" }"#;
    for (key, expected) in [
        ("capabilities/storage/*", "passed"),
        ("capabilities/stor*", "incompatible-attributes"),
        ("capabilities/storage/2/*", "incompatible-attributes"),
        ("*", "incompatible-attributes"),
    ] {
        assert_eq!(code(&asked(key), has), expected, "{key}");
    }
}

#[test]
fn auditors_are_all_asked_for_or_any() {
    let signed = |all: &[&str], any: &[&str]| {
        let list = |names: &[&str]| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
        order(&format!(r#""signed_by":{{"all_of":[{}],"any_of":[{}]}}"#, list(all), list(any)), 1, 1)
    };
    let audited = format!("audited_by = [\"{AUDITOR}\"]");
    for (all, any, expected) in [
        (&[][..], &[][..], "passed"),
        (&[AUDITOR], &[], "passed"),
        (&[], &["akash1other", AUDITOR], "passed"),
        (&[AUDITOR], &["akash1other"], "unsigned-attributes"),
        (&[AUDITOR, "akash1other"], &[], "unsigned-attributes"),
        (&[], &["akash1other"], "unsigned-attributes"),
    ] {
        assert_eq!(code(&signed(all, any), &audited), expected, "{all:?} {any:?}");
    }
    assert_eq!(code(&signed(&[AUDITOR], &[]), ""), "unsigned-attributes");
}

#[test]
fn volumes_are_counted_for_each_unit() {
    for (volumes, units, section, expected) in [
        (4, 1, "", "passed"),
        (5, 1, "", "too-many-volumes"),
        (1, 9, "", "passed"),
        (5, 1, "volumes = 5", "passed"),
        (1, 1, "volumes = 0", "too-many-volumes"),
    ] {
        assert_eq!(code(&order("", volumes, units), section), expected, "{volumes} {units} {section}");
    }
}

#[test]
fn a_window_is_long_enough_when_it_is_as_long_as_is_asked_for() {
    let asked = |seconds| {
        let conditions =
            Conditions { min_reclamation: Some(core::time::Duration::from_secs(seconds)), ..Conditions::default() };
        Order { conditions, ..order("", 1, 1) }
    };
    assert_eq!(code(&asked(86_400), "reclamation_window = \"24h\""), "passed");
    assert_eq!(code(&asked(86_401), "reclamation_window = \"24h\""), "reclamation-window");
    assert_eq!(code(&asked(3_600), ""), "reclamation-window");
}

#[test]
fn every_hostname_of_an_order_must_be_free() {
    let asked = |names: &[&str]| {
        let hostnames = names.iter().map(|name| (*name).into()).collect();
        Order { conditions: Conditions { hostnames, ..Conditions::default() }, ..order("", 1, 1) }
    };
    let blocked = r#"blocked_hostnames = ["foobar.com", ".bobsdefi.com"]"#;
    for (names, expected) in [
        (&["other.org"][..], "passed"),
        (&["other.org", "FOOBAR.com"], "hostname-unavailable"),
        (&["accounts.bobsdefi.com"], "hostname-unavailable"),
        (&["bobsdefi.com", "x.foobar.com"], "passed"),
    ] {
        assert_eq!(code(&asked(names), blocked), expected, "{names:?}");
    }
}

#[test]
fn quotes_and_screenings_are_declined_before_anything_is_priced() {
    let mut pricing = Pricing { provider: Some(Provider::default()), ..Pricing::default() };
    let order = order(r#""attributes":[{"key":"region","value":"us-west"}]"#, 1, 1);
    let terms = Terms::default();
    let declined = |pricing: &Pricing| {
        let quoted =
            quote(&QuoteRequest::new(&order, pricing, Supply::Unknown, &terms)).reason().map(|reason| reason.code);
        assert_eq!(
            quoted,
            screen(&QuoteRequest::new(&order, pricing, Supply::Unknown, &terms)).err().map(|reason| reason.code)
        );
        let draft = crate::quote::plugin::draft(&QuoteRequest::new(&order, pricing, Supply::Unknown, &terms));
        assert_eq!(quoted, draft.quote().reason().map(|reason| reason.code));
        quoted
    };
    assert_eq!(declined(&pricing), Some(ReasonCode::IncompatibleAttributes));
    pricing.provider = None;
    assert_eq!(declined(&pricing), None);
}
