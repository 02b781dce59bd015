//! `--prefer`: which card model an order gets that several models fit.

use crate::scripts::Folder;

/// An order for a card of any model.
const ORDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/sdl/bert-sentiment-analysis_deploy.yaml");
/// The first node that fits, the cheapest one, and the one with the fewest cards are three.
const NODES: &str = "1 nodes x 8 h100/80Gi/sxm + 1 nodes x 8 t4/16Gi/pcie + 1 nodes x 1 a100/80Gi/sxm";
const RATES: &str = "[rates.gpu]\nh100 = 1900\nt4 = 80\na100 = 900\n";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.put("rates.toml", RATES);
    folder
}

#[test]
fn a_preference_decides_in_reservations_and_in_quotes() {
    let folder = folder();
    for (prefer, model) in [("order", "h100"), ("cheapest", "t4"), ("packing", "a100")] {
        let of = ["--inventory", NODES, "--rates", "rates.toml", "--prefer", prefer, "--output", "json"];
        let reserved = folder.run(&[&["reserve", ORDER][..], &of].concat()).json();
        let attribute = reserved["reservations"][0]["allocated"][0]["gpu_attribute"].as_str().unwrap().to_owned();
        assert_eq!(attribute, format!("vendor/nvidia/model/{model}"), "{prefer}");
        let quoted = folder.run(&[&["quote", ORDER, "--usd-per-akt", "1"][..], &of].concat()).json();
        let kind = &quoted["quotes"][0]["targets"][0]["gpu"]["cards"][0]["kinds"][0]["model"];
        assert_eq!(kind.as_str(), Some(model), "{prefer}");
    }
}

#[test]
fn the_default_is_the_order_of_nodes() {
    let folder = folder();
    let of = ["reserve", ORDER, "--inventory", NODES, "--output", "json"];
    let order = folder.run(&[&of[..], &["--prefer", "order"]].concat());
    assert_eq!(folder.run(&of).stdout, order.stdout);
}

#[test]
fn a_slip_is_refused_with_what_there_is() {
    let ran = folder().run(&["reserve", ORDER, "--inventory", NODES, "--prefer", "cheap"]);
    assert_eq!(ran.exit, Some(2));
    assert!(ran.stderr.contains("[possible values: order, cheapest, packing]"), "{}", ran.stderr);
}
