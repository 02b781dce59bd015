//! Loading through the cache.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pricing_host::cache::{Cache, CacheKey};
use pricing_host::compile::Compiler;
use pricing_host::engine::{Purpose, engine};
use pricing_host::inspect::Digest;
use pricing_host::load::{Compiled, Loaded, Loader, Origin};
use pricing_host::{Fault, SizeClass};
use testkit::guests::compiling::branchy;
use wasmtime::Engine;

use super::guests::{COMMAND, command, compiler, component};
use crate::common::again_for;

/// Set for the processes that [`processes_share_a_cache`] and [`a_full_disk_is_a_warning`] start.
const SHARED: &str = "BIDPRICE_TEST_SHARED_CACHE";
const FULL: &str = "BIDPRICE_TEST_FULL_DISK";

fn run_engine() -> Engine {
    engine(SizeClass::Standard, Purpose::Run { concurrency: 1, backtraces: false }).unwrap()
}

fn load_by(compiler: &Compiler, engine: &Engine, cache: Option<&Cache>, file: &[u8]) -> Result<Loaded, Fault> {
    Loader { engine, class: SizeClass::Standard, compiler, cache }.load(file)
}

fn load(engine: &Engine, cache: &Cache, text: &str) -> Loaded {
    load_by(&Compiler::InProcess, engine, Some(cache), text.as_bytes()).unwrap()
}

fn origin(engine: &Engine, cache: &Cache, text: &str) -> Origin {
    load(engine, cache, text).origin
}

/// A compiler that is not to be asked.
fn nobody() -> Compiler {
    Compiler::Child { program: "/nowhere".into(), args: Vec::new() }
}

#[test]
fn the_second_load_is_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(&folder.path().join("c")).unwrap();
    let engine = run_engine();
    for text in [COMMAND.to_owned(), component("")] {
        assert_eq!(origin(&engine, &cache, &text), Origin::Compiled(None));
        let again = Cache::open(&folder.path().join("c")).unwrap();
        // Nobody parses, inspects or compiles it again.
        let first = load(&engine, &again, &text);
        let loaded = load_by(&nobody(), &engine, Some(&again), text.as_bytes()).unwrap();
        assert_eq!((&loaded.origin, &loaded.inspection), (&Origin::Cache, &first.inspection));
        assert_eq!(matches!(loaded.compiled, Compiled::Module(_)), text == COMMAND);
    }
    // A file is known by all of its bytes.
    assert_eq!(origin(&engine, &cache, &format!(";; new\n{COMMAND}")), Origin::Compiled(None));
}

#[test]
fn a_refusal_is_kept_as_long_as_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let (cache, engine) = (Cache::open(&path).unwrap(), run_engine());
    let told = |compiler: &Compiler, file: &[u8]| load_by(compiler, &engine, Some(&cache), file).unwrap_err().message;
    // What the file is, for good.
    let stranger = command(r#"(import "env" "x" (func))"#);
    let message = told(&compiler(), stranger.as_bytes());
    assert!(message.contains("`env.x`"), "{message}");
    assert_eq!(told(&nobody(), stranger.as_bytes()), message);
    // What a limit ended, for a while.
    let ended = |ending: &str| Compiler::Child {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), format!("cat >/dev/null; {ending}").into()],
    };
    let message = told(&ended("kill -XCPU $$"), &branchy(1, 1));
    assert_eq!(told(&nobody(), &branchy(1, 1)), message);
    // What the machine did, not at all.
    let message = told(&ended("kill -KILL $$"), &branchy(1, 2));
    assert!(message.contains("from outside"), "{message}");
    load_by(&compiler(), &engine, Some(&cache), &branchy(1, 2)).unwrap();
    assert!(told(&nobody(), &branchy(1, 3)).contains("`/nowhere` could not be started"));
    assert_eq!(entries(&path).len(), 3);
}

#[test]
fn a_refusal_that_was_tampered_with_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let (cache, engine) = (Cache::open(&path).unwrap(), run_engine());
    let stranger = command(r#"(import "env" "x" (func))"#);
    load_by(&Compiler::InProcess, &engine, Some(&cache), stranger.as_bytes()).unwrap_err();
    let refused = path.join(&entries(&path)[0]);
    origin(&engine, &cache, COMMAND);
    let name = entries(&path).into_iter().map(|name| path.join(name)).find(|entry| *entry != refused).unwrap();
    // Another file's refusal under this file's name.
    fs::copy(&refused, &name).unwrap();
    assert_eq!(origin(&engine, &cache, COMMAND), Origin::Compiled(None));
}

#[test]
fn a_poisoned_cache_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let cache = Cache::open(&path).unwrap();
    let engine = run_engine();
    let (one, two) = (command("(func $one)"), command("(func $two unreachable)"));
    origin(&engine, &cache, &one);
    let first = entries(&path);
    origin(&engine, &cache, &two);
    let second: Vec<_> = entries(&path).into_iter().filter(|name| !first.contains(name)).collect();
    let (first, second) = (path.join(&first[0]), path.join(&second[0]));

    fs::copy(&first, &second).unwrap();
    assert_eq!(origin(&engine, &cache, &two), Origin::Compiled(None), "another plugin's artefact");
    let mut bytes = fs::read(&first).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&first, bytes).unwrap();
    assert_eq!(origin(&engine, &cache, &one), Origin::Compiled(None), "a flipped bit");
    assert_eq!(origin(&engine, &cache, &one), Origin::Cache);
    fs::write(path.join("key"), [7; 32]).unwrap();
    let foreign = Cache::open(&path).unwrap();
    assert_eq!(origin(&engine, &foreign, &one), Origin::Compiled(None), "another key");
}

#[test]
fn what_verifies_and_does_not_load_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(&folder.path().join("c")).unwrap();
    let engine = run_engine();
    let key = CacheKey::new(&Digest::of(COMMAND.as_bytes()), &engine, SizeClass::Standard);
    let entry = |artefact: &[u8]| {
        // A good verdict with this for code.
        origin(&engine, &cache, COMMAND);
        let good = cache.get(&key).unwrap();
        let head = 4 + usize::try_from(u32::from_le_bytes(good[..4].try_into().unwrap())).unwrap();
        [&good[..head], artefact].concat()
    };
    for entry in [b"no entry".to_vec(), Vec::new(), entry(b"no artefact"), entry(b"")] {
        cache.put(&key, &entry).unwrap();
        assert_eq!(origin(&engine, &cache, COMMAND), Origin::Compiled(None));
        assert_eq!(origin(&engine, &cache, COMMAND), Origin::Cache);
    }
}

#[test]
fn what_the_pool_cannot_hold_is_refused() {
    let engine = run_engine();
    let text = command(&"(global (mut i64) (i64.const 0))".repeat(70_000));
    let fault = load_by(&Compiler::InProcess, &engine, None, text.as_bytes()).unwrap_err();
    assert!(fault.message.contains("cannot be run here"), "{fault}");
    // A compiler that answers with something else is found out.
    let liar = Compiler::Child { program: "/bin/sh".into(), args: vec!["-c".into(), "cat >/dev/null; echo x".into()] };
    let fault = load_by(&liar, &engine, None, COMMAND.as_bytes()).unwrap_err();
    assert!(fault.message.contains("without a result"), "{fault}");
}

#[test]
fn processes_share_a_cache() {
    if let Some(path) = std::env::var_os(SHARED) {
        return fill(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared");
    let start = || again(SHARED, &path, "processes_share_a_cache").spawn().unwrap();
    let children: Vec<Child> = (0..8).map(|_| start()).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{told}");
    }
    assert!(entries(&path).len() <= 6);
    assert!(
        fs::read_dir(&path).unwrap().all(|entry| !entry.unwrap().file_name().to_string_lossy().starts_with(".tmp"))
    );
    // All of them agreed on one key.
    let (cache, engine) = (Cache::open(&path).unwrap(), run_engine());
    assert!((0..6).all(|number| origin(&engine, &cache, &plugin(number)) == Origin::Cache));
}

fn plugin(number: usize) -> String {
    command(&format!("(func (result i32) (i32.const {number}))"))
}

/// One of the processes, with two threads.
fn fill(path: &Path) {
    let engine = run_engine();
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let engine = &engine;
            scope.spawn(move || {
                for round in 0..12 {
                    let cache = Cache::open(path).unwrap();
                    load(engine, &cache, &plugin((round + thread) % 6));
                }
            });
        }
    });
}

#[test]
fn a_full_disk_is_a_warning() {
    if let Some(path) = std::env::var_os(FULL) {
        return write_to_full_disk(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    Cache::open(&path).unwrap();
    let child = again(FULL, &path, "a_full_disk_is_a_warning");
    // A file may have one block here, as on a disk that has one left.
    let output = Command::new("/bin/sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"])
        .arg(child.get_program())
        .args(child.get_args())
        .env(FULL, &path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    assert_eq!(entries(&path).len(), 0);
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "only the key");
}

fn write_to_full_disk(path: &Path) {
    let (cache, engine) = (Cache::open(path).unwrap(), run_engine());
    let Origin::Compiled(Some(warning)) = origin(&engine, &cache, COMMAND) else { panic!("it was written") };
    assert!(warning.to_string().contains("was not written to the cache"), "{warning}");
}

/// This test program again, for one test.
fn again(variable: &str, path: &Path, test: &str) -> Command {
    let mut command = again_for(module_path!(), test);
    command.env(variable, path).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn entries(path: &Path) -> Vec<String> {
    let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".artefact")).collect()
}
