//! The child's side: limits itself, reads the file, works, and reports the outcome by its exit code.

use std::any::Any;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::thread;

use pricing_panics::tell_by;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The child could not start or finish its work; the reason is on stderr.
pub(super) const NOT_STARTED: u8 = 2;
/// The work failed.
pub(super) const FAILED: u8 = 3;
/// The stack size for the work, in bytes: parsers and compilers recurse over nested input.
const STACK: usize = 64 << 20;

/// The limits, as the arguments that precede those for the work.
pub(super) struct Bounds {
    pub(super) memory_bytes: u64,
    pub(super) cpu_seconds: u64,
    pub(super) input_bytes: u64,
}

impl Bounds {
    /// The limits as arguments.
    pub(super) fn words(&self) -> [String; 3] {
        [self.memory_bytes, self.cpu_seconds, self.input_bytes].map(|number| number.to_string())
    }

    /// Parses the limits from the front of a command line, and returns the rest.
    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Option<(Self, Vec<String>)> {
        let words: Option<Vec<String>> = arguments.into_iter().map(|word| word.into_string().ok()).collect();
        let words = words?;
        let (bounds, rest) = words.split_first_chunk::<3>()?;
        let [memory_bytes, cpu_seconds, input_bytes] = bounds.each_ref().map(|word| word.parse().ok());
        let bounds = Self { memory_bytes: memory_bytes?, cpu_seconds: cpu_seconds?, input_bytes: input_bytes? };
        Some((bounds, rest.to_vec()))
    }

    fn apply(&self) -> rustix::io::Result<()> {
        // If the parent dies, nothing would kill the child.
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        cap(Resource::Core, 0, 0)?;
        cap(Resource::Fsize, 0, 0)?;
        // The soft limit ends the child with a signal of its own, so that it is not mistaken for a kill from outside.
        cap(Resource::Cpu, self.cpu_seconds, self.cpu_seconds.saturating_add(1))?;
        cap(Resource::As, self.memory_bytes, self.memory_bytes)
    }
}

fn cap(resource: Resource, current: u64, maximum: u64) -> rustix::io::Result<()> {
    // The parent may have inherited a lower limit, which cannot be raised.
    let allowed = getrlimit(resource).maximum;
    let within = |value: u64| Some(allowed.map_or(value, |allowed| value.min(allowed)));
    setrlimit(resource, Rlimit { current: within(current), maximum: within(maximum) })
}

/// The main function of a child that was started by [`run`](super::run) with these arguments.
///
/// `work` gets its arguments and the file, and writes its answer; its error is the reason why it could not start or
/// finish. If it panics, only the exit code says so.
pub fn serve(
    arguments: impl IntoIterator<Item = OsString>,
    work: impl FnOnce(&[String], &[u8], &mut dyn Write) -> Result<(), String> + Send,
) -> ExitCode {
    // The parent reports what happened in its own words. The message of a panic contains file names of the build
    // machine.
    tell_by(|_| {});
    let Some((bounds, words)) = Bounds::parse(arguments) else {
        return not_started("this program works for the plugin host, and is not for people to run");
    };
    if let Err(error) = bounds.apply() {
        return not_started(&format!("it could not limit itself: {error}"));
    }
    let mut file = Vec::new();
    if let Err(error) = io::stdin().lock().take(bounds.input_bytes).read_to_end(&mut file) {
        return not_started(&format!("it could not read the file: {error}"));
    }
    let done = on_large_stack(|| {
        let mut stdout = io::stdout().lock();
        work(&words, &file, &mut stdout)?;
        stdout.flush().map_err(|error| format!("it could not write its answer: {error}"))
    });
    match done {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        Ok(Ok(Err(message))) => not_started(&message),
        Ok(Err(_)) => ExitCode::from(FAILED),
        Err(error) => not_started(&format!("it has no thread for its work: {error}")),
    }
}

fn not_started(message: &str) -> ExitCode {
    // If this fails, there is nobody left to tell.
    let _ = writeln!(io::stderr(), "{message}");
    ExitCode::from(NOT_STARTED)
}

/// Runs some work on a thread with a large stack, for deeply nested input.
///
/// # Errors
/// When the thread cannot be started. The inner error is a panic of the work.
pub(crate) fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<Result<T, Box<dyn Any + Send>>> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("plugin-compiler".to_owned()).stack_size(STACK);
        thread.spawn_scoped(scope, work).map(thread::ScopedJoinHandle::join)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_cross_the_command_line() {
        let bounds = Bounds { memory_bytes: 4 << 30, cpu_seconds: 11, input_bytes: 96 << 20 };
        let words = bounds.words().into_iter().chain(["compile".to_owned()]).map(OsString::from);
        let (again, rest) = Bounds::parse(words).unwrap();
        assert_eq!((again.words(), rest), (bounds.words(), vec!["compile".to_owned()]));
    }

    #[test]
    fn other_arguments_are_refused() {
        for words in [&[][..], &["1", "1"], &["-1", "1", "1"], &["1", "one", "1", "1"]] {
            assert!(Bounds::parse(words.iter().map(OsString::from)).is_none(), "{words:?}");
        }
    }
}
