//! The parent's side of compiling: starts a child, feeds it, and ends it when its time is up.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::inspect::{Kind, passed_on, size};
use crate::{Fault, LoadLimits, SizeClass};

use super::artefact_limit;
use super::child::{NOT_COMPILED, NOT_STARTED, Task};

/// Bytes of the child's stderr that are read.
const MESSAGE_BYTES: u64 = 4 << 10;
/// How long to wait between looks at a child that has written everything and is about to end.
const LOOK: Duration = Duration::from_millis(1);
/// Threads that compile a large plugin, at most.
const MOST_THREADS: u64 = 8;
/// Bytes of stack of each of them.
const THREAD_STACK: u64 = 16 << 20;
/// What Rust's allocator says before it aborts.
const OUT_OF_MEMORY: &str = "memory allocation of";

/// A child that is killed and reaped, whatever happens, and whatever it started with it.
struct Reaped {
    child: Child,
    status: Option<ExitStatus>,
}

impl Reaped {
    /// Whether the child has ended. It is not reaped by this, so that its process group keeps its number.
    fn has_ended(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(Pid::from_child(&self.child)), options)?.is_some())
    }

    /// Waits for the end until the deadline, and tells whether it came.
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

    /// Ends what still runs, and reaps the child.
    fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        // The child leads a group of its own. When all of it has ended, there is nothing to kill.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let status = self.child.wait()?;
        self.status = Some(status);
        Ok(status)
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        // An error is that there is no such child.
        let _ = self.end();
    }
}

/// Compiles in a child process.
pub(super) fn compile(
    program: &Path,
    args: &[OsString],
    wasm: &[u8],
    kind: Kind,
    class: SizeClass,
    limits: &LoadLimits,
) -> Result<Vec<u8>, Fault> {
    let deadline = Instant::now().checked_add(limits.compile_time);
    let deadline = deadline.ok_or_else(|| Fault::rejected("the time to compile is out of range"))?;
    let task = Task {
        kind,
        class,
        memory_bytes: limits.compile_memory,
        cpu_seconds: limits.compile_cpu.as_secs().max(1),
        module_bytes: limits.module_bytes,
    };
    let mut command = Command::new(program);
    command.args(args).args(task.arguments()).env_clear().envs(environment(class)).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| {
        Fault::rejected(format!("the plugin compiler `{}` could not be started: {error}", program.display()))
    })?;
    let mut child = Reaped { child, status: None };
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.child.stdin.take(), child.child.stdout.take(), child.child.stderr.take())
    else {
        return Err(Fault::rejected("the plugin compiler was started without its pipes"));
    };
    let talk = Talk { wasm, artefact_limit: artefact_limit(limits) };
    let ended = talk.with(&mut child, Pipes { stdin, stdout, stderr }, deadline);
    ended.map_err(|error| Fault::rejected(format!("the plugin compiler could not be watched: {error}")))?.judge(limits)
}

/// How many threads compile a plugin of this class. Each takes address space, of which a child has little.
fn threads(class: SizeClass) -> u64 {
    match class {
        SizeClass::Standard => 1,
        SizeClass::Engine => {
            let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
            u64::try_from(cores).unwrap_or(1).min(MOST_THREADS)
        }
    }
}

/// All that a child is told by its environment: how many threads, with how large a stack, and how few heaps.
fn environment(class: SizeClass) -> [(&'static str, String); 3] {
    [
        ("RAYON_NUM_THREADS", threads(class).to_string()),
        ("RUST_MIN_STACK", THREAD_STACK.to_string()),
        ("MALLOC_ARENA_MAX", "4".to_owned()),
    ]
}

struct Pipes {
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

/// What goes to and from a child.
struct Talk<'a> {
    wasm: &'a [u8],
    artefact_limit: u64,
}

/// How a child ended: none when its time was up.
struct Ended {
    status: Option<ExitStatus>,
    artefact: Vec<u8>,
    too_large: bool,
    message: String,
}

impl Talk<'_> {
    /// Feeds the child and reads from it, each pipe on a thread of its own, so that none of them can fill up and stop
    /// both sides. The threads end when the child is dead, which is before this returns.
    fn with(&self, child: &mut Reaped, pipes: Pipes, deadline: Instant) -> io::Result<Ended> {
        let Pipes { mut stdin, stdout, stderr } = pipes;
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            let started = thread::Builder::new()
                .spawn_scoped(scope, move || {
                    // A child that does not want it all says why in its own way.
                    let _ = stdin.write_all(self.wasm);
                })
                .and_then(|_| thread::Builder::new().spawn_scoped(scope, move || read_message(stderr)))
                .and_then(|message| {
                    let artefact = thread::Builder::new().spawn_scoped(scope, move || self.read(stdout, &sender))?;
                    Ok((message, artefact))
                });
            let (message, artefact) = match started {
                Ok(threads) => threads,
                Err(error) => {
                    // The threads that did start wait for the child.
                    child.end()?;
                    return Err(error);
                }
            };
            let wait = deadline.saturating_duration_since(Instant::now());
            let in_time = match receiver.recv_timeout(wait) {
                Ok(Heard::TooLarge) | Err(RecvTimeoutError::Timeout) => Ok(false),
                Ok(Heard::All) | Err(RecvTimeoutError::Disconnected) => child.ends_by(deadline),
            };
            // The reading threads end with the child: it must end before an error leaves this scope.
            let status = child.end()?;
            let status = in_time?.then_some(status);
            let (artefact, too_large) = artefact.join().unwrap_or_default();
            Ok(Ended { status, artefact, too_large, message: message.join().unwrap_or_default() })
        })
    }

    fn read(&self, stdout: ChildStdout, sender: &Sender<Heard>) -> (Vec<u8>, bool) {
        let mut artefact = Vec::new();
        let result = stdout.take(self.artefact_limit.saturating_add(1)).read_to_end(&mut artefact);
        let too_large =
            result.is_ok() && u64::try_from(artefact.len()).is_ok_and(|length| length > self.artefact_limit);
        // The receiver is gone when the time was up.
        let _ = sender.send(if too_large { Heard::TooLarge } else { Heard::All });
        (artefact, too_large)
    }
}

/// How far a child's stdout was read.
enum Heard {
    All,
    TooLarge,
}

fn read_message(mut stderr: ChildStderr) -> String {
    let mut message = Vec::new();
    // What cannot be read is not there to be shown. The rest is read too, so that the child never waits.
    let _ = stderr.by_ref().take(MESSAGE_BYTES).read_to_end(&mut message);
    let _ = io::copy(&mut stderr, &mut io::sink());
    String::from_utf8_lossy(&message).into_owned()
}

impl Ended {
    fn judge(self, limits: &LoadLimits) -> Result<Vec<u8>, Fault> {
        if self.too_large {
            return Err(Fault::rejected(format!(
                "the plugin compiles to more than {} of machine code: make it smaller",
                size(artefact_limit(limits))
            )));
        }
        let Some(status) = self.status else {
            return Err(Fault::rejected(format!(
                "the plugin took longer than {:?} to compile: make it smaller, and its functions simpler",
                limits.compile_time
            )));
        };
        let message = passed_on(&self.message);
        match status.code() {
            Some(0) if self.artefact.is_empty() => Err(Fault::rejected("the plugin compiler ended without a result")),
            Some(0) => Ok(self.artefact),
            Some(code) if code == i32::from(NOT_COMPILED) && !message.is_empty() => Err(Fault::rejected(message)),
            Some(code) if code == i32::from(NOT_STARTED) => {
                Err(Fault::rejected(format!("the plugin compiler could not do its work: {message}")))
            }
            _ if self.message.contains(OUT_OF_MEMORY) => Err(Fault::rejected(format!(
                "the plugin needs more than {} of memory to compile: make it smaller, and its functions simpler",
                size(limits.compile_memory)
            ))),
            Some(code) => Err(Fault::rejected(format!("the plugin compiler ended with exit code {code}: {message}"))),
            None => Err(crashed(status, limits)),
        }
    }
}

fn crashed(status: ExitStatus, limits: &LoadLimits) -> Fault {
    let signal = status.signal().unwrap_or_default();
    if signal == Signal::XCPU.as_raw() || signal == Signal::KILL.as_raw() {
        return Fault::rejected(format!(
            "the plugin took more than {:?} of processor time to compile, or its compiler was ended from outside (signal \
             {signal}): make it smaller, and its functions simpler",
            limits.compile_cpu
        ));
    }
    Fault::rejected(format!("the plugin compiler crashed (signal {signal}): make the plugin smaller and simpler"))
}
