//! The child's side of compiling: limits itself, reads a binary, writes an artefact.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use pricing_panics::tell_by;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::inspect::Kind;
use crate::{Fault, SizeClass};

use super::compile_here;

/// Exit codes of the child. What was meant for people stands on stderr.
pub(super) const NOT_COMPILED: u8 = 1;
/// The child could not begin.
pub(super) const NOT_STARTED: u8 = 2;

/// What the parent asks of a child, on its command line.
pub(super) struct Task {
    pub(super) kind: Kind,
    pub(super) class: SizeClass,
    pub(super) memory_bytes: u64,
    pub(super) cpu_seconds: u64,
    pub(super) module_bytes: u64,
}

impl Task {
    /// The arguments that say it.
    pub(super) fn arguments(&self) -> [String; 5] {
        [
            self.kind.name().to_owned(),
            self.class.name().to_owned(),
            self.memory_bytes.to_string(),
            self.cpu_seconds.to_string(),
            self.module_bytes.to_string(),
        ]
    }

    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut words = arguments.into_iter().map(|word| word.into_string().ok());
        let mut next = || words.next().flatten();
        let (kind, class) = (next()?, next()?);
        let mut number = || next()?.parse().ok();
        let task = Self {
            kind: [Kind::Component, Kind::Command].into_iter().find(|known| known.name() == kind)?,
            class: [SizeClass::Standard, SizeClass::Engine].into_iter().find(|known| known.name() == class)?,
            memory_bytes: number()?,
            cpu_seconds: number()?,
            module_bytes: number()?,
        };
        next().is_none().then_some(task)
    }
}

/// The main function of a compiling child: the binary on stdin, the artefact on stdout, what is wrong on stderr.
///
/// `arguments` are those that the host adds to [`Compiler::Child`](super::Compiler::Child)'s.
pub fn compile_child_main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // The compiler's threads panic, too. What made it fail is told once, by the end of this function.
    tell_by(|_| {});
    let Some(task) = Task::parse(arguments) else {
        return end(NOT_STARTED, "this program compiles plugins for the plugin host, and is not for people to run");
    };
    if let Err(error) = limit(&task) {
        return end(NOT_STARTED, &format!("the compiler could not limit itself: {error}"));
    }
    let mut wasm = Vec::new();
    if let Err(error) = io::stdin().lock().take(task.module_bytes).read_to_end(&mut wasm) {
        return end(NOT_STARTED, &format!("the compiler could not read the plugin: {error}"));
    }
    let artefact = match compile_here(&wasm, task.kind, task.class) {
        Ok(artefact) => artefact,
        Err(Fault { message, .. }) => return end(NOT_COMPILED, &message),
    };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(&artefact).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => end(NOT_STARTED, &format!("the compiler could not write what it made: {error}")),
    }
}

fn end(code: u8, message: &str) -> ExitCode {
    // Nobody is left to tell when this fails.
    let _ = writeln!(io::stderr(), "{message}");
    ExitCode::from(code)
}

fn limit(task: &Task) -> rustix::io::Result<()> {
    let cap = |resource, value: u64| {
        // Whoever started the parent may have set a lower one, which cannot be raised.
        let value = getrlimit(resource).maximum.map_or(value, |allowed| value.min(allowed));
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
    };
    // A child whose parent is gone has nobody to kill it.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    cap(Resource::Core, 0)?;
    cap(Resource::Fsize, 0)?;
    cap(Resource::Cpu, task.cpu_seconds)?;
    cap(Resource::As, task.memory_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Option<Task> {
        Task::parse(words.iter().map(OsString::from))
    }

    #[test]
    fn tasks_cross_the_command_line() {
        let task = Task {
            kind: Kind::Command,
            class: SizeClass::Engine,
            memory_bytes: 4 << 30,
            cpu_seconds: 11,
            module_bytes: 96 << 20,
        };
        let again = Task::parse(task.arguments().map(OsString::from)).unwrap();
        assert_eq!(again.arguments(), task.arguments());
    }

    #[test]
    fn other_arguments_are_refused() {
        for words in [
            &[][..],
            &["component"],
            &["module", "standard", "1", "1", "1"],
            &["component", "huge", "1", "1", "1"],
            &["component", "standard", "-1", "1", "1"],
            &["component", "standard", "1", "1", "1", "1"],
        ] {
            assert!(parse(words).is_none(), "{words:?}");
        }
    }
}
