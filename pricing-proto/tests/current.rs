//! The generated code is what the .proto files generate. `cargo xtask proto` writes it anew.

#![expect(clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use std::path::Path;

use protox::prost::Message;

const FILES: [&str; 3] =
    ["bidprice/v1/pricing.proto", "akash/provider/v1/provider.proto", "akash/inventory/v1/inventory.proto"];

#[test]
fn generated_code_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fresh = tempfile::tempdir().expect("a folder");
    let descriptors = protox::compile(FILES, [root.join("proto")]).expect("the .proto files compile");
    std::fs::write(fresh.path().join("descriptors.bin"), descriptors.encode_to_vec()).expect("written");
    tonic_prost_build::configure()
        .out_dir(fresh.path())
        .include_file("mod.rs")
        // The client and the drop-in link neither servers nor a transport that they do not choose themselves.
        .build_transport(false)
        .server_mod_attribute(".", "#[cfg(feature = \"server\")]")
        .compile_fds(descriptors)
        .expect("the code is generated");

    let committed = root.join("src/generated");
    if std::env::var_os("BIDPRICE_GENERATE").is_some() {
        for (name, content) in files(fresh.path()) {
            std::fs::write(committed.join(name), content).expect("written");
        }
        return;
    }
    for (name, content) in files(fresh.path()) {
        let kept = std::fs::read(committed.join(&name)).unwrap_or_default();
        assert!(kept == content, "src/generated/{name} is not current: run `cargo xtask proto`");
    }
    assert_eq!(files(&committed).len(), files(fresh.path()).len(), "src/generated has files that nothing generates");
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.map(|name| (name.clone(), std::fs::read(folder.join(&name)).expect("a file"))).collect()
}
