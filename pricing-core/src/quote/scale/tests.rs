use std::collections::BTreeMap;

use super::*;
use crate::order::{Order, detect};
use crate::quote::{QuoteRequest, Supply, Terms};
use crate::rates::Pricing;

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap().0
}

#[test]
fn amounts_are_read_as_the_daemon_reads_them() {
    for (text, shown) in [
        ("0.50", "0.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+5", "5"),
        ("1e30", "1000000000000000000000000000000"),
        ("12.5E1", "125"),
        ("1.5e-3", "0.0015"),
        ("100", "100"),
        ("0e5", "0"),
        ("-0.0", "0"),
        ("12.345678901234567890123", "12.345678901234567890123"),
    ] {
        assert_eq!(
            Amount::parse(text).map(|(amount, negative)| (amount.to_string(), negative)),
            Ok((shown.to_owned(), false))
        );
    }
    assert!(Amount::parse("-0.5").unwrap().1);
    for text in
        ["", ".", "-", "e5", "1e", "1e1.5", "1_000", " 1", "0x10", "NaN", "1,5", "1e1001", "--1", &"1".repeat(201)]
    {
        assert!(Amount::parse(text).is_err(), "{text}");
    }
}

#[test]
fn amounts_are_computed_exactly_and_compared_by_value() {
    let long = amount("0.333333333333333333").times(&amount("12.345678901234567890123"));
    assert_eq!(long.to_string(), "4.115226300411522625925773699588477369959");
    assert_eq!(
        amount("0.5").plus(&amount("99999999999999999999999999999.5")).to_string(),
        "100000000000000000000000000000"
    );
    assert!(amount("0.10") == amount("0.1") && amount("0.11") > amount("0.1") && amount("2") < amount("10.0"));
    assert_eq!(amount("1e30").decimal(), None);
    assert_eq!(amount("1.5").decimal(), Some(rust_decimal::Decimal::new(15, 1)));
}

#[test]
fn bytes_become_mib_with_16_decimals_halves_away_from_zero() {
    let mib = |bytes: u64| mebibytes(&BigUint::from(bytes)).to_string();
    assert_eq!(mib(1 << 20), "1");
    // 1 / 2^20 is 0.00000095367431640625.
    assert_eq!(mib(1), "0.0000009536743164");
    // 5 / 2^20 is 0.00000476837158203125.
    assert_eq!(mib(5), "0.000004768371582");
    assert_eq!(mib(u64::MAX), "17592186044415.9999990463256836");
}

#[test]
fn the_daemons_variables_are_read_and_what_it_refuses_is_named() {
    let read = |set: &[(&str, &str)]| {
        let set: BTreeMap<&str, &str> = set.iter().copied().collect();
        Scales::read(|name| set.get(name).map(|text| (*text).to_owned())).map_err(|error| error.to_string())
    };
    let scales = read(&[("AKASH_BID_PRICE_CPU_SCALE", "0.004"), (STORAGE, "0.1,beta2=0.2")]).unwrap();
    assert_eq!((scales.cpu, scales.memory), (amount("0.004"), amount("0")));
    assert_eq!(
        scales.storage,
        BTreeMap::from([("beta2".to_owned(), amount("0.2")), ("ephemeral".to_owned(), amount("0.1"))])
    );
    // Empty is unset.
    assert_eq!(read(&[(STORAGE, ""), ("AKASH_BID_PRICE_IP_SCALE", "5")]).unwrap().storage["ephemeral"], amount("0"));
    for (set, problem) in [
        (&[][..], "at least one bid price must be a non-zero number"),
        (&[(STORAGE, "0.1,beta2=0")], "at least one bid price must be a non-zero number"),
        (&[("AKASH_BID_PRICE_CPU_SCALE", "-1")], "scale price cannot be negative"),
        (&[("AKASH_BID_PRICE_CPU_SCALE", "cheap")], "at `AKASH_BID_PRICE_CPU_SCALE`: `cheap` is not a decimal number"),
        (&[(STORAGE, "0.1,")], "is not a decimal number"),
        (&[(STORAGE, "beta1=beta2=0.1")], "at `AKASH_BID_PRICE_STORAGE_SCALE: beta1=beta2=0.1`"),
    ] {
        let error = read(set).unwrap_err();
        assert!(error.contains(problem), "{set:?}: {error}");
    }
    assert!(read(&[(STORAGE, "0.1")]).is_ok(), "storage alone will do");
    let names = |name: &str| Scales::check_names([name]).map_err(|error| error.to_string());
    assert!(names("AKASH_BID_PRICE_CPU_SCALE").is_ok() && names("AKASH_BID_PRICE_STRATEGY").is_ok());
    assert!(names("AKASH_BID_PRICE_MEM_SCALE").unwrap_err().contains("AKASH_BID_PRICE_"));
}

fn order(storage: &str, max: &str) -> Order {
    let text = format!(
        r#"{{"name":"g","resources":[{{"resource":{{"id":1,"cpu":{{"units":{{"val":"1000"}}}},
        "memory":{{"quantity":{{"val":"1048576"}}}},"storage":[{storage}],"gpu":{{"units":{{"val":"0"}}}},
        "endpoints":[{{"kind":"SHARED_HTTP"}},{{"kind":"LEASED_IP","sequence_number":1}},
        {{"kind":"LEASED_IP","sequence_number":1}}]}},"count":3,"price":{{"denom":"ufoo","amount":"{max}"}}}}]}}"#
    );
    detect::read(&text, None).unwrap().remove(0)
}

fn scales(plain: [&str; 4]) -> Scales {
    Scales::new(plain, &BTreeMap::from([("ephemeral".to_owned(), "1".to_owned())])).unwrap()
}

#[test]
fn endpoints_count_once_for_each_unit_and_leased_ips_once_for_each_address() {
    let order = order("", "1000000");
    let price = |plain| scales(plain).price(&order).unwrap().to_string();
    assert_eq!(price(["1", "0", "0", "0"]), "3000");
    assert_eq!(price(["0", "1", "0", "0"]), "3");
    assert_eq!(price(["0", "0", "1", "0"]), "3");
    assert_eq!(price(["0", "0", "0", "1"]), "1");
}

#[test]
fn a_volume_that_does_not_persist_is_ephemeral_whatever_its_class() {
    let volume = |class: &str, persistent: &str| {
        format!(
            r#"{{"name":"v","quantity":{{"val":"1048576"}},"attributes":[{{"key":"class","value":"{class}"}},
            {{"key":"persistent","value":"{persistent}"}}]}}"#
        )
    };
    let price = |class: &str, persistent: &str| {
        scales(["0", "0", "0", "0"]).price(&order(&volume(class, persistent), "1")).map(|price| price.to_string())
    };
    assert_eq!(price("ram", "false").unwrap(), "3");
    assert_eq!(price("beta3", "false").unwrap(), "3");
    assert_eq!(price("beta3", "true"), Err(ScaleFault::NoClass("beta3".to_owned())));
}

#[test]
fn a_bid_by_scales_is_exact_in_any_denom_and_held_against_the_maximum() {
    let scales = scales(["0.333333333333333333", "0", "0", "0"]);
    let pricing = Pricing::default();
    let quoted =
        |max: &str| quote(&QuoteRequest::new(&order("", max), &pricing, Supply::Unknown, &Terms::default()), &scales);
    let bid = quoted("1000");
    assert_eq!(bid.decision.unwrap().to_string(), "999.999999999999999");
    assert_eq!((bid.denom.as_str(), bid.quote.usd_per_month), ("ufoo", None));
    assert!(bid.quote.price().is_some());
    let dear = quoted("333.333333333333332").decision.unwrap_err();
    assert_eq!(dear.code, ReasonCode::PriceAboveMax);
}

#[test]
fn a_bid_with_more_digits_than_other_pricers_keep_is_still_exact() {
    let scales = scales(["123456789012.123456789012345678", "0", "0", "0"]);
    let order = order("", "1000000000000000");
    let bid = quote(&QuoteRequest::new(&order, &Pricing::default(), Supply::Unknown, &Terms::default()), &scales);
    assert_eq!(bid.decision.unwrap().to_string(), "370370367036370.370367037037034");
    let scales = Scales { cpu: amount("0.000000000000000001"), ip: amount("123456789012"), ..scales };
    let bid = quote(&QuoteRequest::new(&order, &Pricing::default(), Supply::Unknown, &Terms::default()), &scales);
    assert_eq!(bid.decision.unwrap().to_string(), "123456789012.000000000000003");
    let scales = Scales { ip: amount("12345678901234.000000000000000001"), ..scales };
    let bid = quote(&QuoteRequest::new(&order, &Pricing::default(), Supply::Unknown, &Terms::default()), &scales);
    assert_eq!(bid.decision.unwrap().to_string(), "12345678901234.000000000000003001");
    assert_eq!(bid.quote.reason().unwrap().code, ReasonCode::ArithmeticOverflow);
}
