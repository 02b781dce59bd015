//! `SHA256SUMS`: every file, in the format of sha256sum.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::tools::hex;

/// The name of the file.
const NAME: &str = "SHA256SUMS";

/// Lists every file in the folder and its subfolders, by name.
pub(super) fn write(folder: &Path) -> io::Result<()> {
    let mut names = Vec::new();
    collect(folder, "", &mut names)?;
    names.sort();
    let mut lines = String::new();
    for name in &names {
        let digest = hex(&Sha256::digest(fs::read(folder.join(name))?));
        let _ = writeln!(lines, "{digest}  {name}");
    }
    fs::write(folder.join(NAME), &lines)?;
    eprintln!("\n{lines}");
    Ok(())
}

fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.file_type()?.is_dir() {
            true => collect(&entry.path(), &format!("{name}/"), names)?,
            false => names.push(name),
        }
    }
    Ok(())
}
