//! The parent's side: starts a child, feeds it, and kills it at its limits.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::inspect::passed_on;

use super::inside::{Bounds, FAILED, NOT_STARTED};
use super::{ChildEnd, ChildResult, Limits};

/// How much of the child's stderr is read, in bytes.
const MESSAGE_BYTES: u64 = 4 << 10;
/// The interval between polls of a child that has written everything and is about to end.
const LOOK: Duration = Duration::from_millis(1);
/// The interval between checks of the child's processor time.
const PROCESSOR_LOOK: Duration = Duration::from_millis(50);
/// The stack size of each thread that shares the work, in bytes.
const THREAD_STACK: u64 = 16 << 20;
/// The start of the message with which Rust's allocator aborts.
const OUT_OF_MEMORY: &str = "memory allocation of";

/// A child that is always killed and reaped, along with everything that it started.
struct Reaped {
    child: Child,
    status: Option<ExitStatus>,
}

impl Reaped {
    /// Whether the child has ended. This does not reap it, so its process group ID stays reserved.
    fn has_ended(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(Pid::from_child(&self.child)), options)?.is_some())
    }

    /// Waits for the end until a deadline. True if it ended.
    fn ends_by(&self, deadline: Instant) -> io::Result<bool> {
        loop {
            if self.has_ended()? {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            thread::sleep(LOOK);
        }
    }

    /// The processor time that the child has used, if the system reports it.
    fn processor_time(&self) -> Option<Duration> {
        used(&fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?)
    }

    /// Kills what is still running, and reaps the child.
    fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        // The child leads a group of its own. If all of it has ended, there is nothing to kill.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let status = self.child.wait()?;
        self.status = Some(status);
        Ok(status)
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        // An error means that there is no such child.
        let _ = self.end();
    }
}

/// Runs a child to work on a file: a program that calls [`serve`](super::serve) when it is started with `args`. `words`
/// says which work.
#[must_use]
pub fn run(program: &Path, args: &[OsString], words: &[String], file: &[u8], limits: &Limits) -> ChildResult {
    watched(program, args, words, file, limits)
        .unwrap_or_else(|message| ChildResult { output: Vec::new(), end: ChildEnd::NotStarted(message) })
}

/// Starts the child, and talks with it until it ends or exceeds a limit.
///
/// The child gets its own process group, so that a signal ends everything that it started, and a complete environment,
/// so that nothing of this process's environment reaches it.
fn watched(
    program: &Path,
    args: &[OsString],
    words: &[String],
    file: &[u8],
    limits: &Limits,
) -> Result<ChildResult, String> {
    let deadline = Instant::now().checked_add(limits.time).ok_or("its time is out of range")?;
    let bounds = Bounds {
        memory_bytes: limits.memory_bytes,
        cpu_seconds: limits.cpu_seconds(),
        input_bytes: u64::try_from(file.len()).unwrap_or(u64::MAX),
    };
    let mut command = Command::new(program);
    command.args(args).args(bounds.words()).args(words).env_clear().envs(environment(limits)).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| format!("`{}` could not be started: {error}", program.display()))?;
    let mut child = Reaped { child, status: None };
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.child.stdin.take(), child.child.stdout.take(), child.child.stderr.take())
    else {
        return Err("it was started without its pipes".to_owned());
    };
    let heard = ChildPipes { file, limits, deadline }.with(&mut child, Pipes { stdin, stdout, stderr });
    let heard = heard.map_err(|error| format!("it could not be watched: {error}"))?;
    let end = heard.end();
    Ok(ChildResult { output: heard.output, end })
}

/// The complete environment of a child: the number of threads, their stack size, and a low number of heaps.
fn environment(limits: &Limits) -> [(&'static str, String); 3] {
    [
        ("RAYON_NUM_THREADS", limits.threads.to_string()),
        ("RUST_MIN_STACK", THREAD_STACK.to_string()),
        ("MALLOC_ARENA_MAX", "4".to_owned()),
    ]
}

struct Pipes {
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

/// The communication with a child.
struct ChildPipes<'a> {
    file: &'a [u8],
    limits: &'a Limits,
    deadline: Instant,
}

/// The output of a child.
struct ChildOutput {
    status: ExitStatus,
    /// The limit for which it was killed, if it did not end by itself.
    stopped: Option<ChildEnd>,
    output: Vec<u8>,
    message: String,
}

impl ChildPipes<'_> {
    /// Feeds the child and reads from it. Each pipe has a thread of its own, so that a full pipe cannot block both
    /// sides. The threads end when the child is dead, which is before this returns.
    fn with(&self, child: &mut Reaped, pipes: Pipes) -> io::Result<ChildOutput> {
        let Pipes { mut stdin, stdout, stderr } = pipes;
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            let started = thread::Builder::new()
                .spawn_scoped(scope, move || {
                    // A child that does not read all of it reports why in its own way.
                    let _ = stdin.write_all(self.file);
                })
                .and_then(|_| thread::Builder::new().spawn_scoped(scope, move || read_message(stderr)))
                .and_then(|message| {
                    let output = thread::Builder::new().spawn_scoped(scope, move || self.read(stdout, &sender))?;
                    Ok((message, output))
                });
            let (message, output) = match started {
                Ok(threads) => threads,
                Err(error) => {
                    // The threads that were started are waiting for the child.
                    child.end()?;
                    return Err(error);
                }
            };
            let stopped = self.wait(child, &receiver);
            // The reading threads only end with the child, so it must end before an error leaves this scope.
            let status = child.end()?;
            let (output, message) = (output.join().unwrap_or_default(), message.join().unwrap_or_default());
            Ok(ChildOutput { status, stopped: stopped?, output, message })
        })
    }

    /// Waits until the child has ended, or exceeds a limit, which is returned.
    ///
    /// The child also has a kernel limit for its processor time. For that, the kernel counts the clock ticks at which
    /// the child happens to run, which on a busy machine can be as few as two thirds of the time that it really used.
    /// The time in `/proc` is measured.
    fn wait(&self, child: &Reaped, receiver: &Receiver<Output>) -> io::Result<Option<ChildEnd>> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match receiver.recv_timeout(left.min(PROCESSOR_LOOK)) {
                Ok(Output::TooLarge) => return Ok(Some(ChildEnd::Output)),
                Ok(Output::All) | Err(RecvTimeoutError::Disconnected) => {
                    return Ok((!child.ends_by(self.deadline)?).then_some(ChildEnd::Time));
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Ok(Some(ChildEnd::Time)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if child.processor_time().is_some_and(|used| used >= self.limits.cpu) {
                return Ok(Some(ChildEnd::Processor));
            }
        }
    }

    fn read(&self, stdout: ChildStdout, sender: &Sender<Output>) -> Vec<u8> {
        let (limit, mut output) = (self.limits.output_bytes, Vec::new());
        let result = stdout.take(limit.saturating_add(1)).read_to_end(&mut output);
        let too_large = result.is_ok() && u64::try_from(output.len()).is_ok_and(|length| length > limit);
        // The receiver is gone if the time was up.
        let _ = sender.send(if too_large { Output::TooLarge } else { Output::All });
        output
    }
}

/// Parses the processor time from a line of `/proc/PID/stat`: user and system time of all threads.
fn used(stat: &str) -> Option<Duration> {
    /// Milliseconds per tick: the kernel's `USER_HZ` is 100.
    const TICK: u64 = 10;
    // The program's name is in parentheses and can contain anything. After it come the fields from the third on.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(|field| field.parse::<u64>().ok());
    let ticks = times.next()??.saturating_add(times.next()??);
    Some(Duration::from_millis(ticks.saturating_mul(TICK)))
}

/// Whether all of a child's stdout was read.
enum Output {
    All,
    TooLarge,
}

fn read_message(mut stderr: ChildStderr) -> String {
    let mut message = Vec::new();
    // A read error only means that there is nothing to show. The rest is read too, so that the child never blocks.
    let _ = stderr.by_ref().take(MESSAGE_BYTES).read_to_end(&mut message);
    let _ = io::copy(&mut stderr, &mut io::sink());
    String::from_utf8_lossy(&message).into_owned()
}

impl ChildOutput {
    fn end(&self) -> ChildEnd {
        if let Some(stopped) = &self.stopped {
            return stopped.clone();
        }
        match self.status.code() {
            Some(0) => ChildEnd::Done,
            Some(code) if code == i32::from(FAILED) => ChildEnd::Failed,
            Some(code) if code == i32::from(NOT_STARTED) => ChildEnd::NotStarted(passed_on(&self.message)),
            _ if self.message.contains(OUT_OF_MEMORY) => ChildEnd::Memory,
            Some(code) => ChildEnd::Exit(code),
            None => by_signal(self.status.signal().unwrap_or_default()),
        }
    }
}

fn by_signal(signal: i32) -> ChildEnd {
    if signal == Signal::XCPU.as_raw() {
        return ChildEnd::Processor;
    }
    // The signals that end a process that did nothing wrong: from an operator, a service manager, or the kernel when
    // memory is short.
    let from_outside = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];
    if from_outside.iter().any(|known| known.as_raw() == signal) {
        ChildEnd::Killed(signal)
    } else {
        ChildEnd::Crashed(signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_that_of_user_and_system() {
        let stat = "17 (a) b (c)) S 1 17 17 0 -1 4194560 700 0 0 0 120 34 5 6 20 0 1 0 100 9000 80";
        assert_eq!(used(stat), Some(Duration::from_millis(1_540)));
        for cut in ["", "17 (a", "17 (a) S 1 17 17 0 -1 4194560 700 0 0 0 120", "17 (a) S 1 2 3 4 5 6 7 8 9 10 x 34"] {
            assert_eq!(used(cut), None, "{cut}");
        }
    }
}
