//! The committed header is the one that the code makes.

use std::fs;
use std::path::Path;

#[test]
fn the_header_is_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).unwrap();
    let sources = ["src/abi.rs", "src/code.rs"].map(|source| folder.join(source));
    let builder = sources.iter().fold(cbindgen::Builder::new().with_config(config), cbindgen::Builder::with_src);
    let mut header = Vec::new();
    builder.generate().unwrap().write(&mut header);
    let header = String::from_utf8(header).unwrap();
    let path = folder.join("include/bidprice.h");
    if std::env::var_os("BIDPRICE_GENERATE").is_some() {
        fs::write(&path, &header).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(committed == header, "include/bidprice.h is not current; `cargo xtask header` writes it");
}
