//! The generated code matches the .proto files. `cargo xtask proto` regenerates it.

#![expect(clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use std::path::Path;

use protox::prost::Message;
use protox::prost_reflect::prost_types::DescriptorProto;
use protox::prost_reflect::prost_types::field_descriptor_proto::Type;

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

/// The Go module has all messages, with the chain's as bytes.
#[test]
fn the_go_module_says_what_the_service_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let service = protox::compile(["bidprice/v1/pricing.proto"], [root.join("proto")]).expect("it compiles");
    let example = protox::compile(["pricing.proto"], [root.join("../examples/go/wire")]).expect("it compiles");
    let full = service.file.iter().find(|file| file.package() == "bidprice.v1").expect("the file");
    let part = &example.file[0];
    let names = |messages: &[DescriptorProto]| -> Vec<String> {
        messages.iter().map(|message| message.name().to_owned()).collect()
    };
    assert_eq!(names(&part.message_type), names(&full.message_type));
    for message in &part.message_type {
        let whole = full.message_type.iter().find(|whole| whole.name() == message.name()).expect("the message");
        assert_eq!(message.field.len(), whole.field.len(), "{}", message.name());
        for field in &message.field {
            let same = whole.field.iter().find(|whole| whole.name() == field.name()).expect("the field");
            assert_eq!((field.number(), field.label()), (same.number(), same.label()), "{}", field.name());
            let as_bytes = field.r#type() == Type::Bytes && same.r#type() == Type::Message;
            assert!(as_bytes || field.r#type() == same.r#type(), "{}", field.name());
        }
    }
    assert_eq!(part.enum_type[0].value, full.enum_type[0].value);
}
