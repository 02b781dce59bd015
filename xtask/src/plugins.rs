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

/// Why the plugins could not be built, or differ from those in the repository.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A tool or library is missing.
    #[error("{0}")]
    Missing(String),
    /// A file could not be read or written.
    #[error("`{path}`: {error}")]
    File { path: PathBuf, error: io::Error },
    /// A program could not be started, or it failed.
    #[error("`{program}` {problem}")]
    Program { program: String, problem: String },
    /// A fresh build behaves differently from the plugin in the repository.
    #[error("{0}")]
    Differs(String),
}

/// An example plugin. Its name is that of its folder and of the file that is built.
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
    /// Returns whether the plugin contains a language engine. Such plugins have megabytes and are not kept in the
    /// repository.
    fn has_engine(self) -> bool {
        matches!(self.language, Language::JavaScript | Language::Python)
    }

    fn file(self) -> String {
        format!("{}.wasm", self.name)
    }
}

/// The options of the verb.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Build in another folder and compare, instead of replacing the plugins in the repository.
    pub(crate) check: bool,
    /// Also build the plugins that contain a language engine.
    pub(crate) engines: bool,
    /// Build and compare even if nothing has changed since the last build.
    pub(crate) fresh: bool,
}

impl Options {
    /// Parses the words after the verb.
    pub(crate) fn parse(words: &[&str]) -> Option<Self> {
        words.iter().try_fold(Self::default(), |options, word| match *word {
            "--check" => Some(Self { check: true, ..options }),
            "--engines" => Some(Self { engines: true, ..options }),
            "--fresh" => Some(Self { fresh: true, ..options }),
            _ => None,
        })
    }
}

/// Returns whether the plugins in the repository were built from the current sources.
pub(crate) fn is_current() -> bool {
    Folders::new(Options::default()).and_then(|folders| digests::are_current(&folders)).unwrap_or(false)
}

/// Builds the example plugins. A check whose sources have not changed only runs the cases. The digests are recorded
/// only by a build that replaces the plugins, never by a check.
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

/// The folders of a build.
#[derive(Debug)]
struct Folders {
    /// The repository's root.
    top: PathBuf,
    /// The sources of the example plugins.
    examples: PathBuf,
    /// Intermediate files, which can be deleted.
    work: PathBuf,
    /// The folder that plugins are written to.
    output: PathBuf,
}

impl Folders {
    fn new(options: Options) -> Result<Self, Error> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let top = here.parent().unwrap_or(here).to_owned();
        let examples = top.join("examples-plugins");
        let target = examples.join("target");
        // A check must not reuse the output of an earlier build, or it would compare nothing.
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
