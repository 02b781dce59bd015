//! An inventory in words, wherever the command line takes one, and what else a value may be.

use crate::scripts::Folder;

const ORDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/sdl/AI-Image-App_deploy.yaml");
const WORDS: &str = "2 nodes x 8 t4/16Gi/pcie";

#[test]
fn every_command_that_takes_an_inventory_takes_words() {
    let folder = Folder::new();
    folder.put("rates.toml", "[rates.gpu]\nt4 = 80\n");
    let commands: [&[&str]; 5] = [
        &["quote", ORDER, "--rates", "rates.toml", "--inventory", WORDS],
        &["reserve", ORDER, "--inventory", WORDS],
        &["rates", "check", "--rates", "rates.toml", "--inventory", WORDS],
        &["inventory", "check", WORDS],
        &["diff", "rates.toml", "rates.toml", "--orders", ORDER, "--inventory", WORDS],
    ];
    for command in commands {
        let ran = folder.run(command);
        assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""), "{command:?}: {}", ran.stdout);
    }
    let reserved = folder.run(&["reserve", ORDER, "--inventory", WORDS, "--output", "json"]);
    assert_eq!(reserved.json()["reservations"][0]["allocated"][0]["nodes"][0], "node1");
}

#[test]
fn a_file_is_read_before_words() {
    let folder = Folder::new();
    folder.put(WORDS.split('/').next().unwrap(), "{}");
    let name = WORDS.split('/').next().unwrap();
    let ran = folder.run(&["inventory", "check", name]);
    assert_eq!(ran.exit, Some(1), "{}", ran.stdout);
}

#[test]
fn what_is_neither_is_told_both_ways() {
    let folder = Folder::new();
    for (value, problem) in [
        ("absent.json", "expected a number of nodes"),
        ("2 nodes x 8", "expected a number of cards"),
        ("2 nodes x 8 nvida/h100", "did you mean `nvidia`?"),
    ] {
        let ran = folder.run(&["reserve", ORDER, "--inventory", value, "--output", "json"]);
        assert_eq!(ran.exit, Some(1));
        let error = ran.json()["error"].clone();
        assert_eq!(error["code"], "unreadable-input");
        let message = error["message"].as_str().unwrap();
        for part in ["there is no such file, and it is not an inventory in words", problem, "name a file, or `-`"] {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn orders_that_would_hang_are_findings_with_the_daemons_factors() {
    let folder = Folder::new();
    let unit = |id: u32, threads: u32, cards: u32| {
        let attributes = if cards > 0 { r#"[{"key":"vendor/nvidia/model/a100","value":"true"}]"# } else { "[]" };
        format!(
            r#"{{"resource":{{"id":{id},"cpu":{{"units":{{"val":"{threads}000"}}}},"memory":{{"quantity":{{"val":"4294967296"}}}},
            "gpu":{{"units":{{"val":"{cards}"}},"attributes":{attributes}}},"storage":[],"endpoints":[]}},"count":1,
            "price":{{"denom":"uact","amount":"1000000000"}}}}"#
        )
    };
    let units = [unit(1, 2, 0), unit(2, 7, 1)].join(",");
    folder.put("order.json", &format!(r#"{{"name":"g","requirements":{{}},"resources":[{units}]}}"#));
    // Kubernetes puts the small pod on the larger node, which alone has a card, and the large one fits there only.
    let nodes = "1 node, 4 cpu, 64Gi memory + 1 node x 1 a100/80Gi/sxm, 8 cpu, 64Gi memory";
    let problems = |more: &[&str]| {
        let ran =
            folder.run(&[&["inventory", "check", nodes, "--orders", "order.json", "--output", "json"], more].concat());
        assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
        let findings = ran.json()["findings"].clone();
        findings.as_array().unwrap().iter().map(|found| found["problem"].to_string()).collect::<Vec<_>>()
    };
    let found = problems(&[]);
    assert!(found.len() == 1 && found[0].contains("the order `g` would hang"), "{found:?}");
    // The pods then request half as much CPU, and both fit on one node.
    assert_eq!(problems(&["--commit", "cpu=2"]), Vec::<String>::new());
    for option in ["--scheduler-config", "--kubernetes-version", "--pods-without-requests", "--commit"] {
        let value = if option == "--kubernetes-version" { "1.36" } else { "cpu=2" };
        let value = if option == "--pods-without-requests" { "3" } else { value };
        let ran = folder.run(&["inventory", "check", nodes, option, value]);
        assert_eq!(ran.exit, Some(2), "{option}");
        assert!(ran.stderr.contains("--orders"), "{}", ran.stderr);
    }
}
