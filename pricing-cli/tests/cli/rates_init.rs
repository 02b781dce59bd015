//! `bidprice rates init` writes cards that load and price, and what is said of a card that somebody wrote by hand.

use crate::scripts::{Folder, Ran};

const ENVIRONMENT: &str = "# of the chart\nAKASH_FROM=provider\nexport PRICE_TARGET_CPU=\"1.25\"\n\
                           PRICE_TARGET_GPU_MAPPINGS='t4=80,a100.80Gi=1000,*=75'\n";
const ORDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/sdl/AI-Image-App_deploy.yaml");

fn shown(folder: &Folder, card: &str) -> Ran {
    let ran = folder.run(&["rates", "show", "--rates", card, "--output", "json"]);
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
    ran
}

fn value(ran: &Ran, key: &str) -> Option<String> {
    let rates = ran.json();
    let entry = rates.get("rates")?.as_array()?.iter().find(|entry| entry["key"] == key)?;
    Some(entry["value"].as_str()?.to_owned())
}

#[test]
fn a_card_of_the_scripts_variables_loads_from_a_file_and_from_the_environment() {
    let folder = Folder::new();
    folder.put("chart.env", ENVIRONMENT);
    let ran = folder.run(&["rates", "init", "--from-env-file", "chart.env"]);
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""));
    folder.put("card.toml", &ran.stdout);
    let card = shown(&folder, "card.toml");
    for (key, expected) in [
        ("rates.cpu", "1.25"),
        ("rates.gpu.\"a100.80Gi\"", "1000"),
        ("policy.unlisted_gpu", "1000"),
        ("rates.storage.ram", "0"),
    ] {
        assert_eq!(value(&card, key).as_deref(), Some(expected), "{key}");
    }
    assert_eq!(value(&card, "rates.gpu.\"*\""), None);
    let mut command = crate::programs::bidprice();
    command.args(["rates", "init"]).env("PRICE_TARGET_CPU", "1.25");
    let output = command.env("PRICE_TARGET_GPU_MAPPINGS", "t4=80,a100.80Gi=1000,*=75").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), ran.stdout);
}

#[test]
fn without_prices_the_card_has_examples_and_prices_an_order() {
    let folder = Folder::new();
    let ran = folder.run(&["rates", "init", "-o", "card.toml"]);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    assert!(std::fs::read_to_string(folder.path("card.toml")).unwrap().contains("THE PRICES OF THE GPUS ARE EXAMPLES"));
    assert_eq!(value(&shown(&folder, "card.toml"), "rates.gpu.h100").as_deref(), Some("1900"));
    let quote = folder.run(&["quote", ORDER, "--rates", "card.toml", "--inventory", "1 node x 8 t4/16Gi/pcie"]);
    assert_eq!(quote.exit, Some(0), "{}{}", quote.stdout, quote.stderr);
}

#[test]
fn a_card_of_market_prices_loads() {
    let folder = Folder::new();
    folder.put("market.csv", "gpu,usd_per_hour\nA100 80GB SXM,1.25\nRTX 4090,0.40\n");
    let ran = folder.run(&["rates", "init", "--from-market", "market.csv"]);
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.contains("# A100 80GB SXM: 1.25 USD an hour"), "{}", ran.stdout);
    folder.put("card.toml", &ran.stdout);
    let card = shown(&folder, "card.toml");
    assert_eq!(value(&card, "rates.gpu.\"a100/80Gi/sxm\"").as_deref(), Some("913.11"));
    assert_eq!(value(&card, "rates.gpu.rtx4090").as_deref(), Some("292.2"));
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force() {
    let folder = Folder::new();
    folder.put("card.toml", "mine");
    let ran = folder.run(&["rates", "init", "-o", "card.toml"]);
    assert_eq!(ran.exit, Some(1));
    assert_eq!(
        ran.stderr,
        "error: card.toml: the file exists already (name another one, or replace it with --force)\n"
    );
    assert_eq!(std::fs::read_to_string(folder.path("card.toml")).unwrap(), "mine");
    assert_eq!(folder.run(&["rates", "init", "-o", "card.toml", "--force"]).exit, Some(0));
    shown(&folder, "card.toml");
    assert_eq!(folder.run(&["rates", "init", "--force"]).exit, Some(2));
    assert_eq!(folder.run(&["rates", "init", "--from-env-file", "a", "--from-market", "b"]).exit, Some(2));
}

#[test]
fn malformed_variables_write_nothing() {
    let folder = Folder::new();
    folder.put("bad.env", "PRICE_TARGET_CPU=x\nPRICE_TARGET_GPU_MAPPINGS=t4=,h100=1\n");
    let ran = folder.run(&["rates", "init", "--from-env-file", "bad.env", "-o", "card.toml"]);
    assert_eq!((ran.exit, ran.stderr.lines().count()), (Some(1), 2), "{}", ran.stderr);
    assert!(!folder.path("card.toml").exists());
}

#[test]
fn every_error_of_a_card_is_told_at_once() {
    let folder = Folder::new();
    folder.put("bad.toml", "[rates]\ncpu = 1.6\n[rates.gpu]\na100.80Gi = \"1000\"\nt4 = \"x\"\n[polcy]\n");
    for command in [&["rates", "show"][..], &["quote", ORDER]] {
        let ran = folder.run(&[command, &["--rates", "bad.toml", "--output", "json"]].concat());
        assert_eq!(ran.exit, Some(1));
        let places: Vec<&str> = ran.stderr.lines().filter_map(|line| line.split(", at ").next()).collect();
        let expected = ["2, column 7", "4, column 1", "5, column 6", "6, column 2"];
        assert_eq!(places, expected.map(|place| format!("error: bad.toml: line {place}")), "{}", ran.stderr);
        assert!(ran.stderr.contains("(write `\"a100.80Gi\" = \"1000\"`)"), "{}", ran.stderr);
        assert_eq!(ran.json()["error"]["line"], 2);
    }
    folder.put("service.toml", "[rates]\nfile = \"bad.toml\"\n");
    let checked = folder.run(&["config", "check", "service.toml"]);
    assert!(checked.stdout.contains("refused: 4 errors, 0 warnings"), "{}", checked.stdout);
}

#[test]
fn names_that_nobody_knows_are_warnings_with_the_nearest() {
    let folder = Folder::new();
    let card = "[rates.storage]\nephemral = 1\n[rates.gpu]\nhh100 = 1\n\"nvida/t4\" = 1\nt4 = 80\n";
    folder.put("typo.toml", card);
    let names = ["(try h100)", "(try nvidia/t4)", "(try ephemeral)"];
    let show = folder.run(&["rates", "show", "--rates", "typo.toml", "--output", "json"]);
    assert_eq!((show.exit, show.stderr.lines().count()), (Some(0), 3), "{}", show.stderr);
    assert!(show.json().get("warnings").is_none());
    folder.put(
        "service.toml",
        "[listen]\nsocket = \"b.sock\"\n[rates]\nfile = \"typo.toml\"\n[feed]\nusd_per_akt = \"0.5\"\n",
    );
    let config = folder.run(&["config", "check", "service.toml"]);
    assert_eq!(config.exit, Some(0), "{}", config.stdout);
    for name in names {
        assert!(show.stderr.contains(name) && config.stdout.contains(name), "{}\n{}", show.stderr, config.stdout);
    }
    let check =
        ["rates", "check", "--rates", "typo.toml", "--inventory", "1 node x 1 t4/16Gi/pcie", "--output", "json"];
    let check = folder.run(&check);
    let findings = check.json()["findings"].clone();
    let entries: Vec<&str> = findings.as_array().unwrap().iter().filter_map(|one| one["entry"].as_str()).collect();
    assert_eq!((check.exit, entries), (Some(3), vec!["hh100", "nvida/t4", "rates.storage.ephemral"]));
    let quote = folder.run(&["quote", ORDER, "--rates", "typo.toml"]);
    assert!(quote.stderr.contains("there are 2 more findings, see `bidprice rates show`"), "{}", quote.stderr);
}
