//! How a valid SDL becomes group specs, rule by rule.

use super::super::read;
use crate::order::{EndpointKind, Endpoints, GroupSpec, StorageClass, group_spec};

const BASE: &str = include_str!("base.yaml");

fn changed(from: &str, to: &str) -> GroupSpec {
    assert!(BASE.contains(from), "{from}");
    let mut groups = read(&BASE.replacen(from, to, 1)).unwrap_or_else(|error| panic!("{to}: {error}"));
    groups.remove(0)
}

fn endpoints(group: &GroupSpec, unit: usize) -> Vec<(EndpointKind, u32)> {
    match &group.resources()[unit].endpoints {
        Endpoints::Listed(list) => list.iter().map(|e| (e.kind, e.sequence_number)).collect(),
        Endpoints::Counted { .. } => panic!("an SDL lists its endpoints"),
    }
}

/// Makes a small SDL with this version and these services, all in one profile and one placement.
fn services(version: &str, services: &[(&str, &str, u32)]) -> String {
    let mut text = format!("version: \"{version}\"\nservices:\n");
    for (name, expose, _) in services {
        text.push_str(&format!("  {name}: {{image: x, expose: {expose}}}\n"));
    }
    text.push_str(
        "profiles:\n  compute: {p: {resources: {cpu: {units: 1}, memory: {size: 1Gi}, storage: {size: 1Gi}}}}\n  \
         placement: {w: {pricing: {p: {denom: uakt, amount: 1}}}}\ndeployment:\n",
    );
    for (name, _, count) in services {
        text.push_str(&format!("  {name}: {{w: {{profile: p, count: {count}}}}}\n"));
    }
    text
}

#[test]
fn cpu_is_exact_in_thousandths() {
    for (written, milli) in [
        ("1.5", 1500),
        ("0.1", 100),
        ("\"0.01\"", 10),
        ("100m", 100),
        ("\"250m\"", 250),
        ("16.0", 16_000),
        ("0.57", 570),
        ("1e1", 10_000),
        ("0x10", 16_000),
        ("2", 2000),
        ("0.0125", 12),
        ("384", 384_000),
        ("1_0", 10_000),
        ("\"1e1\"", 10_000),
        ("250.5m", 251),
    ] {
        assert_eq!(changed("units: 1.5", &format!("units: {written}")).resources()[1].cpu.get(), milli, "{written}");
    }
}

#[test]
fn sizes_are_exact_and_rounded_up() {
    for (written, bytes) in [
        ("2Gi", 2 << 30),
        ("512mi", 512 << 20),
        ("1gi", 1 << 30),
        ("1ti", 1 << 40),
        ("8gb", 8_000_000_000),
        ("10Gb", 10_000_000_000),
        ("16GB", 16_000_000_000),
        ("2000k", 2_000_000),
        ("2048Ki", 2 << 20),
        ("3M", 3_000_000),
        ("1T", 1_000_000_000_000),
        ("0.0001Pi", 112_589_990_685),
        ("0.000001Ei", 1_152_921_504_607),
        ("4.75Gi", 5_100_273_664),
        ("0.1Gi", 107_374_183),
        (".5Gi", 512 << 20),
        ("2000.0001k", 2_000_001),
        // Console does not read `iB` as `i`.
        ("2GiB", 2_000_000_000),
        // What only Go accepts is rounded down to whole bytes.
        ("2147483648", 2 << 30),
        ("\"2147483648.9\"", 2 << 30),
        ("1e3Mi", 1000 << 20),
        ("1_000Mi", 1000 << 20),
    ] {
        assert_eq!(changed("size: 2Gi", &format!("size: {written}")).resources()[1].memory.get(), bytes, "{written}");
    }
}

#[test]
fn amounts_are_exact() {
    for (written, amount) in [
        ("1000", "1000"),
        ("\"1000.50\"", "1000.5"),
        ("0.000000000000000001", "0.000000000000000001"),
        ("1e3", "1000"),
        ("2.5e-3", "0.0025"),
        ("010", "10"),
        ("0x10", "16"),
        ("1.10", "1.1"),
        ("\"+5\"", "5"),
        ("10000000", "10000000"),
    ] {
        let group = changed("amount: 1000", &format!("amount: {written}"));
        assert_eq!(group.resources()[1].price.as_ref().unwrap().amount().to_string(), amount, "{written}");
    }
}

#[test]
fn gpus_are_listed_in_the_documents_order() {
    let keys = |group: &GroupSpec| -> Vec<String> {
        group.resources()[1].gpu.alternatives.iter().map(crate::gpu::GpuSelector::attribute_key).collect()
    };
    assert_eq!(
        keys(&changed("units: 1\n", "units: \"2\"\n")),
        ["vendor/nvidia/model/a100/ram/80Gi/interface/sxm", "vendor/nvidia/model/h100"]
    );
    let listed = BASE.find("                - model: a100").unwrap()..BASE.find("    small:").unwrap();
    for any in ["", "                []\n", "                ~\n", "                - model: \"*\"\n"] {
        let mut text = BASE.to_owned();
        text.replace_range(listed.clone(), any);
        assert_eq!(keys(&read(&text).unwrap()[0]), ["vendor/nvidia/model/*"], "{any}");
    }
    let none = BASE.find("        gpu:").unwrap()..BASE.find("    small:").unwrap();
    for gpu in ["", "        gpu: {units: 0}\n", "        gpu: {units: \"0\"}\n"] {
        let mut text = BASE.to_owned();
        text.replace_range(none.clone(), gpu);
        let group = read(&text).unwrap().remove(0);
        assert_eq!((group.resources()[1].gpu.units, keys(&group).len()), (0, 0), "{gpu}");
    }
}

#[test]
fn volumes_keep_order_names_and_classes() {
    let group = changed("version: \"2.1\"", "version: \"2.1\"");
    let volumes = &group.resources()[1].storage;
    let shown: Vec<_> =
        volumes.iter().map(|v| (v.name.as_str(), v.class.name().into_exact(), v.attributes.len())).collect();
    assert_eq!(shown, [("default", "ephemeral", 0), ("data", "beta2", 2), ("shm", "ram", 2)]);
    for (from, to, class) in [
        ("              class: beta2\n", "", StorageClass::Persistent("default".into())),
        ("class: beta2", "class: default", StorageClass::Persistent("default".into())),
        ("persistent: true", "persistent: \"true\"", StorageClass::Persistent("beta2".into())),
        ("persistent: true\n              class: beta2", "persistent: false", StorageClass::Ephemeral),
        ("persistent: true\n              class: beta2", "class: ram", StorageClass::Ram),
    ] {
        let group = changed(from, to);
        let volume = &group.resources()[1].storage[1];
        assert_eq!(volume.class, class, "{to}");
        assert_eq!(StorageClass::from_attributes(&volume.attributes), Ok(class), "{to}");
    }
}

#[test]
fn requirements_are_sorted_and_keep_their_text() {
    let group = changed("fast: true", "fast: 1.0");
    let shown: Vec<_> = group.requirements().attributes.iter().map(|a| format!("{}={}", a.key, a.value)).collect();
    assert_eq!(shown, ["fast=1", "region=us-west", "tee/type=cpu"]);
    assert_eq!(group.requirements().signed_by.all_of, ["akash1a"]);
    assert_eq!(group.requirements().signed_by.any_of, ["akash1b"]);
}

#[test]
fn tcp_on_external_port_80_is_the_shared_ingress() {
    use EndpointKind::{LeasedIp, RandomPort, SharedHttp};
    for (expose, expected) in [
        ("[{port: 80, to: [{global: true}]}]", vec![(SharedHttp, 0)]),
        ("[{port: 8080, as: 80, to: [{global: true}]}]", vec![(SharedHttp, 0)]),
        ("[{port: 80, as: 8080, to: [{global: true}]}]", vec![(RandomPort, 0)]),
        ("[{port: 80, proto: UDP, to: [{global: true}]}]", vec![(RandomPort, 0)]),
        ("[{port: 80, to: [{global: false}]}]", vec![]),
        ("[{port: 80, to: [{service: a}]}]", vec![]),
        ("[{port: 80}]", vec![]),
        ("[]", vec![]),
        ("~", vec![]),
        ("[{port: 80, to: [{global: true}, {global: true}]}]", vec![(SharedHttp, 0), (SharedHttp, 0)]),
    ] {
        let group = read(&services("2.0", &[("a", expose, 1)])).unwrap().remove(0);
        assert_eq!(endpoints(&group, 0), expected, "{expose}");
    }
    assert_eq!(endpoints(&changed("proto: tcp", "proto: TCP"), 1), [(SharedHttp, 0), (LeasedIp, 1)]);
}

#[test]
fn services_share_a_unit_in_version_2_1_alone() {
    let http = "[{port: 80, to: [{global: true}]}]";
    let other = "[{port: 90, to: [{global: true}]}]";
    let group = |version| read(&services(version, &[("b", http, 2), ("a", other, 3)])).unwrap().remove(0);
    let apart = group("2.0");
    let shown: Vec<_> = apart.resources().iter().map(|unit| (unit.id, unit.count)).collect();
    assert_eq!(shown, [(1, 3), (2, 2)]);
    let together = group("2.1");
    let shown: Vec<_> = together.resources().iter().map(|unit| (unit.id, unit.count)).collect();
    assert_eq!(shown, [(1, 5)]);
    assert_eq!(endpoints(&together, 0), [(EndpointKind::RandomPort, 0), (EndpointKind::SharedHttp, 0)]);
    let many = |a, b| read(&services("2.1", &[("a", "[]", a), ("b", "[]", b)])).unwrap_err().to_string();
    let alone = "line 9, column 30, at `deployment.a.w.count`: 4294967295 replicas are more than an order may have; the most is 1000000";
    assert_eq!(many(u32::MAX, 1), alone);
    let together =
        "line 7, column 15, at `profiles.placement.w`: resource unit 1 has 1000001 replicas; at most 1000000 are taken";
    assert_eq!(many(1_000_000, 1), together);
}

#[test]
fn addresses_are_numbered_by_name_over_the_whole_document() {
    let two = "endpoints: {zz: {kind: ip}, aa: {kind: ip}}\n".to_owned()
        + &services(
            "2.0",
            &[
                ("a", "[{port: 1, to: [{global: true, ip: zz}]}]", 1),
                ("b", "[{port: 2, to: [{global: true, ip: aa}]}, {port: 3, to: [{global: true, ip: aa}]}]", 1),
            ],
        );
    let group = read(&two).unwrap().remove(0);
    let numbers = |unit: usize| group.resources()[unit].endpoints.leased_ip_numbers().collect::<Vec<_>>();
    assert_eq!((numbers(0), numbers(1)), (vec![3], vec![2, 2]));
}

#[test]
fn each_placement_is_a_group_sorted_by_name() {
    let text = "version: \"2.0\"
services: {b: {image: x}, a: {image: x}}
profiles:
  compute: {p: {resources: {cpu: {units: 1}, memory: {size: 1Gi}, storage: {size: 1Gi}}}}
  placement:
    west: {pricing: {p: {denom: uakt, amount: 1}}}
    east: {pricing: {p: {denom: uact, amount: 2}}}
deployment:
  b: {west: {profile: p, count: 1}, east: {profile: p, count: 2}}
  a: {west: {profile: p, count: 3}}
";
    let groups = read(text).unwrap();
    let shown: Vec<(&str, Vec<(u32, u32)>)> = groups
        .iter()
        .map(|group| (group.name().into_exact(), group.resources().iter().map(|unit| (unit.id, unit.count)).collect()))
        .collect();
    assert_eq!(shown, [("east", vec![(1, 2)]), ("west", vec![(1, 3), (2, 1)])]);
}

#[test]
fn a_trusted_environment_is_one_for_a_placement() {
    let with = |a: &str, b: &str| {
        let text = services("2.1", &[("a", "[]", 1), ("b", "[]", 1)]);
        let params =
            |name: &str, tee: &str| (format!("  {name}: {{image: x,"), format!("  {name}: {{params: {tee}, image: x,"));
        let (from, to) = params("a", a);
        let text = text.replacen(&from, &to, 1);
        let (from, to) = params("b", b);
        read(&text.replacen(&from, &to, 1).replacen(
            "size: 1Gi}}}}",
            "size: 1Gi}, gpu: {units: 1, attributes: {vendor: {nvidia: }}}}}}",
            1,
        ))
    };
    assert_eq!(with("{tee: cpu}", "{tee: cpu}").unwrap()[0].requirements().attributes.len(), 1);
    assert_eq!(with("{tee: cpu-gpu}", "{}").unwrap()[0].requirements().attributes[0].value, "cpu-gpu");
    let error = with("{tee: cpu}", "{tee: cpu-gpu}").unwrap_err();
    assert_eq!(error.message(), "`cpu-gpu`, but another service in `w` has `cpu`");
    assert_eq!(error.path(), Some("services.b.params.tee"));
}

#[test]
fn durations_are_gos() {
    for window in ["1h", "24h", "90s", "1h30m", "1.5h", ".5s", "300ms", "+1h", "1us", "1\u{b5}s", "1ns"] {
        changed("min_window: 24h", &format!("min_window: {window}"));
    }
    for window in ["\"0\"", "\"\"", "-1h", "1", "1d", "h", "1h2", "1.2.3h", "0.1ns", "1 h", ".h", "\"1h0\""] {
        let text = BASE.replacen("min_window: 24h", &format!("min_window: {window}"), 1);
        assert_eq!(read(&text).unwrap_err().path(), Some("reclamation.min_window"), "{window}");
    }
}

#[test]
fn an_sdl_may_be_json_and_may_share_parts() {
    let json = r#"{"version":"2.0","services":{"a":{"image":"x"}},"profiles":{"compute":{"p":{"resources":{"cpu":{"units":1},
        "memory":{"size":"1Gi"},"storage":{"size":"1Gi"}}}},"placement":{"w":{"pricing":{"p":{"denom":"uakt","amount":1}}}}},
        "deployment":{"a":{"w":{"profile":"p","count":1}}}}"#;
    let plain = read(json).unwrap();
    let shared = "version: '2.0'
services: {a: {image: x}}
x: &size {size: 1Gi}
";
    assert_eq!(read(shared).unwrap_err().message(), "unknown key `x`");
    let shared = "version: '2.0'
services: {a: {image: x}}
profiles:
  compute: {p: {resources: {cpu: {units: 1}, memory: &size {size: 1Gi}, storage: {<<: *size}}}}
  placement: {w: {pricing: {p: {denom: uakt, amount: 1}}}}
deployment: {a: {w: {profile: p, count: 1}}}
";
    assert_eq!(read(shared).unwrap(), plain);
}

#[test]
fn what_is_printed_is_read_back() {
    let groups = read(BASE).unwrap();
    let printed = group_spec::to_json(&groups).to_string();
    assert_eq!(group_spec::read(&printed).unwrap(), groups);
}

/// Where both readers accept a value and differ, Console's reading counts if Console accepts the whole text.
#[test]
fn who_reads_the_text_decides_what_both_take() {
    let base = BASE.replacen("count: 2", "count: 010", 1).replacen("size: 2Gi", "size: 0.1Gi", 1);
    let base = base.replacen("fast: true", "fast: 1.0", 1);
    for (from, to, count, memory, fast) in [
        ("nginx", "nginx", 10, 107_374_183, "1"),
        ("            size: 10Gi", "            size: 10gi", 10, 107_374_183, "1"),
        ("image: nginx", "image: 5", 8, 107_374_182, "1.0"),
    ] {
        assert!(base.contains(from), "{from}");
        let group = read(&base.replacen(from, to, 1)).unwrap().remove(0);
        let unit = &group.resources()[1];
        assert_eq!((unit.count, unit.memory.get()), (count, memory), "{to}");
        assert_eq!(group.requirements().attributes[0].value, fast, "{to}");
    }
}

#[test]
fn a_unit_without_replicas_is_kept_beside_others_and_not_ordered() {
    let text = BASE.replacen("      count: 1\n", "      count:\n", 1);
    assert_eq!(read(&text).unwrap()[0].resources().iter().map(|unit| unit.count).collect::<Vec<_>>(), [0, 2]);
    let orders = crate::order::detect::read(&text, None).unwrap();
    assert_eq!(orders[0].group.resources().iter().map(|unit| unit.id).collect::<Vec<_>>(), [2]);
    assert!(read(&text.replacen("count: 2", "count: 0", 1)).is_err());
}

#[test]
fn what_comes_twice_is_read_as_go_reads_it() {
    let plain = read(BASE).unwrap();
    for (from, to) in [
        ("deployment:\n", "deployment:\ndeployment:\n"),
        (
            "profiles:\n",
            "profiles: {compute: {x: {resources: {cpu: {units: 1}, memory: {size: 1Gi}, storage: {size: 1Gi}}}}}\nprofiles:\n",
        ),
        ("version: \"2.1\"\n", "version: \"2.1\"\nversion: \"2.0\"\n"),
    ] {
        assert!(BASE.contains(from), "{from}");
        assert_eq!(read(&BASE.replacen(from, to, 1)).unwrap(), plain, "{to}");
    }
    assert_eq!(read(&format!("{BASE}\n---\nwhatever: [\n")).unwrap(), plain);
}
