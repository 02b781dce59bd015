//! Replays the corpus of the fuzz target that makes calls, without a fuzzer.

use std::fs;
use std::path::Path;

use crate::sequence::Shared;

#[test]
fn the_corpus_of_the_fuzz_target_replays() {
    let folder = tempfile::tempdir().unwrap();
    let shared = Shared::open(folder.path());
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/abi");
    let mut files: Vec<_> = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let bids: usize = files.into_iter().map(|file| shared.run(&fs::read(file).unwrap())).sum();
    assert!(bids > 5, "{bids} bids");
}
