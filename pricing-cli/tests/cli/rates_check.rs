//! `bidprice rates check`: the GPU entries of a rate card compared with the cards of a cluster, and the other commands
//! that show its findings.

use crate::scripts::Folder;
use serde_json::json;

/// A node with one a100 of each size.
const INVENTORY: &str = r#"{"nodes":[{"name":"n1","resources":{
  "cpu":{"quantity":{"allocatable":{"string":"64"}}},
  "memory":{"quantity":{"allocatable":{"string":"256Gi"}}},
  "ephemeralStorage":{"allocatable":{"string":"1Ti"}},
  "gpu":{"quantity":{"allocatable":{"string":"2"}},"info":[
    {"vendor":"nvidia","name":"a100","interface":"PCIe","memorySize":"40Gi"},
    {"vendor":"nvidia","name":"a100","interface":"PCIe","memorySize":"80Gi"}]}}}]}"#;

const GOOD: &str = "[rates.gpu]\n\"a100.40Gi\" = 600\n\"a100.80Gi\" = 1000\n";
const ODD: &str = "[rates.gpu]\na100 = 900\n\"4090\" = 300\n";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.put("inventory.json", INVENTORY);
    folder.put("good.toml", GOOD);
    folder.put("odd.toml", ODD);
    folder
}

#[test]
fn a_card_without_findings_exits_0() {
    let ran = folder().run(&["rates", "check", "--rates", "good.toml", "--inventory", "inventory.json"]);
    assert_eq!((ran.exit, ran.stdout.as_str()), (Some(0), "no findings\n"), "{}", ran.stderr);
}

#[test]
fn findings_exit_3_and_name_what_was_meant() {
    let folder = folder();
    let check = ["rates", "check", "--rates", "odd.toml", "--inventory", "inventory.json"];
    let ran = folder.run(&[&check[..], &["--output", "json"]].concat());
    let both = "nvidia/a100/40Gi/pcie, nvidia/a100/80Gi/pcie";
    let expected = json!({ "schema": 1, "findings": [
        { "entry": "a100", "kind": null, "problem": format!("2 variants cost the same by this entry: {both}"),
          "suggestion": both },
        { "entry": "4090", "kind": null,
          "problem": "no card of the inventory is priced by this entry, and the model `4090` is not known",
          "suggestion": "rtx4090" },
    ]});
    assert_eq!((ran.exit, ran.json()), (Some(3), expected));
    let table = folder.run(&check);
    assert_eq!(table.exit, Some(3));
    assert!(table.stdout.contains("2 variants cost the same"), "{}", table.stdout);
}

#[test]
fn what_cannot_be_read_exits_1() {
    let folder = folder();
    folder.put("broken.json", "{\"nodes\":");
    for (rates, inventory) in
        [("odd.toml", "broken.json"), ("odd.toml", "absent.json"), ("absent.toml", "inventory.json")]
    {
        let ran = folder.run(&["rates", "check", "--rates", rates, "--inventory", inventory]);
        assert_eq!(ran.exit, Some(1), "{rates} {inventory}: {}", ran.stderr);
    }
    assert_eq!(folder.run(&["rates", "check", "--rates", "odd.toml"]).exit, Some(2));
}

#[test]
fn a_quote_warns_of_them() {
    let folder = folder();
    let order = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/sdl/AI-Image-App_deploy.yaml");
    let warnings = |rates: &str| {
        let quote = ["quote", order, "--rates", rates, "--inventory", "inventory.json"];
        let stderr = folder.run(&quote).stderr;
        stderr.lines().filter(|line| line.contains("rate card")).map(str::to_owned).collect::<Vec<String>>()
    };
    assert_eq!(warnings("good.toml"), [""; 0]);
    let warned = warnings("odd.toml");
    let [line] = warned.as_slice() else { panic!("{warned:?}") };
    assert!(line.starts_with("warning: the rate card: rates.gpu.\"a100\": 2 variants"), "{line}");
    assert!(line.ends_with("; there is 1 more finding, see `bidprice rates check`"), "{line}");
}
