//! Texts that are not group specs, and the place of each error.

use super::super::read;

const SOUND: &str = r#"{"name":"g","requirements":{"signed_by":{"all_of":[],"any_of":[]},"attributes":[]},"resources":[{"resource":{"id":1,"cpu":{"units":{"val":"1000"}},"memory":{"quantity":{"val":"1024"}},"storage":[{"name":"d","quantity":{"val":"5"}}],"gpu":{"units":{"val":"1"},"attributes":[{"key":"vendor/nvidia/model/t4","value":"true"}]},"endpoints":[{"kind":"RANDOM_PORT","sequence_number":0}]},"count":1,"price":{"denom":"uakt","amount":"1"}}]}"#;

#[test]
fn each_fault_is_named_with_its_path() {
    assert!(read(SOUND).is_ok());
    for (from, to, path, message) in [
        ("\"name\":\"g\",", "", "", "missing field `name`"),
        ("\"name\":\"g\"", "\"name\":5", "name", "invalid type: integer `5`, expected a string"),
        ("\"name\":\"g\"", "\"name\":\"g\",\"x\":1", "x", "unknown field `x`"),
        ("\"1000\"", "\"-1\"", "resources[0].resource.cpu.units.val", "`-1` is not a whole number"),
        ("\"1000\"", "\"1.5\"", "resources[0].resource.cpu.units.val", "`1.5` is not a whole number"),
        ("\"1000\"", "\"\"", "resources[0].resource.cpu.units.val", "`` is not a whole number"),
        ("\"1000\"", "\"18446744073709551616\"", "resources[0].resource.cpu.units.val", "is out of range"),
        ("\"1000\"", "-1", "resources[0].resource.cpu.units.val", "expected a whole number that is not negative"),
        ("\"1000\"", "1.5", "resources[0].resource.cpu.units.val", "expected a whole number that is not negative"),
        ("\"1000\"", "null", "resources[0].resource.cpu.units.val", "expected a whole number that is not negative"),
        ("{\"val\":\"1024\"}", "{}", "resources[0].resource.memory.quantity", "missing field `val`"),
        ("\"count\":1", "\"count\":4294967296", "resources[0].count", "`4294967296` is out of range"),
        ("\"count\":1", "\"count\":0", "resources", "resource unit 1 has a count of 0"),
        ("\"id\":1", "\"id\":-1", "resources[0].resource.id", "expected a whole number that is not negative"),
        ("\"RANDOM_PORT\"", "\"PORT\"", "resources[0].resource.endpoints[0].kind", "`PORT` is not a kind of endpoint"),
        ("\"RANDOM_PORT\"", "3", "resources[0].resource.endpoints[0].kind", "`3` is not a kind of endpoint"),
        ("model/t4", "model", "resources[0].resource.gpu.attributes[0].key", "is not a GPU attribute"),
        ("model/t4", "model/t4/numa/1", "resources[0].resource.gpu.attributes[0].key", "is not a GPU attribute"),
        ("\"true\"", "\"false\"", "resources[0].resource.gpu.attributes[0].value", "`false` is not the value"),
        (
            "{\"key\":\"vendor/nvidia/model/t4\",\"value\":\"true\"}",
            "",
            "resources[0].resource.gpu",
            "without saying which",
        ),
        ("\"amount\":\"1\"", "\"amount\":\"1e3\"", "resources[0].price.amount", "`1e3` is not a decimal number"),
        ("\"amount\":\"1\"", "\"amount\":1.5", "resources[0].price.amount", "expected an amount as decimal text"),
        ("\"amount\":\"1\"", "\"amount\":\"-1\"", "resources[0].price.amount", "`-1` is negative"),
        (
            "\"quantity\":{\"val\":\"1024\"}",
            "\"quantity\":{\"val\":\"1\"},\"size\":{\"val\":\"1\"}",
            "resources[0].resource.memory",
            "duplicate field",
        ),
    ] {
        assert!(SOUND.contains(from), "{from}");
        let error = read(&SOUND.replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.path().unwrap_or(""), path, "{to}: {error}");
        assert!(error.message().contains(message), "{to}: {error}");
    }
    let wrapped = format!("[{{\"spec\":{}}}]", SOUND.replacen("model/t4", "x", 1));
    let error = read(&wrapped).unwrap_err();
    assert_eq!(error.path(), Some("[0].spec.resources[0].resource.gpu.attributes[0].key"));
}

#[test]
fn what_is_no_json_is_refused_at_its_place() {
    for text in ["", " ", "{", "[", "[1]", "5", "null", "\"x\"", "[null]", "{}x", "{\"name\":\"g\"", "[{]", "[]", "{}"]
    {
        assert!(read(text).is_err(), "{text}");
    }
    let error = read("{\"name\": \"g\",\n  oops}").unwrap_err();
    assert_eq!((error.line(), error.column()), (Some(2), Some(3)));
    let after = read(&format!("{SOUND} x")).unwrap_err();
    assert!(after.line().is_some(), "{after}");
    assert!(read(&"[".repeat(100_000)).is_err());
    assert!(read(&" ".repeat(crate::order::MAX_INPUT_BYTES + 1)).unwrap_err().message().contains("the most is"));
}

#[test]
fn units_of_one_group_agree() {
    let two = |second: &str| {
        let unit = SOUND.split_once("\"resources\":[").unwrap().1.strip_suffix("]}").unwrap();
        let both = format!("{unit},{}", second.replace("UNIT", unit));
        read(&SOUND.replacen(unit, &both, 1))
    };
    let error = two("UNIT").unwrap_err();
    assert_eq!(error.to_string(), "at `resources`: two resource units have the id 1");
    let other = |from: &str, to: &str| {
        let unit = SOUND.split_once("\"resources\":[").unwrap().1.strip_suffix("]}").unwrap();
        two(&unit.replacen("\"id\":1", "\"id\":2", 1).replacen(from, to, 1))
    };
    assert!(other("uakt", "uakt").is_ok());
    assert!(other("uakt", "uact").unwrap_err().message().contains("one denom"));
    assert!(other(",\"price\":{\"denom\":\"uakt\",\"amount\":\"1\"}", "").unwrap_err().message().contains("no price"));
}
