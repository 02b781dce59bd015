//! Turns a file into machine code. Parsing, inspection and compilation all happen in a child process that can be
//! killed.

mod finding;
mod here;
mod report;
mod words;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::inspect::Inspection;
use crate::limited::{self, Limits};
use crate::verdict::{Refusal, Verdict};
use crate::{LoadLimits, SizeClass};

/// The maximum size of an artefact, as a multiple of the maximum size of a plugin of its class.
const ARTEFACT_FACTOR: u64 = 8;

/// Where plugins are inspected and compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// In a child process with time and memory limits. This is the safe choice.
    Child {
        /// The program: `plugin-compiler`, or one that calls [`compile_child_main`] for `args`.
        program: PathBuf,
        /// Arguments that precede those added by the host.
        args: Vec<OsString>,
    },
    /// In this process. Only the size limits of [`LoadLimits`] apply: a plugin that is slow to compile blocks the
    /// loading thread, in the worst case for the number of functions times the slowest possible function. For embedders
    /// that cannot start processes, and trust their plugins.
    InProcess,
}

/// What to find out about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The size class whose limits apply.
    pub class: SizeClass,
    /// Whether to compile the file if it is accepted.
    pub artefact: bool,
    /// Whether to check the limits of the larger class if the file is rejected.
    pub larger: bool,
}

/// What was found out about a file.
#[derive(Clone, Debug)]
pub struct Examination {
    verdict: Verdict,
    larger: Option<Inspection>,
    /// None if the file was rejected, or none was wanted.
    artefact: Option<Result<Vec<u8>, Refusal>>,
}

impl Examination {
    /// The inspection of the file.
    ///
    /// # Errors
    /// The reason why it cannot be a plugin.
    pub fn inspection(&self) -> Result<&Inspection, &Refusal> {
        self.verdict.as_ref()
    }

    /// The inspection of a rejected file by the larger class, if that was wanted and accepts the file.
    #[must_use]
    pub fn larger(&self) -> Option<&Inspection> {
        self.larger.as_ref()
    }

    /// The inspection of the file, and its machine code.
    ///
    /// # Errors
    /// The reason why it cannot be a plugin, or does not compile.
    pub fn compiled(&self) -> Result<(&Inspection, &[u8]), &Refusal> {
        let inspection = self.verdict.as_ref()?;
        match &self.artefact {
            Some(artefact) => artefact.as_ref().map(|artefact| (inspection, artefact.as_slice())),
            None => Ok((inspection, &[])),
        }
    }
}

impl Compiler {
    /// Inspects and compiles a file.
    #[must_use]
    pub fn examine(&self, file: &[u8], wanted: Wanted) -> Examination {
        self.examine_within(file, wanted, &wanted.class.load_limits())
    }

    /// The same, with other time and memory limits than those of the class.
    #[must_use]
    pub fn examine_within(&self, file: &[u8], wanted: Wanted, limits: &LoadLimits) -> Examination {
        match self {
            Self::Child { program, args } => {
                let output_bytes = report::output_limit(artefact_limit(wanted.class));
                let limits = Limits::of_loading(wanted.class, limits, output_bytes);
                let ended = limited::run(program, args, &wanted.words(), file, &limits);
                let unfinished = words::unfinished(&ended.end, &limits);
                finding::assemble(wanted, report::read(&ended.output), unfinished)
            }
            Self::InProcess => here::examine_here(file, wanted),
        }
    }
}

/// The maximum size of an artefact of this class, in bytes.
fn artefact_limit(class: SizeClass) -> u64 {
    class.load_limits().module_bytes.saturating_mul(ARTEFACT_FACTOR).max(16 << 20)
}

impl Wanted {
    /// Inspect and compile.
    #[must_use]
    pub fn artefact(class: SizeClass) -> Self {
        Self { class, artefact: true, larger: false }
    }

    /// Inspect only, and check whether the larger class accepts what this one rejects.
    #[must_use]
    pub fn inspection(class: SizeClass) -> Self {
        Self { class, artefact: false, larger: true }
    }

    /// The arguments for a child.
    fn words(self) -> [String; 3] {
        let word = |yes: bool, word: &str| if yes { word.to_owned() } else { "-".to_owned() };
        [self.class.name().to_owned(), word(self.artefact, "artefact"), word(self.larger, "larger")]
    }

    fn parse(words: &[String]) -> Option<Self> {
        let classes = [SizeClass::Standard, SizeClass::Engine];
        let flags = [false, true];
        let all = classes.into_iter().flat_map(|class| {
            flags.into_iter().flat_map(move |artefact| flags.map(|larger| Self { class, artefact, larger }))
        });
        all.into_iter().find(|wanted| wanted.words() == words)
    }
}

/// The main function of a compiling child: reads the file from stdin, and writes what it finds to stdout.
///
/// `arguments` are those that the host adds to the ones of [`Compiler::Child`].
pub fn compile_child_main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    limited::serve(arguments, |words, file, out: &mut dyn Write| {
        let wanted = Wanted::parse(words).ok_or("its output makes no sense; it may be another version")?;
        here::examine(file, wanted, &mut |finding| report::write(out, &finding))
            .map_err(|error| format!("it could not write what it found: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_crosses_the_command_line() {
        for class in [SizeClass::Standard, SizeClass::Engine] {
            for wanted in [Wanted::artefact(class), Wanted::inspection(class)] {
                assert_eq!(Wanted::parse(&wanted.words()), Some(wanted));
            }
        }
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for other in
            [&[][..], &["standard"], &["huge", "-", "-"], &["standard", "-", "-", "-"], &["standard", "x", "-"]]
        {
            assert_eq!(Wanted::parse(&words(other)), None, "{other:?}");
        }
    }
}
