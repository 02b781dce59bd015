//! Reads a log line by line. Damaged lines are reported and skipped.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::OBJECTS;
use super::entry::{Damage, Entry};
use super::folder::FileName;
use super::objects::Objects;

/// The longest line in bytes. A longer one is damaged.
const MAX_LINE: u64 = 64 << 20;

/// A log on the disk: its folder, or one of its files.
#[derive(Clone, Debug)]
pub struct Log {
    files: Vec<PathBuf>,
    objects: Objects,
}

/// The place of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's name.
    pub file: String,
    /// The line, from 1; 0 stands for the file itself.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Log {
    /// Opens a log: a folder, or one file of it.
    ///
    /// # Errors
    /// When there is no log.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !path.metadata()?.is_dir() {
            // A failure is an error here and not a damaged line: this file is the whole log.
            pricing_files::open(path)?;
            let folder = path.parent().unwrap_or(Path::new(""));
            return Ok(Self { files: vec![path.to_owned()], objects: Objects::of(&folder.join(OBJECTS)) });
        }
        let names = FileName::list(path)?;
        if names.is_empty() {
            let message = "the folder holds no bid log: there is no file named `bids-<time>-<number>.jsonl`";
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        let files = names.iter().map(|name| path.join(name.to_string())).collect();
        Ok(Self { files, objects: Objects::of(&path.join(OBJECTS)) })
    }

    /// Returns the log from a file on, by its name: the files of the same age and later ones.
    #[must_use]
    pub fn from_file(mut self, name: &str) -> Self {
        // Names sort by age.
        self.files.retain(|path| path.file_name().is_none_or(|found| found.to_string_lossy().as_ref() >= name));
        self
    }

    /// Its files, oldest first.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Returns the objects that its lines name.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Returns its lines, oldest first.
    #[must_use]
    pub fn lines(&self) -> Lines {
        Lines(self.texts())
    }

    /// Its lines as they are written, oldest first.
    #[must_use]
    pub fn texts(&self) -> Texts {
        Texts { files: self.files.iter().cloned().collect(), current: None }
    }
}

/// The lines of a log.
#[derive(Debug)]
pub struct Lines(Texts);

impl Iterator for Lines {
    type Item = (Place, Result<Entry, Damage>);

    fn next(&mut self) -> Option<Self::Item> {
        let (place, line) = self.0.next()?;
        Some((place, line.and_then(|line| Entry::read(&line))))
    }
}

/// The lines of a log as they are written, without their ends.
#[derive(Debug)]
pub struct Texts {
    files: VecDeque<PathBuf>,
    current: Option<(Place, BufReader<File>)>,
}

impl Texts {
    /// Opens the next file. One that was rotated away in the meantime is skipped.
    fn open(&mut self) -> Option<(Place, io::Result<BufReader<File>>)> {
        loop {
            let path = self.files.pop_front()?;
            let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let place = Place { file, line: 0 };
            match pricing_files::open(&path) {
                Err(error) if error.is_not_found() => {}
                opened => {
                    let opened = opened.map(|file| BufReader::with_capacity(1 << 16, file));
                    return Some((place, opened.map_err(io::Error::from)));
                }
            }
        }
    }
}

impl Iterator for Texts {
    type Item = (Place, Result<Vec<u8>, Damage>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.current.is_none() {
                let (place, opened) = self.open()?;
                match opened {
                    Ok(reader) => self.current = Some((place, reader)),
                    Err(error) => return Some((place, Err(Damage::File(error.to_string())))),
                }
            }
            let (place, reader) = self.current.as_mut()?;
            place.line = place.line.saturating_add(1);
            let place = place.clone();
            match line(reader) {
                Ok(Some(line)) => return Some((place, line)),
                Ok(None) => self.current = None,
                Err(error) => {
                    self.current = None;
                    return Some((place, Err(Damage::File(error.to_string()))));
                }
            }
        }
    }
}

/// Reads the next line, without its line break; `None` at the end of the file.
fn line(reader: &mut BufReader<File>) -> io::Result<Option<Result<Vec<u8>, Damage>>> {
    let mut line = Vec::new();
    if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_some() {
        return Ok(Some(Ok(line)));
    }
    if u64::try_from(line.len()).is_ok_and(|length| length < MAX_LINE) {
        return Ok(Some(Err(Damage::Cut)));
    }
    drop(line);
    reader.skip_until(b'\n')?;
    Ok(Some(Err(Damage::Unreadable(format!("the line has more than {MAX_LINE} bytes")))))
}
