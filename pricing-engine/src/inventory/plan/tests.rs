use super::*;
use crate::config::Span;

const FINGERPRINT: &str =
    "ab:cd:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD";

fn config(change: impl FnOnce(&mut config::Inventory)) -> config::Inventory {
    let mut config = config::Inventory::default();
    change(&mut config);
    config
}

fn provider(address: &str) -> config::Inventory {
    config(|config| config.provider = Some(address.to_owned()))
}

fn problem(config: &config::Inventory) -> String {
    Plan::of(config).unwrap_err().to_string()
}

#[test]
fn without_a_source_there_is_no_plan() {
    assert!(Plan::of(&config::Inventory::default()).unwrap().is_none());
}

#[test]
fn an_address_is_a_scheme_a_host_and_a_port() {
    let peer = |address: &str| match Plan::of(&provider(address)).unwrap().unwrap().source {
        InventorySource::Peer(peer) => (peer.host, peer.port, peer.tls.is_some()),
        InventorySource::File(_) => panic!("{address}"),
    };
    assert_eq!(peer("http://operator-inventory:8081"), ("operator-inventory".into(), 8081, false));
    assert_eq!(peer("http://[::1]/"), ("::1".into(), 80, false));
    for (address, expected) in [
        ("localhost:8444", "has neither `http://` nor `https://`"),
        ("ftp://host", "has neither"),
        ("http://host/status", "has a path"),
        ("http://me@host", "has a user name"),
        ("http://", "is not an address"),
        ("", "is not an address"),
    ] {
        let problem = problem(&provider(address));
        assert!(problem.starts_with("inventory.provider: ") && problem.contains(expected), "{address}: {problem}");
    }
}

#[test]
fn a_fingerprint_is_checked_at_the_start() {
    let with = |fingerprint: &str| config::Inventory {
        fingerprint: Some(fingerprint.to_owned()),
        ..provider("https://127.0.0.1:8444")
    };
    for good in [FINGERPRINT, &FINGERPRINT.replace(':', "")] {
        assert!(Plan::of(&with(good)).unwrap().is_some());
    }
    for bad in ["", "abcd", &FINGERPRINT.replace("dd", "dg"), &FINGERPRINT[3..], &format!("{FINGERPRINT}:00"), "+f"] {
        assert!(problem(&with(bad)).contains("not a SHA-256 fingerprint"), "{bad}");
    }
    let plain = config::Inventory { provider: Some("http://host".to_owned()), ..with(FINGERPRINT) };
    assert!(problem(&plain).contains("only an `https://` address has"));
    let both = config::Inventory { ca: Some("ca.pem".into()), ..with(FINGERPRINT) };
    assert!(problem(&both).contains("exclude each other"));
    let file = config::Inventory { provider: None, file: Some("inventory.json".into()), ..with(FINGERPRINT) };
    assert!(problem(&file).contains("a file has no certificate"));
}

#[test]
fn an_authority_that_cannot_be_read_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let with = config::Inventory { ca: Some(path.clone()), ..provider("https://host:1") };
    assert!(problem(&with).starts_with("inventory.ca: "));
    std::fs::write(&path, "no certificate").unwrap();
    assert!(problem(&with).contains("it has no certificate"));
}

#[test]
fn a_silent_source_is_asked_again_well_within_its_age() {
    let plan = |max_age, silence| {
        let config = config::Inventory { max_age, silence, ..provider("http://host") };
        Plan::of(&config).map(|plan| plan.unwrap().silence)
    };
    assert_eq!(plan(Span::secs(600), Span::secs(120)).unwrap(), Duration::from_secs(120));
    assert_eq!(plan(Span::secs(100), Span::secs(120)).unwrap(), Duration::from_secs(50));
    assert_eq!(plan(Span::secs(600), Span::secs(0)).unwrap(), Duration::from_secs(300));
    assert!(plan(Span::secs(0), Span::secs(1)).unwrap_err().to_string().starts_with("inventory.max_age: "));
}

#[test]
fn what_makes_a_source_another_one() {
    let plan = |change: fn(&mut config::Inventory)| {
        let mut config =
            config::Inventory { fingerprint: Some(FINGERPRINT.to_owned()), ..provider("https://host:8444") };
        change(&mut config);
        Plan::of(&config).unwrap().unwrap()
    };
    let same = plan(|_| {});
    assert!(same.has_source_of(&plan(|config| config.max_age = Span::secs(1))));
    assert!(same.has_source_of(&plan(|config| config.fingerprint = Some(FINGERPRINT.replace(':', "")))));
    assert!(!same.has_source_of(&plan(|config| config.fingerprint = Some("00".repeat(32)))));
    assert!(!same.has_source_of(&plan(|config| config.provider = Some("https://host:8445".into()))));
    assert!(!same.has_source_of(&plan(|config| config.operator = config.provider.take())));
}
