use super::*;

fn read_with(variables: &[(&str, &str)]) -> Result<Pricing, InputError> {
    read(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
}

#[test]
fn unset_and_empty_are_the_default() {
    assert_eq!(read_with(&[]).unwrap(), Pricing::default());
    assert_eq!(read_with(&[("PRICE_TARGET_CPU", ""), (GPU_MAPPINGS, "")]).unwrap(), Pricing::default());
}

#[test]
fn every_variable_is_read() {
    let pricing = read_with(&[
        ("PRICE_TARGET_CPU", "2"),
        ("PRICE_TARGET_HD_PERS_NVME", "0.09"),
        (GPU_MAPPINGS, "a100.80Gi=1000,*=50"),
    ]);
    let pricing = pricing.unwrap();
    assert_eq!(pricing.rates.cpu.to_string(), "2");
    assert_eq!(pricing.rates.storage["beta3"].to_string(), "0.09");
    assert_eq!(pricing.rates.gpu.entries().len(), 2);
    let origin = Origin::Environment(GPU_MAPPINGS.to_owned());
    assert_eq!(pricing.origins.get("rates.gpu.\"a100.80Gi\""), &origin);
}

#[test]
fn what_is_malformed_is_named() {
    for (name, text, said) in [
        ("PRICE_TARGET_CPU", "abc", "PRICE_TARGET_CPU"),
        ("PRICE_TARGET_IP", "-1", "is negative"),
        (GPU_MAPPINGS, "a100=abc,t4=1", "PRICE_TARGET_GPU_MAPPINGS: a100=abc"),
        (GPU_MAPPINGS, "t4=1,a100", "PRICE_TARGET_GPU_MAPPINGS: a100"),
        (GPU_MAPPINGS, "=5", "is not a GPU key"),
        (GPU_MAPPINGS, "a100=", "is not a decimal number"),
        (GPU_MAPPINGS, "a100 =5", "is not a GPU key"),
        (GPU_MAPPINGS, "a100=1=2", "is not a decimal number"),
        (GPU_MAPPINGS, "a100=1,A100=2", "two keys for one card"),
    ] {
        let error = read_with(&[(name, text)]).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}
