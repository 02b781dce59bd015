//! Measures what hostile files cost a checker: `cargo run --release -p benches --bin plugin_bombs -- [OPTIONS] [NAME]`.
//!
//! Runs `bidprice plugin check` on every file of `testkit::guests::bombs`, and measures the processor time of all its
//! processes and their peak memory together. `--program FILE` measures another build, such as an older version for
//! comparison. `--write FOLDER` keeps the files. With `--bars` the exit code is 1 if a file took more than 5 seconds or
//! 1 GiB. NAME selects the files whose names contain it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark without its input must stop, and reports"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use testkit::guests::bombs::{self, Bomb};

/// The most processor time per file, in seconds.
const SECONDS: f64 = 5.0;
/// The most memory per file, in bytes.
const MEMORY: u64 = 1 << 30;
/// How often memory is sampled.
const LOOK: Duration = Duration::from_millis(10);
/// The time after which a program is killed.
const PATIENCE: Duration = Duration::from_secs(180);

struct Options {
    program: PathBuf,
    write: Option<PathBuf>,
    bars: bool,
    word: String,
}

/// The cost of a file.
struct Cost {
    cpu: f64,
    wall: f64,
    memory: u64,
    verdict: String,
}

fn main() -> ExitCode {
    let options = options();
    let folder = tempfile::tempdir().unwrap();
    let folder = options.write.as_deref().unwrap_or(folder.path());
    fs::create_dir_all(folder).unwrap();
    println!("{:<48} {:>8} {:>8} {:>8} {:>9}  verdict", "file", "KiB", "cpu s", "wall s", "peak MiB");
    let mut kept = true;
    for bomb in bombs::all().into_iter().filter(|bomb| bomb.name.contains(&options.word)) {
        let path = written(folder, &bomb);
        let cost = measure(&options.program, &path);
        let Cost { cpu, wall, memory, verdict } = &cost;
        let (size, peak) = (bomb.file.len() >> 10, memory >> 20);
        println!("{:<48} {size:>8} {cpu:>8.2} {wall:>8.2} {peak:>9}  {verdict}", bomb.name);
        kept &= *cpu <= SECONDS && *memory <= MEMORY;
    }
    println!("{} every file within {SECONDS} s of processor time and 1 GiB", if kept { "kept  " } else { "MISSED" });
    if kept || !options.bars { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options() -> Options {
    let beside = std::env::current_exe().unwrap().with_file_name("bidprice");
    let mut options = Options { program: beside, write: None, bars: false, word: String::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--program" => options.program = words.next().unwrap().into(),
            "--write" => options.write = words.next().map(Into::into),
            "--bars" => options.bars = true,
            _ => options.word = word,
        }
    }
    options
}

fn written(folder: &Path, bomb: &Bomb) -> PathBuf {
    let name: String = bomb.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let path = folder.join(name);
    fs::write(&path, &bomb.file).unwrap();
    path
}

fn measure(program: &Path, file: &Path) -> Cost {
    let output = tempfile::NamedTempFile::new().unwrap();
    let (before, started) = (ended_children(), Instant::now());
    let mut child = Command::new(program)
        .args(["plugin", "check"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(output.reopen().unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; build it with `cargo build --release`", program.display()));
    let memory = peak_memory(&mut child, started);
    let wall = started.elapsed().as_secs_f64();
    let told = fs::read_to_string(output.path()).unwrap_or_default();
    let verdict = told.lines().next().unwrap_or("no answer").chars().take(140).collect();
    Cost { cpu: ended_children() - before, wall, memory, verdict }
}

/// Waits for the child to end, and returns the peak memory of it and its children together.
fn peak_memory(child: &mut Child, started: Instant) -> u64 {
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let memory = family(child.id()).iter().map(|pid| resident(*pid)).sum();
        peak = peak.max(memory);
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
        }
        std::thread::sleep(LOOK);
    }
    peak
}

/// Returns a process and its children.
fn family(pid: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|other| *other == pid || parent(*other) == Some(pid)).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Fields 3 and 4: the state and the parent. The name before them can contain anything, even a parenthesis.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Returns the resident memory of a process, in bytes.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0);
    kib << 10
}

/// Returns the processor time of all children that have ended, with that of their own children, in seconds.
fn ended_children() -> f64 {
    /// Ticks per second, fixed in the kernel's interface.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    // Fields 16 and 17. The text after the name starts with field 3.
    let ticks: u64 = after_name.split_whitespace().skip(13).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    f64::from(u32::try_from(ticks).unwrap()) / TICKS
}
