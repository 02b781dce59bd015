//! The child's side: limits itself, reads the file, works, and says how that ended by its exit code.

use std::any::Any;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::thread;

use pricing_panics::tell_by;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The child could not begin or end its work; why stands on stderr.
pub(super) const NOT_STARTED: u8 = 2;
/// The work failed.
pub(super) const FAILED: u8 = 3;
/// Bytes of stack for the work: parsers and compilers recurse over what a file nests.
const STACK: usize = 64 << 20;

/// What the parent says of the limits, before the words that are for the work.
pub(super) struct Bounds {
    pub(super) memory_bytes: u64,
    pub(super) cpu_seconds: u64,
    pub(super) input_bytes: u64,
}

impl Bounds {
    /// The words that say it.
    pub(super) fn words(&self) -> [String; 3] {
        [self.memory_bytes, self.cpu_seconds, self.input_bytes].map(|number| number.to_string())
    }

    /// Takes them off the front of a command line.
    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Option<(Self, Vec<String>)> {
        let words: Option<Vec<String>> = arguments.into_iter().map(|word| word.into_string().ok()).collect();
        let words = words?;
        let (bounds, rest) = words.split_first_chunk::<3>()?;
        let [memory_bytes, cpu_seconds, input_bytes] = bounds.each_ref().map(|word| word.parse().ok());
        let bounds = Self { memory_bytes: memory_bytes?, cpu_seconds: cpu_seconds?, input_bytes: input_bytes? };
        Some((bounds, rest.to_vec()))
    }

    fn apply(&self) -> rustix::io::Result<()> {
        // A child whose parent is gone has nobody to kill it.
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        cap(Resource::Core, 0, 0)?;
        cap(Resource::Fsize, 0, 0)?;
        // The first limit ends the child by a signal of its own, so that it is not taken for one that somebody killed.
        cap(Resource::Cpu, self.cpu_seconds, self.cpu_seconds.saturating_add(1))?;
        cap(Resource::As, self.memory_bytes, self.memory_bytes)
    }
}

fn cap(resource: Resource, current: u64, maximum: u64) -> rustix::io::Result<()> {
    // Whoever started the parent may have set a lower one, which cannot be raised.
    let allowed = getrlimit(resource).maximum;
    let within = |value: u64| Some(allowed.map_or(value, |allowed| value.min(allowed)));
    setrlimit(resource, Rlimit { current: within(current), maximum: within(maximum) })
}

/// The main function of a child that [`run`](super::run) started with these arguments.
///
/// The work gets the words that were meant for it and the file, and writes its answer; an error is why it could not
/// begin or end. Where it panics, the child says nothing of it but its exit code.
pub fn serve(
    arguments: impl IntoIterator<Item = OsString>,
    work: impl FnOnce(&[String], &[u8], &mut dyn Write) -> Result<(), String> + Send,
) -> ExitCode {
    // The parent tells what happened in its own words: a panic's names the files of whoever built this.
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
    // Nobody is left to tell when this fails.
    let _ = writeln!(io::stderr(), "{message}");
    ExitCode::from(NOT_STARTED)
}

/// Works on a thread with a stack for deep files.
///
/// # Errors
/// When there is no such thread; in the second part, when the work panicked.
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
