//! An order as a message of the chain reads like the same order as JSON.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

use std::path::Path;
use std::time::Duration;

use pricing_core::budget::{Budget, SearchBudget};
use pricing_core::order::{GroupSpec, detect, group_spec};
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_engine::config::{LoadedRates, LoadedScheduler};
use pricing_engine::decision::{LiveState, OrderRequest, Settings, price};
use pricing_engine::inventory::Availability;
use pricing_messages::order::{self, OrderMessageError};
use pricing_proto::akash::base::attributes::v1::{Attribute, PlacementRequirements, SignedBy};
use pricing_proto::akash::base::resources::v1beta4::{self as resources, ResourceValue};
use pricing_proto::akash::deployment::v1beta4 as deployment;
use pricing_proto::akash::market::v1::DeploymentReclamation;
use pricing_proto::akash::market::v1beta5::Order as ChainOrder;
use pricing_proto::bidprice::v1::{Order, order::Form};
use pricing_proto::cosmos::base::v1beta1::DecCoin;
use prost::Message as _;
use serde_json::Value;
use testkit::random::Random;

/// Returns every group of the corpus, in the dialect of the chain's REST API.
fn groups() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/sdl");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|file| file.to_string_lossy().ends_with(".groups.json"));
    let read = |file: std::path::PathBuf| -> Vec<(String, Value)> {
        let text = std::fs::read_to_string(&file).unwrap();
        let groups = group_spec::read(&text).unwrap();
        let Value::Array(groups) = group_spec::to_json(&groups) else { panic!("an array") };
        groups.into_iter().map(|group| (file.display().to_string(), group)).collect()
    };
    files.flat_map(read).collect()
}

/// Returns the message that the chain would send for a group.
fn message(group: &Value) -> deployment::GroupSpec {
    let texts = |list: &Value| list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let attributes = |list: &Value| -> Vec<Attribute> {
        let attribute = |a: &Value| Attribute { key: text(&a["key"]), value: text(&a["value"]) };
        list.as_array().unwrap().iter().map(attribute).collect()
    };
    let val = |value: &Value| Some(ResourceValue { val: text(&value["val"]).into_bytes() });
    let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let volume = |v: &Value| resources::Storage {
        name: text(&v["name"]),
        quantity: val(&v["quantity"]),
        attributes: attributes(&v["attributes"]),
    };
    let endpoint = |e: &Value| resources::Endpoint {
        kind: resources::endpoint::Kind::from_str_name(e["kind"].as_str().unwrap()).unwrap().into(),
        sequence_number: number(&e["sequence_number"]),
    };
    let unit = |unit: &Value| {
        let found = &unit["resource"];
        deployment::ResourceUnit {
            resource: Some(resources::Resources {
                id: number(&found["id"]),
                cpu: Some(resources::Cpu {
                    units: val(&found["cpu"]["units"]),
                    attributes: attributes(&found["cpu"]["attributes"]),
                }),
                memory: Some(resources::Memory {
                    quantity: val(&found["memory"]["quantity"]),
                    attributes: attributes(&found["memory"]["attributes"]),
                }),
                storage: found["storage"].as_array().unwrap().iter().map(volume).collect(),
                gpu: Some(resources::Gpu {
                    units: val(&found["gpu"]["units"]),
                    attributes: attributes(&found["gpu"]["attributes"]),
                }),
                endpoints: found["endpoints"].as_array().unwrap().iter().map(endpoint).collect(),
            }),
            count: number(&unit["count"]),
            price: Some(DecCoin {
                denom: text(&unit["price"]["denom"]),
                amount: order::to_atomics(unit["price"]["amount"].as_str().unwrap()).unwrap(),
            }),
        }
    };
    let signed_by = &group["requirements"]["signed_by"];
    deployment::GroupSpec {
        name: text(&group["name"]),
        requirements: Some(PlacementRequirements {
            signed_by: Some(SignedBy { all_of: texts(&signed_by["all_of"]), any_of: texts(&signed_by["any_of"]) }),
            attributes: attributes(&group["requirements"]["attributes"]),
        }),
        resources: group["resources"].as_array().unwrap().iter().map(unit).collect(),
    }
}

fn read(text: &str) -> GroupSpec {
    group_spec::read(text).unwrap().remove(0)
}

#[test]
fn every_group_of_the_corpus_is_the_same_as_a_message() {
    let groups = groups();
    assert!(groups.len() > 200, "{} groups", groups.len());
    for (file, group) in groups {
        let (text, name) = order::text(Some(Order { form: Some(Form::GroupSpec(message(&group))) })).unwrap();
        assert_eq!(read(&text), read(&group.to_string()), "{file}");
        assert_eq!(name, None);
    }
}

#[test]
fn amounts_are_whole_numbers_of_atoms_unless_they_have_a_point() {
    let amount = |written: &str| {
        let (_, group) = groups().remove(0);
        let mut message = message(&group);
        message.resources.truncate(1);
        message.resources[0].price = Some(DecCoin { denom: "uakt".to_owned(), amount: written.to_owned() });
        order::group_spec(&message).map(|text| read(&text).resources()[0].price.clone().unwrap().amount().to_string())
    };
    assert_eq!(amount("1500000000000000000").unwrap(), "1.5");
    assert_eq!(amount("1").unwrap(), "0.000000000000000001");
    assert_eq!(amount("0").unwrap(), "0");
    assert_eq!(amount("1000.250000000000000000").unwrap(), "1000.25");
    for wrong in ["", "-1", "1e18", "a", "٣"] {
        assert!(amount(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_order_that_is_none_is_refused_with_a_reason() {
    let error = |order| order::text(order).unwrap_err().to_string();
    assert!(error(None).contains("no order"));
    assert!(error(Some(Order { form: None })).contains("no order"));
    let (_, group) = groups().remove(0);
    let mut spec = message(&group);
    spec.resources[0].resource.as_mut().unwrap().cpu.as_mut().unwrap().units =
        Some(ResourceValue { val: vec![0xff, 0xfe] });
    assert!(
        error(Some(Order { form: Some(Form::GroupSpec(spec.clone())) })).contains("resources[0].resource.cpu.units")
    );
    spec.resources[0].resource.as_mut().unwrap().cpu = None;
    // The reader refuses what is absent.
    let (text, _) = order::text(Some(Order { form: Some(Form::GroupSpec(spec)) })).unwrap();
    assert!(group_spec::read(&text).unwrap_err().to_string().contains("cpu"));
}

#[test]
fn the_reclamation_of_a_chain_order_is_read_with_it() {
    let (_, group) = groups().remove(0);
    let window = |seconds, nanos| {
        let min_window = Some(prost_types::Duration { seconds, nanos });
        let reclamation = Some(DeploymentReclamation { min_window });
        let order = ChainOrder { id: None, spec: Some(message(&group)), reclamation };
        let (text, _) = order::text(Some(Order { form: Some(Form::ChainOrder(order)) }))?;
        Ok::<_, OrderMessageError>(detect::read(&text, None).unwrap().remove(0).conditions.min_reclamation)
    };
    assert_eq!(window(86_400, 0).unwrap(), Some(Duration::from_secs(86_400)));
    assert_eq!(window(1, 500_000_000).unwrap(), Some(Duration::from_millis(1_500)));
    assert_eq!(window(0, 0).unwrap(), None);
    for (seconds, nanos) in [(-1, 0), (1, -1), (1, 1_000_000_000)] {
        assert!(matches!(window(seconds, nanos), Err(OrderMessageError::Reclamation { .. })), "{seconds} {nanos}");
    }
}

#[test]
fn no_bytes_that_are_a_message_make_it_panic() {
    let rates = LoadedRates::read("[rates.gpu]\n\"*\" = \"50\"\n".to_owned()).unwrap();
    let settings = Settings {
        rates,
        plugin: None,
        scheduler: Scheduler::Sound,
        prefer: Prefer::Order,
        budget: SearchBudget { steps: 10_000 },
        kubernetes: LoadedScheduler::default(),
        explore: None,
    };
    let live = LiveState { availability: Availability::NotConfigured, usd_per_akt: None };
    let seeds: Vec<Vec<u8>> = groups().iter().map(|(_, group)| message(group).encode_to_vec()).collect();
    let mut random = Random::new(4);
    let mut asked = 0;
    for round in 0..20_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=random.up_to(1) {
            let place = usize::try_from(random.up_to(u64::try_from(bytes.len() - 1).unwrap())).unwrap();
            match random.up_to(9) {
                2..=9 => bytes[place] = u8::try_from(random.up_to(255)).unwrap(),
                0 => drop(bytes.remove(place)),
                _ => bytes.insert(place, b'9'),
            }
        }
        let Ok(spec) = deployment::GroupSpec::decode(&*bytes) else { continue };
        let Ok(text) = order::group_spec(&spec) else { continue };
        let Ok(request) = OrderRequest::read(text) else { continue };
        asked += 1;
        assert_eq!(price(&settings, &live, &request, &Budget::new(settings.budget)).len(), request.orders.len());
    }
    assert!(asked > 1_000, "{asked} of the messages were orders");
}
