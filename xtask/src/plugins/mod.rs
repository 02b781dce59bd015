//! `plugins`: builds the example plugins, and compares fresh builds with those in the repository.

mod c;
mod check;
mod digests;
mod engines;
mod run;
mod rust;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why the plugins could not be built, or are not what they were.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Something is not there.
    #[error("{0}")]
    Missing(String),
    /// A file could not be read or written.
    #[error("`{path}`: {error}")]
    File { path: PathBuf, error: io::Error },
    /// A program could not be started, or failed.
    #[error("`{program}` {problem}")]
    Program { program: String, problem: String },
    /// A build does not do what the one in the repository does.
    #[error("{0}")]
    Differs(String),
}

/// An example: the folder that its source and cases are in, and the file that it is built to.
#[derive(Clone, Copy, Debug)]
struct Example {
    name: &'static str,
    language: Language,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Rust,
    C,
    JavaScript,
    Python,
}

const EXAMPLES: [Example; 5] = [
    Example { name: "owner-specials", language: Language::Rust },
    Example { name: "utilisation", language: Language::Rust },
    Example { name: "ratio-guard", language: Language::C },
    Example { name: "javascript", language: Language::JavaScript },
    Example { name: "python", language: Language::Python },
];

impl Example {
    /// Whether it brings a language engine along: megabytes, which are not kept in the repository.
    fn has_engine(self) -> bool {
        matches!(self.language, Language::JavaScript | Language::Python)
    }

    fn file(self) -> String {
        format!("{}.wasm", self.name)
    }
}

/// What to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Build elsewhere and compare, instead of replacing what is in the repository.
    pub(crate) check: bool,
    /// Also build the plugins that bring a language engine along.
    pub(crate) engines: bool,
    /// Check by a fresh build although nothing changed since the last one.
    pub(crate) fresh: bool,
}

impl Options {
    /// Reads the words after the verb.
    pub(crate) fn parse(words: &[&str]) -> Option<Self> {
        words.iter().try_fold(Self::default(), |options, word| match *word {
            "--check" => Some(Self { check: true, ..options }),
            "--engines" => Some(Self { engines: true, ..options }),
            "--fresh" => Some(Self { fresh: true, ..options }),
            _ => None,
        })
    }
}

/// Whether the plugins in the repository are those that their sources were built to.
pub(crate) fn is_current() -> bool {
    Folders::new(Options::default()).and_then(|folders| digests::are_current(&folders)).unwrap_or(false)
}

/// Builds the example plugins.
pub(crate) fn run(options: Options) -> Result<(), Error> {
    let folders = Folders::new(options)?;
    if options.check && !options.engines && !options.fresh && digests::are_current(&folders)? {
        eprintln!("nothing changed since the plugins in the repository were built (--fresh builds them all the same)");
        return digests::kept().try_for_each(|example| check::test_kept(&folders, example));
    }
    for example in EXAMPLES {
        if example.has_engine() && !options.engines {
            continue;
        }
        let wasm = match example.language {
            Language::Rust => rust::build(&folders, example.name)?,
            Language::C => c::build(&folders, example.name)?,
            Language::JavaScript => engines::javascript(&folders, example.name)?,
            Language::Python => engines::python(&folders, example.name)?,
        };
        let path = folders.output.join(example.file());
        write(&path, &wasm)?;
        eprintln!("{}: {} bytes", example.name, wasm.len());
        if options.check {
            check::compare(&folders, example)?;
        }
    }
    if options.check { Ok(()) } else { digests::record(&folders) }
}

/// Where things are.
#[derive(Debug)]
struct Folders {
    /// The top of the repository.
    top: PathBuf,
    /// The example plugins.
    examples: PathBuf,
    /// What is built with, and thrown away.
    work: PathBuf,
    /// Where the plugins go.
    output: PathBuf,
}

impl Folders {
    fn new(options: Options) -> Result<Self, Error> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let top = here.parent().unwrap_or(here).to_owned();
        let examples = top.join("examples-plugins");
        let target = examples.join("target");
        // A check that took over what an earlier build left would check nothing.
        let work = if options.check { target.join("check") } else { target.join("built") };
        if options.check && work.exists() {
            fs::remove_dir_all(&work).map_err(|error| Error::File { path: work.clone(), error })?;
        }
        let output = if options.check { work.join("plugins") } else { examples.join("built") };
        for folder in [&work, &output] {
            fs::create_dir_all(folder).map_err(|error| Error::File { path: folder.clone(), error })?;
        }
        Ok(Self { top, examples, work, output })
    }

    fn built(&self) -> PathBuf {
        self.examples.join("built")
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::File { path: path.to_owned(), error })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    fs::write(path, bytes).map_err(|error| Error::File { path: path.to_owned(), error })
}
