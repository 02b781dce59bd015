//! `bidprice plugin new`: writes a project that builds and passes its tests at once.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use pricing_core::input::InputError;
use pricing_core::quote::wire::SCHEMA;
use serde_json::json;

use super::files;
use super::table;
use super::templates::{self, Template};
use crate::args::{Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::{load, output};

/// The placeholder for the project's name in a template.
const NAME: &str = "{{name}}";
/// The most characters of a project's name.
const MAX_NAME: usize = 64;
/// The name of the SDK. A project cannot have the same name, because it depends on it.
const SDK: &str = "pricing-guest";

/// Arguments of `bidprice plugin new`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The project's name: lower case letters, digits and single hyphens
    #[arg(value_name = "NAME", value_parser = project_name)]
    name: String,
    /// The language of the plugin
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    lang: Language,
    /// The folder to create, or an empty one to fill [default: the name]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// A language that plugins are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    /// A component; small and fast
    Rust,
    /// A WASI command that follows the bid price script contract
    C,
    /// A component that brings a language engine along
    Js,
    /// A component that brings a language engine along
    Python,
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::Js => "js",
            Self::Python => "python",
        }
    }

    fn templates(self) -> &'static [Template] {
        match self {
            Self::Rust => templates::RUST,
            Self::C => templates::C,
            Self::Js => templates::JS,
            Self::Python => templates::PYTHON,
        }
    }

    /// Returns what a build needs.
    fn needs(self) -> &'static str {
        match self {
            Self::Rust => "the Rust target wasm32-unknown-unknown",
            Self::C => "a wasi-sdk, or clang and wasi-libc",
            Self::Js => "node and npm",
            Self::Python => "Python 3.10 or later",
        }
    }

    fn test(self) -> &'static str {
        match self {
            Self::Rust | Self::C => "bidprice plugin test plugin.wasm cases",
            Self::Js | Self::Python => "bidprice plugin test plugin.wasm cases --plugin-class engine",
        }
    }
}

/// Parses a project's name. It refuses names that package tools would refuse, or that contain path separators.
fn project_name(text: &str) -> Result<String, String> {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase());
    if text.len() > MAX_NAME || !starts_well || !text.split('-').all(word) {
        return Err("expected lower case letters, digits and single hyphens, such as `night-rates`".to_owned());
    }
    if text == SDK {
        return Err("this is the name of the SDK, which the project depends on".to_owned());
    }
    Ok(text.to_owned())
}

/// Writes the project. The folder is checked first, so that no existing file is ever overwritten.
pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let folder = args.dir.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    prepare(&folder)?;
    let templates = args.lang.templates();
    for template in templates {
        let path = folder.join(template.path);
        write(&path, &template.text.replace(NAME, &args.name)).map_err(|error| files::unwritable(&path, &error))?;
    }
    let shown = load::name(&folder);
    let next = [format!("cd {shown}"), "./build.sh".to_owned(), args.lang.test().to_owned()];
    match args.output.output {
        Output::Json => output::print_json(&json!({
            "schema": SCHEMA,
            "project": {
                "name": args.name,
                "language": args.lang.name(),
                "folder": shown,
                "files": templates.iter().map(|template| template.path).collect::<Vec<_>>(),
                "building_needs": args.lang.needs(),
                "next": next,
            },
        }))?,
        Output::Table => output::print(&table::made(&shown, templates.len(), args.lang.needs(), &next))?,
    }
    Ok(Exit::Success)
}

/// Creates the folder, or checks that it is empty.
fn prepare(folder: &Path) -> Result<(), CliError> {
    let unwritable = |error: io::Error| files::unwritable(folder, &error);
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => {
                let error = InputError::new("the folder is not empty; nothing was written");
                Err(CliError::malformed(load::name(folder), error.hint("name another one with --dir")))
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(folder).map_err(unwritable),
        Err(error) => Err(unwritable(error)),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let script = path.extension().is_some_and(|ending| ending == "sh");
    let mode = if script { 0o777 } else { 0o666 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_packages() {
        for good in ["a", "night-rates", "x2", "a-1"] {
            assert_eq!(project_name(good).as_deref(), Ok(good));
        }
        let long = "a".repeat(MAX_NAME + 1);
        for bad in ["", "-a", "a-", "a--b", "A", "2x", "../a", "a/b", "a b", "é", "a\n", "a.b", SDK, &long] {
            assert!(project_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_template_of_the_folder_is_listed() {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, found) } else { found.push(path) }
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/plugin");
        for language in Language::value_variants() {
            let mut found = Vec::new();
            let folder = root.join(language.name());
            walk(&folder, &mut found);
            assert!(!found.is_empty());
            for path in found {
                let path = path.strip_prefix(&folder).unwrap();
                assert!(language.templates().iter().any(|file| Path::new(file.path) == path), "{}", path.display());
            }
        }
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pricing-guest/src");
        for entry in fs::read_dir(sdk).unwrap() {
            let path = Path::new("vendor/pricing-guest/src").join(entry.unwrap().file_name());
            assert!(templates::RUST.iter().any(|file| Path::new(file.path) == path), "{}", path.display());
        }
    }
}
