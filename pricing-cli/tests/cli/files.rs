//! Files that are not plain, wherever the programs read or write a file: they are refused, and never waited for.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test must say so at once")]

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use testkit::free_address::FreeAddress;

/// A limit that only ends tests that hang.
const HANGS: Duration = Duration::from_secs(300);

const SCENARIO: &str = "seed = 1\n[orders]\njsonl = \"orders.jsonl\"\n[inventory]\nfile = \"inventory.json\"\n\
                        [[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n";
const ORDERS: &str = "{\"id\":\"a\",\"at\":0,\"lifetime\":\"1h\",\"cpu\":1,\"memory\":\"1Gi\"}\n";

/// A folder with valid files, and one of each kind that is not a plain file.
struct Zoo(TempDir);

impl Zoo {
    fn new() -> Self {
        let zoo = Self(tempfile::tempdir().unwrap());
        let inventory = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/inventory/mixed.json");
        fs::copy(inventory, zoo.path("inventory.json")).unwrap();
        let order = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/request.json");
        fs::copy(order, zoo.path("order.json")).unwrap();
        let rates = "[rates.gpu]\n\"*\" = \"50\"\n";
        for (name, text) in [("scenario.toml", SCENARIO), ("orders.jsonl", ORDERS), ("rates.toml", rates)] {
            fs::write(zoo.path(name), text).unwrap();
        }
        for name in ["pipe", "pipe.csv", "pipe.jsonl", "pipe.parquet", "pipe.toml", "pipe.wasm"] {
            mknodat(CWD, zoo.path(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        }
        for (to, name) in [("/dev/zero", "zero"), ("pipe", "link"), ("/dev/full", "full.csv"), ("/dev/null", "null")] {
            symlink(to, zoo.path(name)).unwrap();
        }
        UnixListener::bind(zoo.path("socket")).unwrap();
        fs::create_dir(zoo.path("folder")).unwrap();
        zoo
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, program: &Path, args: &[&str], more: impl FnOnce(&mut Command)) -> (Option<i32>, String) {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.0.path()).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        more(&mut command);
        ended(command.spawn().unwrap(), args)
    }

    /// Runs a command. Returns its exit code and everything that it printed.
    fn bidprice(&self, line: &str) -> (Option<i32>, String) {
        let args: Vec<&str> = line.split(' ').collect();
        let answer = self.path("answer.txt");
        let (exit, told) = self.run(Path::new(crate::programs::BIDPRICE), &args, |command| {
            command.stdout(fs::File::create(&answer).unwrap());
        });
        (exit, told + &fs::read_to_string(answer).unwrap())
    }

    /// Runs a command, and expects exit code 1 and these words.
    fn refused(&self, line: &str, words: &str) {
        let (exit, told) = self.bidprice(line);
        assert_eq!(exit, Some(1), "{line}: {told}");
        assert!(told.contains(words), "{line}: {told}");
    }
}

/// Waits for the end of a process. Returns its exit code and what it printed.
fn ended(mut child: Child, what: &[&str]) -> (Option<i32>, String) {
    // Read in a thread, so that the process never waits for its reader.
    let mut stderr = child.stderr.take().unwrap();
    let told = std::thread::spawn(move || {
        let mut told = Vec::new();
        stderr.read_to_end(&mut told).unwrap();
        String::from_utf8_lossy(&told).into_owned()
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > HANGS {
            child.kill().unwrap();
            panic!("{what:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    (status.code(), told.join().unwrap())
}

#[test]
fn what_is_no_plain_file_is_refused_wherever_a_file_is_read() {
    let zoo = Zoo::new();
    let pipe = "it is a pipe, not a plain file";
    let device = "it is a device, not a plain file";
    let cases = [
        ("quote pipe", pipe),
        ("quote link", pipe),
        ("quote zero", device),
        ("quote /dev/zero", device),
        ("quote socket", "it is a socket, not a plain file"),
        ("quote folder", "it is a folder, not a plain file"),
        ("quote order.json --inventory pipe", pipe),
        ("quote order.json --inventory zero", device),
        ("quote order.json --rates pipe", pipe),
        ("quote order.json --rates /dev/zero", device),
        ("reserve pipe --inventory inventory.json", pipe),
        ("reserve order.json --inventory link", pipe),
        ("reserve order.json --inventory inventory.json --rates zero", device),
        ("groups pipe", pipe),
        ("inventory check pipe", pipe),
        ("inventory check /dev/zero", device),
        ("replay pipe.jsonl", pipe),
        ("replay link", pipe),
        ("replay /dev/zero", device),
        ("shadow report pipe.jsonl", pipe),
        ("shadow report zero", device),
        ("simulate pipe.toml", pipe),
        ("simulate zero", device),
        ("simulate plan pipe.toml --shards 1 --out planned", pipe),
        ("diff rates.toml rates.toml --orders pipe.jsonl", pipe),
        ("diff rates.toml rates.toml --orders pipe.parquet", pipe),
        ("diff rates.toml pipe.csv --orders orders.jsonl", pipe),
        ("diff rates.toml pipe.parquet --orders orders.jsonl", pipe),
        ("diff pipe.toml rates.toml --orders orders.jsonl", pipe),
        ("plugin inspect pipe.wasm", pipe),
        ("plugin run zero order.json", device),
        ("quote order.json --plugin pipe.wasm", pipe),
        ("serve --config pipe.toml", pipe),
        ("config check pipe.toml", pipe),
        ("config check zero", device),
    ];
    for (line, words) in cases {
        zoo.refused(line, words);
    }
    // The message for a pipe suggests standard input.
    zoo.refused("quote pipe", "name a file, or `-` for standard input");
}

#[test]
fn what_is_no_plain_file_is_refused_wherever_a_file_names_it() {
    let zoo = Zoo::new();
    let config =
        |text: &str| fs::write(zoo.path("bidprice.toml"), format!("[listen]\nsocket = \"s\"\n{text}")).unwrap();
    // The port is reserved for this test, although the service fails before it binds it.
    let free = FreeAddress::new();
    let tcp = free.get();
    let tls = |key: &str| {
        format!("tcp = \"{tcp}\"\n[listen.tls]\ncertificate = \"{key}\"\nkey = \"{key}\"\nclient_ca = \"{key}\"\n")
    };
    let configs = [
        ("[rates]\nfile = \"pipe\"\n".to_owned(), "it is a pipe, not a plain file"),
        ("[rates]\nfile = \"zero\"\n".to_owned(), "it is a device, not a plain file"),
        (tls("pipe"), "it is a pipe, not a plain file"),
        (tls("zero"), "it is a device, not a plain file"),
        ("[plugin]\nfile = \"pipe.wasm\"\n".to_owned(), "it is a pipe, not a plain file"),
    ];
    for (text, words) in configs {
        config(&text);
        zoo.refused("config check bidprice.toml", words);
        zoo.refused("serve --config bidprice.toml", words);
    }
    // The file may appear later, so the service starts without it. The check reports what is there now.
    config("[inventory]\nfile = \"pipe\"\n");
    let (_, told) = zoo.bidprice("config check bidprice.toml --output json");
    assert!(told.contains("it is a pipe, not a plain file"), "{told}");
    for (from, to) in [
        ("jsonl = \"orders.jsonl\"", "jsonl = \"pipe\""),
        ("jsonl = \"orders.jsonl\"", "csv = \"zero\""),
        ("jsonl = \"orders.jsonl\"", "parquet = \"pipe.parquet\""),
        ("jsonl = \"orders.jsonl\"", "openb = \"link\""),
        ("jsonl = \"orders.jsonl\"", "bid_log = \"pipe.jsonl\""),
        ("file = \"inventory.json\"", "file = \"pipe\""),
        ("file = \"inventory.json\"", "openb = \"zero\""),
        ("rates = \"rates.toml\"", "rates = \"pipe\""),
        ("rates = \"rates.toml\"", "rates = \"rates.toml\"\nplugin = \"pipe.wasm\""),
    ] {
        fs::write(zoo.path("changed.toml"), SCENARIO.replace(from, to)).unwrap();
        zoo.refused("simulate changed.toml", "not a plain file");
    }
}

#[test]
fn a_log_is_read_to_its_end_whatever_lies_in_its_folder() {
    let zoo = Zoo::new();
    fs::create_dir(zoo.path("log")).unwrap();
    fs::create_dir(zoo.path("log/objects")).unwrap();
    let name = "log/bids-20330518T033320Z-00000001.jsonl";
    mknodat(CWD, zoo.path(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let (exit, _) = zoo.bidprice("replay log");
    assert_eq!(exit, Some(4), "a file of the log could not be checked");
    fs::remove_file(zoo.path(name)).unwrap();
    symlink("/dev/zero", zoo.path(name)).unwrap();
    assert_eq!(zoo.bidprice("replay log").0, Some(4));
    fs::remove_file(zoo.path(name)).unwrap();
    // A valid line whose rate card is a pipe.
    let digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let line = format!(
        "{{\"schema\":1,\"kind\":\"decision\",\"sequence\":1,\"call\":\"quote\",\"order\":{},\"group\":{{\"index\":0,\
         \"name\":\"\"}},\"rates\":\"{digest}\",\"scheduler\":\"sound\",\"search_steps\":1,\"quote\":{{}}}}\n",
        serde_json::to_string(&fs::read_to_string(zoo.path("order.json")).unwrap()).unwrap()
    );
    fs::write(zoo.path(name), line).unwrap();
    let object = format!("log/objects/{}", digest.replace(':', "-"));
    for ending in ["", ".gz"] {
        let path = zoo.path(&format!("{object}{ending}"));
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert_eq!(zoo.bidprice("replay log").0, Some(4));
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn only_plain_files_are_written() {
    let zoo = Zoo::new();
    for (option, path) in [
        ("--report", "pipe"),
        ("--report", "link"),
        ("--report", "null"),
        ("--report", "/dev/full"),
        ("--report", "/dev/stderr"),
        ("--report", "folder"),
        ("--report", "socket"),
        ("--results", "pipe.csv"),
        ("--results", "full.csv"),
        ("--results", "pipe.parquet"),
        ("--decisions", "pipe.jsonl"),
        ("--decisions", "pipe.parquet"),
        ("--timings", "pipe"),
        ("--checkpoint", "pipe"),
        ("--checkpoint", "zero"),
    ] {
        let words = if option == "--checkpoint" { "is not a checkpoint" } else { "not a plain file" };
        zoo.refused(&format!("simulate scenario.toml {option} {path}"), words);
    }
    // The targets are unchanged.
    assert!(fs::symlink_metadata(zoo.path("link")).unwrap().is_symlink());
    assert!(!fs::metadata(zoo.path("pipe")).unwrap().is_file());
    assert!(fs::read_dir(zoo.0.path()).unwrap().all(|entry| {
        let name = entry.unwrap().file_name();
        !name.to_string_lossy().contains(".part")
    }));
}

#[test]
fn a_report_does_not_go_where_the_answer_goes() {
    let zoo = Zoo::new();
    let args = ["simulate", "scenario.toml", "--report", "/dev/stdout"];
    let (exit, told) = zoo.run(Path::new(crate::programs::BIDPRICE), &args, |command| {
        command.stdout(fs::File::create(zoo.path("answer")).unwrap());
    });
    assert_eq!(exit, Some(1), "{told}");
    assert!(told.contains("standard output goes there"), "{told}");
    let (exit, told) = zoo.run(Path::new(crate::programs::BIDPRICE), &args, |command| {
        command.stdout(Stdio::piped());
    });
    assert_eq!(exit, Some(1), "{told}");
    assert!(told.contains("it is a pipe, not a plain file"), "{told}");
    // The same file is found by its name, too.
    let args = ["simulate", "scenario.toml", "--report", "answer"];
    let (exit, told) = zoo.run(Path::new(crate::programs::BIDPRICE), &args, |command| {
        command.stdout(fs::File::create(zoo.path("answer")).unwrap());
    });
    assert_eq!(exit, Some(1), "{told}");
}

#[test]
fn what_a_shell_pipes_in_is_standard_input() {
    let zoo = Zoo::new();
    let bash = |script: &str| {
        zoo.run(Path::new("bash"), &["-c", script], |command| {
            command.env("B", crate::programs::BIDPRICE).env("PATH", std::env::var_os("PATH").unwrap());
        })
    };
    let rates = "--rates rates.toml --usd-per-akt 0.5";
    let (exit, told) = bash(&format!("cat order.json | \"$B\" quote - {rates}"));
    assert_eq!(exit, Some(0), "{told}");
    let (exit, told) = bash(&format!("\"$B\" quote - {rates} < order.json"));
    assert_eq!(exit, Some(0), "{told}");
    // A plain file is one under any name.
    let (exit, told) = bash(&format!("\"$B\" quote /dev/stdin {rates} < order.json"));
    assert_eq!(exit, Some(0), "{told}");
    for script in ["\"$B\" quote <(cat order.json)", "cat order.json | \"$B\" quote /dev/stdin"] {
        let (exit, told) = bash(script);
        assert_eq!(exit, Some(1), "{told}");
        assert!(told.contains("it is a pipe, not a plain file (name a file, or `-` for standard input)"), "{told}");
    }
    // Endless input is read only up to the limit.
    for command in ["quote -", "groups -", "simulate -"] {
        let (exit, told) = bash(&format!("\"$B\" {command} < /dev/zero"));
        assert_eq!(exit, Some(1), "{command}: {told}");
        assert!(told.contains("it has more than"), "{command}: {told}");
    }
}

#[test]
fn a_file_that_cannot_grow_is_told_of_and_leaves_nothing() {
    let zoo = Zoo::new();
    let orders: String = (0..2_000).map(|number| ORDERS.replace("\"a\"", &format!("\"{number}\""))).collect();
    fs::write(zoo.path("orders.jsonl"), orders).unwrap();
    // In kilobytes: from the first byte, and in the middle of many rows.
    let cases = [("--results", 0), ("--timings", 0), ("--decisions", 0), ("--decisions", 4)];
    for (option, most) in cases {
        for name in ["rows.csv", "rows.jsonl", "rows.parquet"] {
            // With SIGXFSZ ignored, exceeding the limit is a write error, like a full disk.
            let simulate = format!("simulate scenario.toml --threads 3 {option} {name}");
            let script = format!("trap '' XFSZ; ulimit -f {most}; exec \"$B\" {simulate}");
            let (exit, told) = zoo.run(Path::new("bash"), &["-c", &script], |command| {
                command.env("B", crate::programs::BIDPRICE);
            });
            assert_eq!(exit, Some(1), "{option} {name}: {told}");
            assert!(told.contains(&format!("{name}: it cannot be written: File too large")), "{option}: {told}");
            assert!(!zoo.path(name).exists(), "{option} {name}");
        }
    }
}

#[test]
fn texts_may_begin_with_a_byte_order_mark_and_are_utf_8() {
    let zoo = Zoo::new();
    let marked = |name: &str| {
        let mut bytes = b"\xef\xbb\xbf".to_vec();
        bytes.extend(fs::read(zoo.path(name)).unwrap());
        fs::write(zoo.path(name), bytes).unwrap();
    };
    ["order.json", "inventory.json", "rates.toml", "scenario.toml", "orders.jsonl"].into_iter().for_each(marked);
    let (exit, told) = zoo.bidprice("quote order.json --inventory inventory.json --rates rates.toml --usd-per-akt 0.5");
    assert_eq!(exit, Some(0), "{told}");
    let (exit, told) = zoo.bidprice("simulate scenario.toml");
    assert_eq!(exit, Some(0), "{told}");
    fs::write(zoo.path("order.json"), b"\xff\xfe{\0}\0").unwrap();
    zoo.refused("quote order.json", "it is UTF-16 text; save it as UTF-8");
    fs::write(zoo.path("order.json"), b"{\"resources\":\"\xff\"}").unwrap();
    zoo.refused("quote order.json", "it is not UTF-8 text");
}
