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

#[test]
fn everything_that_is_malformed_is_found() {
    let variables = BTreeMap::from([
        ("PRICE_TARGET_CPU", "x"),
        ("PRICE_TARGET_HD_PERS_SSD", "-1"),
        (GPU_MAPPINGS, "t4=80,a100=,h100=1,H100=2"),
    ]);
    let problems = inspect(|name| variables.get(name).map(|text| (*text).to_owned())).unwrap_err();
    let paths: Vec<_> = problems.iter().filter_map(InputError::path).collect();
    let gpu = |entry: &str| format!("{GPU_MAPPINGS}: {entry}");
    assert_eq!(paths, ["PRICE_TARGET_CPU", "PRICE_TARGET_HD_PERS_SSD", &gpu("a100="), &gpu("H100=2")]);
}

#[test]
fn a_file_has_the_variables_as_shells_and_containers_write_them() {
    let text = "# the chart's\n\nexport PRICE_TARGET_CPU=\"1.25\"\nPRICE_TARGET_IP=\nAKASH_FROM=provider\r\n\
                PRICE_TARGET_GPU_MAPPINGS='t4=80,*=75'\n";
    let variables = file(text).unwrap();
    let expected = [("PRICE_TARGET_CPU", "1.25"), (GPU_MAPPINGS, "t4=80,*=75"), ("PRICE_TARGET_IP", "")];
    assert_eq!(variables, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[test]
fn a_slip_in_a_file_is_an_error_with_its_line() {
    for (text, told) in [
        ("PRICE_TARGET_CPU 1.25", "line 1, column 1: `PRICE_TARGET_CPU 1.25` is not a variable"),
        ("price: 1", "is not a variable"),
        ("\nPRICE_TARGET_CPUS=1", "line 2, column 1, at `PRICE_TARGET_CPUS`: "),
        (
            "PRICE_TARGET_CPU=1\nPRICE_TARGET_CPU=2",
            "line 2, column 1, at `PRICE_TARGET_CPU`: this variable stands twice",
        ),
        ("PATH=/bin", "there is no variable that begins with `PRICE_TARGET_`"),
        ("", "there is no variable"),
    ] {
        let error = file(text).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}
