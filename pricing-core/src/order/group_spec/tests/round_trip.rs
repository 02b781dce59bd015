//! Writing and reading a group spec gives the same spec.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::super::{read, to_json};
use crate::gpu::{GpuRequest, GpuSelector};
use crate::money::{Denom, Price};
use crate::order::{
    Attribute, Endpoint, EndpointKind, Endpoints, GroupSpec, PlacementRequirements, ResourceUnit, SignedBy,
    StorageClass, Volume,
};
use crate::quantity::{Bytes, MilliCpu};

fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    let attribute = ("\\PC{0,8}", "\\PC{0,8}").prop_map(|(key, value)| Attribute { key, value });
    proptest::collection::vec(attribute, 0..3)
}

fn volume() -> impl Strategy<Value = Volume> {
    let class = prop_oneof![
        Just(StorageClass::Ephemeral),
        Just(StorageClass::Ram),
        "beta[123]|default|[a-z]{9}".prop_map(|name| StorageClass::Persistent(name.into())),
    ];
    ("[a-z]{0,6}", any::<u64>(), class).prop_map(|(name, size, class)| {
        let attribute = |key: &str, value: &str| Attribute { key: key.to_owned(), value: value.to_owned() };
        let attributes = match &class {
            StorageClass::Ephemeral => Vec::new(),
            StorageClass::Ram => vec![attribute("class", "ram"), attribute("persistent", "false")],
            StorageClass::Persistent(name) => vec![attribute("class", name.exact()), attribute("persistent", "true")],
        };
        Volume { name, size: Bytes::new(size), class, attributes }
    })
}

fn gpu() -> impl Strategy<Value = GpuRequest> {
    let ram = proptest::option::of((1_u32..200).prop_map(|gi| format!("{gi}Gi")));
    let interface = proptest::option::of(prop_oneof![Just("pcie"), Just("sxm")]);
    let selector = ("nvidia|amd", "[a-z0-9]{1,8}|\\*", ram, interface)
        .prop_map(|(vendor, model, ram, bus)| GpuSelector::new(&vendor, &model, ram.as_deref(), bus));
    (0_u64..9, proptest::collection::vec(selector, 1..4)).prop_map(|(units, alternatives)| GpuRequest {
        units,
        alternatives,
        ..GpuRequest::default()
    })
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    (proptest::sample::select(EndpointKind::ALL.as_slice()), any::<u32>())
        .prop_map(|(kind, sequence_number)| Endpoint { kind, sequence_number })
}

fn unit(priced: bool) -> impl Strategy<Value = ResourceUnit> {
    let amounts = (any::<u64>(), any::<u64>(), 1_u32..1000);
    let price = (0_i64..1_000_000_000_000, 0_u32..=12).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale));
    let lists = (attributes(), attributes(), proptest::collection::vec(volume(), 0..3));
    (amounts, price, lists, gpu(), proptest::collection::vec(endpoint(), 0..4)).prop_map(
        move |((cpu, memory, count), amount, (cpu_attributes, memory_attributes, storage), gpu, endpoints)| {
            ResourceUnit {
                id: 0,
                cpu: MilliCpu::new(cpu),
                cpu_attributes,
                memory: Bytes::new(memory),
                memory_attributes,
                gpu,
                storage,
                endpoints: Endpoints::Listed(endpoints),
                count,
                price: priced.then(|| Price::new(Denom::new("uakt"), amount).unwrap()),
            }
        },
    )
}

fn group() -> impl Strategy<Value = GroupSpec> {
    let units = any::<bool>().prop_flat_map(|priced| proptest::collection::vec(unit(priced), 1..4));
    let words = || proptest::collection::vec("\\PC{0,8}", 0..3);
    ("\\PC{1,12}", words(), words(), attributes(), units).prop_map(|(name, all_of, any_of, attributes, mut units)| {
        for (unit, id) in units.iter_mut().zip(1..) {
            unit.id = id;
        }
        let signed_by = SignedBy { all_of, any_of };
        GroupSpec::new(name, PlacementRequirements { signed_by, attributes }, units).unwrap()
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(groups in proptest::collection::vec(group(), 1..3)) {
        let printed = to_json(&groups).to_string();
        prop_assert_eq!(read(&printed).unwrap(), groups);
    }
}
