//! Scans the files of earlier runs: where they end, and which objects they name.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use crate::digest::Digest;

/// The prefix of a digest.
const MARK: &[u8] = b"sha256:";
/// The number of digits after it.
const DIGITS: usize = 64;
/// The bytes that are read at once.
const CHUNK: usize = 1 << 18;

/// Finds every digest in the first `length` bytes of a file. It does not parse the lines, so it may find more digests
/// than they name, but never fewer.
pub(super) fn names(file: File, length: u64) -> io::Result<BTreeSet<Digest>> {
    let mut names = BTreeSet::new();
    let mut file = file.take(length);
    let mut window: Vec<u8> = Vec::with_capacity(CHUNK.saturating_add(MARK.len()).saturating_add(DIGITS));
    let chunk = u64::try_from(CHUNK).unwrap_or(u64::MAX);
    loop {
        if file.by_ref().take(chunk).read_to_end(&mut window)? == 0 {
            return Ok(names);
        }
        for (place, _) in window.iter().enumerate().filter(|(_, byte)| **byte == b':') {
            let end = place.saturating_add(1);
            let mark = window.get(end.saturating_sub(MARK.len())..end);
            if mark == Some(MARK) {
                let digits = window.get(end..end.saturating_add(DIGITS));
                names.extend(digits.and_then(Digest::from_hex));
            }
        }
        // A digest may start in this chunk and end in the next, so the end of this one stays in the window.
        let kept = window.len().saturating_sub(MARK.len().saturating_add(DIGITS));
        window.drain(..kept);
    }
}

/// Returns the end of the last complete line. After it is what a crash has left of a line.
pub(super) fn end_of_lines(file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    while end > 0 {
        let (start, bytes) = before(file, end)?;
        if let Some(place) = bytes.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start.saturating_add(u64::try_from(place).unwrap_or(0)).saturating_add(1));
        }
        end = start;
    }
    Ok(0)
}

/// Returns the sequence number of the last line that has one. Reads the file backwards, in chunks.
pub(super) fn last_sequence(file: &File, length: u64) -> io::Result<Option<u64>> {
    // The chunk that was read last, up to its first line break: the end of a line that starts in an earlier chunk.
    let mut rest: Vec<u8> = Vec::new();
    let mut end = length;
    while end > 0 {
        let (start, mut bytes) = before(file, end)?;
        bytes.append(&mut rest);
        let mut lines = bytes.rsplit(|byte| *byte == b'\n');
        let mut line = lines.next();
        let mut earlier = lines.next();
        while let (Some(current), Some(previous)) = (line, earlier) {
            if let Some(sequence) = super::entry::sequence_of(current) {
                return Ok(Some(sequence));
            }
            line = Some(previous);
            earlier = lines.next();
        }
        // The number is at the start of a line, so a prefix is enough.
        rest = line.map(|first| first.get(..first.len().min(CHUNK)).unwrap_or(first).to_vec()).unwrap_or_default();
        end = start;
    }
    Ok(super::entry::sequence_of(&rest))
}

/// Reads the chunk before `end`. Returns its start, too.
fn before(file: &File, end: u64) -> io::Result<(u64, Vec<u8>)> {
    let chunk = u64::try_from(CHUNK).unwrap_or(u64::MAX);
    let start = end.saturating_sub(chunk);
    let mut bytes = vec![0; usize::try_from(end.saturating_sub(start)).unwrap_or(CHUNK)];
    file.read_exact_at(&mut bytes, start)?;
    Ok((start, bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        file
    }

    #[test]
    fn a_digest_is_found_wherever_it_stands() {
        let digests: Vec<Digest> = (0..50_u32).map(|n| Digest::of(n.to_be_bytes())).collect();
        // With this length, some digests span two chunks.
        let filler = "x:".repeat(16_381);
        let text: String = digests.iter().map(|digest| format!("{filler}\"{digest}\"\n")).collect();
        let length = u64::try_from(text.len()).unwrap();
        assert_eq!(names(file(text.as_bytes()), length).unwrap(), digests.iter().copied().collect());
        assert!(!names(file(text.as_bytes()), length - 10).unwrap().contains(&digests[49]));
    }

    #[test]
    fn a_cut_line_is_behind_the_end() {
        let long = "y".repeat(CHUNK * 2 + 7);
        for (text, end) in [("", 0), ("cut", 0), ("a\n", 2), ("a\nb\ncut", 4), (&long, 0), (&format!("a\n{long}"), 2)] {
            assert_eq!(end_of_lines(&file(text.as_bytes())).unwrap(), end);
        }
    }

    #[test]
    fn the_last_number_is_found_behind_garbage() {
        let line = |sequence: u64, filler: usize| {
            format!("{{\"schema\":1,\"kind\":\"decision\",\"sequence\":{sequence},\"x\":\"{}\"}}\n", "z".repeat(filler))
        };
        let look = |text: &str| last_sequence(&file(text.as_bytes()), text.len().try_into().unwrap()).unwrap();
        assert_eq!(look(""), None);
        assert_eq!(look("garbage\n"), None);
        assert_eq!(look(&line(7, 0)), Some(7));
        assert_eq!(look(&(line(7, 0) + &line(8, CHUNK * 3) + "garbage\n")), Some(8));
        assert_eq!(look(&(line(7, 5) + &"garbage\n".repeat(CHUNK))), Some(7));
    }
}
