//! Runs a program with a text on its stdin, and collects its output.
//!
//! A single thread does everything with non-blocking pipes. With blocking threads, a process that keeps a pipe open
//! would keep a thread too.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// How long a start is retried that failed for lack of a temporary resource.
const START_PATIENCE: Duration = Duration::from_secs(2);
/// The time between two attempts to start.
const START_REST: Duration = Duration::from_millis(5);
/// The time between two polls of a silent program: initially, and at most.
const REST: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(2));
/// The number of bytes per read, and of reads before anything else gets a turn.
const CHUNK: usize = 8 << 10;
const CHUNKS: u32 = 16;

/// The limits of a program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The time limit.
    pub(super) timeout: Duration,
    /// The maximum size of stdout, in bytes.
    pub(super) stdout: usize,
    /// How much of the end of stderr is kept, in bytes.
    pub(super) stderr: usize,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It exited with a code.
    Exited(i32),
    /// It was ended by a signal.
    Signalled(i32),
}

/// The output of a program.
#[derive(Clone, Debug)]
pub(super) struct ProgramOutput {
    /// How it ended.
    pub(super) ended: Ended,
    /// All of stdout.
    pub(super) stdout: Vec<u8>,
    /// The end of stderr.
    pub(super) stderr: Vec<u8>,
}

/// Why a program did not run to its end.
#[derive(Debug)]
pub(super) enum RunError {
    /// It could not be started.
    Start(io::Error),
    /// It exceeded the time limit and was killed. If it had already ended, a process that it started kept its output
    /// open.
    Deadline {
        /// Whether it had already ended.
        ended: bool,
    },
    /// It wrote too much, and was killed.
    Output,
    /// The system failed.
    System(io::Error),
}

/// Runs a program in a process group of its own. Whatever happens, nothing of that group is left.
pub(super) fn run(command: &mut Command, input: &[u8], limits: Limits) -> Result<ProgramOutput, RunError> {
    let started = Instant::now();
    let mut running = start(command, started)?;
    let mut talk = ProgramPipes::new(&mut running.child, input).map_err(RunError::System)?;
    let mut rest = REST.0;
    loop {
        let moved = talk.go_on().map_err(RunError::System)?;
        if talk.stdout.bytes.len() > limits.stdout {
            return Err(RunError::Output);
        }
        talk.stderr.forget(limits.stderr);
        let ended = running.ended().map_err(RunError::System)?;
        if let Some(ended) = ended.filter(|_| talk.is_over()) {
            talk.stderr.keep_last(limits.stderr);
            return Ok(ProgramOutput { ended, stdout: talk.stdout.bytes, stderr: talk.stderr.bytes });
        }
        let left = limits.timeout.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(RunError::Deadline { ended: ended.is_some() });
        }
        rest = if moved { REST.0 } else { rest.saturating_mul(2).min(REST.1) };
        sleep(rest.min(left));
    }
}

/// Starts a program and kills it at once, to see whether it can be started.
///
/// Only the kernel knows whether it can run a file. On a busy machine, the program may execute its first lines before
/// it is killed; its stdin is empty.
pub(super) fn probe(command: &mut Command) -> Result<(), io::Error> {
    match start(command, Instant::now()) {
        Ok(_) => Ok(()),
        Err(RunError::Start(error) | RunError::System(error)) => Err(error),
        Err(RunError::Deadline { .. } | RunError::Output) => Err(ErrorKind::Other.into()),
    }
}

/// The running process groups.
static GROUPS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn groups() -> MutexGuard<'static, BTreeSet<u32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills all running scripts. For a program that is about to exit itself, since nothing would kill them later.
pub fn end_all() {
    for group in groups().iter() {
        if let Some(group) = i32::try_from(*group).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// A running program.
struct Running {
    child: Child,
}

impl Running {
    /// How the program ended, if it did. It stays a zombie until it is dropped, so that its process ID is not reused
    /// before then.
    fn ended(&self) -> io::Result<Option<Ended>> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let status = match waitid(WaitId::Pid(Pid::from_child(&self.child)), options) {
            Err(rustix::io::Errno::INTR) => None,
            status => status?,
        };
        Ok(status.and_then(|status| {
            let by_signal = status.terminating_signal().map(Ended::Signalled);
            status.exit_status().map(Ended::Exited).or(by_signal)
        }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // If everything has ended, the group is empty, which is not a failure. Processes that left the group are not
        // ours.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.kill();
        groups().remove(&self.child.id());
        let _ = self.child.wait();
    }
}

fn start(command: &mut Command, started: Instant) -> Result<Running, RunError> {
    use std::os::unix::process::CommandExt;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    loop {
        match command.spawn() {
            Ok(child) => {
                groups().insert(child.id());
                return Ok(Running { child });
            }
            Err(error) if comes_back(&error) && started.elapsed() < START_PATIENCE => sleep(START_REST),
            Err(error) => return Err(RunError::Start(error)),
        }
    }
}

/// Whether a start may succeed a moment later: the file is being written, or there are too many processes or open
/// files.
fn comes_back(error: &io::Error) -> bool {
    let full = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE].map(rustix::io::Errno::raw_os_error);
    matches!(error.kind(), ErrorKind::ExecutableFileBusy | ErrorKind::WouldBlock | ErrorKind::OutOfMemory)
        || error.raw_os_error().is_some_and(|number| full.contains(&number))
}

/// The pipes of a program.
struct ProgramPipes<'a> {
    stdin: Option<ChildStdin>,
    input: &'a [u8],
    stdout: OutputPipe<ChildStdout>,
    stderr: OutputPipe<ChildStderr>,
}

impl<'a> ProgramPipes<'a> {
    fn new(child: &mut Child, input: &'a [u8]) -> io::Result<Self> {
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("the pipes of the program are missing"));
        };
        for pipe in [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()] {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        Ok(Self { stdin: Some(stdin), input, stdout: OutputPipe::new(stdout), stderr: OutputPipe::new(stderr) })
    }

    /// Writes and reads as much as possible without blocking. True if that was anything.
    fn go_on(&mut self) -> io::Result<bool> {
        let written = self.write();
        let heard = self.stdout.read()?;
        Ok(self.stderr.read()? || heard || written)
    }

    /// Whether both outputs are closed.
    fn is_over(&self) -> bool {
        self.stdout.pipe.is_none() && self.stderr.pipe.is_none()
    }

    /// Writes what fits. It is not a failure if a program does not read all of its input.
    fn write(&mut self) -> bool {
        let Some(pipe) = &mut self.stdin else { return false };
        let before = self.input.len();
        while !self.input.is_empty() {
            match pipe.write(self.input) {
                Ok(written) => self.input = self.input.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.input.len() < before,
                Err(_) => break,
            }
        }
        self.stdin = None;
        true
    }
}

/// An output pipe, and what was read from it.
struct OutputPipe<P> {
    pipe: Option<P>,
    bytes: Vec<u8>,
}

impl<P> OutputPipe<P> {
    fn new(pipe: P) -> Self {
        Self { pipe: Some(pipe), bytes: Vec::new() }
    }

    /// Drops all but the last bytes, in batches.
    fn forget(&mut self, kept: usize) {
        if self.bytes.len() > kept.saturating_mul(2) {
            self.keep_last(kept);
        }
    }

    fn keep_last(&mut self, kept: usize) {
        self.bytes.drain(..self.bytes.len().saturating_sub(kept));
    }
}

impl<P: Read> OutputPipe<P> {
    /// Reads what is available, a bounded number of times. True if that was anything.
    fn read(&mut self) -> io::Result<bool> {
        let mut chunk = [0; CHUNK];
        let before = self.bytes.len();
        for _ in 0..CHUNKS {
            let Some(pipe) = &mut self.pipe else { break };
            match pipe.read(&mut chunk) {
                Ok(0) => self.pipe = None,
                Ok(count) => self.bytes.extend_from_slice(chunk.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(self.bytes.len() > before)
    }
}
