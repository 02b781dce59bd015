//! Calls of the C library, in any order. What they do is beside the library's tests, which replay the corpus.

#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

#[path = "../../pricing-ffi/tests/ffi/opened.rs"]
#[allow(dead_code, reason = "the tests of the library need more")]
mod opened;
#[path = "../../pricing-ffi/tests/ffi/sequence.rs"]
mod sequence;

static SHARED: OnceLock<sequence::Shared> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    SHARED.get_or_init(|| sequence::Shared::open(&folder())).run(data);
});

/// The folder of this process. A fuzzer ends without cleaning up, so the folders of those that have ended are removed.
fn folder() -> PathBuf {
    let all = std::env::temp_dir().join("bidprice-fuzz-abi");
    let folder = all.join(std::process::id().to_string());
    fs::create_dir_all(&folder).expect("a folder");
    for other in fs::read_dir(&all).expect("the folder").flatten() {
        if !Path::new("/proc").join(other.file_name()).exists() {
            let _ = fs::remove_dir_all(other.path());
        }
    }
    folder
}
