//! Runs the whole test suite repeatedly: on a quiet machine, beside busy cores, and with hardly any CPU time. A test
//! that depends on the machine's speed or load sooner or later fails here.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The folder for the output of failed runs.
const FOLDER: &str = "target/steady";

/// The load beside the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// No load.
    Quiet,
    /// One spinning thread per core.
    Busy,
    /// One thread per core that spins half of the time, while the suite has the lowest priority (`nice -n 19`).
    Nice,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Busy => "busy",
            Self::Nice => "nice",
        }
    }

    /// How long the spinning threads rest between two turns. None if there are no such threads.
    fn rest(self) -> Option<Duration> {
        match self {
            Self::Quiet => None,
            Self::Busy => Some(Duration::ZERO),
            // Without a rest, the suite would get about a hundredth of the CPU time.
            Self::Nice => Some(TURN),
        }
    }

    fn suite(self) -> Command {
        const SUITE: [&str; 4] = ["cargo", "test", "--workspace", "--no-fail-fast"];
        let words: &[&str] = match self {
            Self::Quiet | Self::Busy => &[],
            Self::Nice => &["nice", "-n", "19"],
        };
        let mut words = words.iter().chain(&SUITE);
        let mut command = Command::new(words.next().unwrap_or(&"cargo"));
        command.args(words).env("CARGO_TERM_COLOR", "never");
        crate::without_cargo(&mut command);
        command
    }
}

/// How often the suite runs with each kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    quiet: u32,
    busy: u32,
    nice: u32,
}

impl Plan {
    /// Parses `N [--busy N] [--nice N]`. The first number applies to every kind that has no option.
    pub(crate) fn parse(words: &[&str]) -> Option<Self> {
        let (runs, mut rest) = words.split_first()?;
        let runs = runs.parse().ok()?;
        let mut plan = Self { quiet: runs, busy: runs, nice: runs };
        while let Some((option, more)) = rest.split_first() {
            let (runs, more) = more.split_first()?;
            let place = match *option {
                "--busy" => &mut plan.busy,
                "--nice" => &mut plan.nice,
                _ => return None,
            };
            *place = runs.parse().ok()?;
            rest = more;
        }
        Some(plan)
    }

    fn parts(self) -> [(Kind, u32); 3] {
        [(Kind::Quiet, self.quiet), (Kind::Busy, self.busy), (Kind::Nice, self.nice)]
    }
}

/// The result of one run of the suite.
#[derive(Debug)]
struct Run {
    kind: Kind,
    number: u32,
    success: bool,
    passed: u64,
    failed: u64,
    /// The names of the tests that failed.
    failures: Vec<String>,
    time: Duration,
}

impl Run {
    /// Runs the suite once. Keeps the output only if the run fails.
    fn make(kind: Kind, number: u32, folder: &Path) -> io::Result<Self> {
        let log = log(folder, kind, number);
        let output = File::create(&log)?;
        let start = Instant::now();
        let status = kind.suite().stdout(output.try_clone()?).stderr(output).status()?;
        let time = start.elapsed();
        let text = fs::read(&log)?;
        if status.success() {
            fs::remove_file(&log)?;
        }
        let text = String::from_utf8_lossy(&text);
        let (passed, failed) = counted(&text);
        Ok(Self { kind, number, success: status.success(), passed, failed, failures: failures(&text), time })
    }

    fn tell(&self, folder: &Path) {
        let Self { kind, number, passed, failed, .. } = self;
        let (kind_name, seconds) = (kind.name(), self.time.as_secs_f64());
        eprintln!("{kind_name} {number}: {passed} passed, {failed} failed, {seconds:.1} s");
        if !self.success {
            eprintln!("  {}: {}", log(folder, *kind, *number).display(), self.failures.join(", "));
        }
    }
}

fn log(folder: &Path, kind: Kind, number: u32) -> PathBuf {
    folder.join(format!("{}-{number}.log", kind.name()))
}

/// Counts passed and failed tests over all test programs, from their summary lines.
fn counted(text: &str) -> (u64, u64) {
    let ends = text.lines().filter_map(|line| line.strip_prefix("test result: "));
    ends.fold((0, 0), |(passed, failed), end| {
        let number = |what: &str| {
            let part = end.split([';', '.']).map(str::trim).find_map(|part| part.strip_suffix(what));
            part.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or(0)
        };
        (passed.saturating_add(number("passed")), failed.saturating_add(number("failed")))
    })
}

/// Returns the names of the failed tests.
fn failures(text: &str) -> Vec<String> {
    let line = |line: &str| line.strip_prefix("test ")?.strip_suffix(" ... FAILED").map(str::to_owned);
    text.lines().filter_map(line).collect()
}

/// How long a thread spins before it rests. Several time slices of the scheduler.
const TURN: Duration = Duration::from_millis(20);

/// Threads, one per core, that spin or alternate between spinning and resting, until this is dropped.
struct Spinners {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Spinners {
    fn start(rest: Duration) -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let stop = Arc::new(AtomicBool::new(false));
        let spin = |_| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    while start.elapsed() < TURN {
                        std::hint::spin_loop();
                    }
                    thread::sleep(rest);
                }
            })
        };
        let threads = (0..cores).map(spin).collect();
        Self { stop, threads }
    }
}

impl Drop for Spinners {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // The thread's code cannot panic.
            let _ = thread.join();
        }
    }
}

/// Runs the suite as planned. Returns whether every run passed.
pub(crate) fn run(plan: Plan) -> io::Result<bool> {
    let folder = Path::new(FOLDER);
    fs::create_dir_all(folder)?;
    if !super::cargo(&["test", "--workspace", "--no-run"], &[]) {
        return Ok(false);
    }
    let mut runs = Vec::new();
    for (kind, number) in plan.parts() {
        for number in 1..=number {
            let spinners = kind.rest().map(Spinners::start);
            let run = Run::make(kind, number, folder);
            drop(spinners);
            let run = run?;
            run.tell(folder);
            runs.push(run);
        }
    }
    summarise(plan, &runs);
    Ok(runs.iter().all(|run| run.success))
}

fn summarise(plan: Plan, runs: &[Run]) {
    for (kind, _) in plan.parts() {
        let of_kind = || runs.iter().filter(|run| run.kind == kind);
        let good = of_kind().filter(|run| run.success).count();
        let times = || of_kind().map(|run| run.time);
        if let (Some(least), Some(most)) = (times().min(), times().max()) {
            let (name, all) = (kind.name(), of_kind().count());
            let (least, most) = (least.as_secs_f64(), most.as_secs_f64());
            eprintln!("{name}: {good} of {all} runs passed, in {least:.1} to {most:.1} s");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_as_many_runs_of_each_kind_unless_told_otherwise() {
        let runs = |words: &[&str]| Plan::parse(words).map(|plan| plan.parts().map(|(_, runs)| runs));
        assert_eq!(runs(&["3"]), Some([3, 3, 3]));
        assert_eq!(runs(&["3", "--nice", "0", "--busy", "5"]), Some([3, 5, 0]));
        for words in [&[][..], &["x"], &["3", "--busy"], &["3", "--quiet", "1"], &["3", "4"]] {
            assert_eq!(runs(words), None, "{words:?}");
        }
    }

    #[test]
    fn what_the_programs_say_is_counted() {
        let text = "test a::b ... ok\ntest a::c ... FAILED\n\
                    test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                    test result: ok. 41 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 1.20s\n";
        assert_eq!(counted(text), (42, 1));
        assert_eq!(failures(text), ["a::c"]);
    }
}
