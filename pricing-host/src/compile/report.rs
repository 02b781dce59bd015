//! The format in which a child reports its findings: frames of a tag, a length and that many bytes, each written as
//! soon as it is known.
//!
//! Findings from before a limit ended the child are used. The parent reads all complete frames, and ignores a truncated
//! one.

use std::io::{self, Write};

use serde::de::DeserializeOwned;

use super::finding::Finding;

/// The maximum size of a verdict, in bytes. The names in it are bounded in number and length.
const VERDICT_BYTES: u64 = 1 << 20;
/// The most verdicts that a child can report.
const VERDICTS: u64 = 2;

const VERDICT: u8 = b'v';
const LARGER: u8 = b'l';
const ARTEFACT: u8 = b'a';
const NOT_COMPILED: u8 = b'n';

/// The maximum output of a child, in bytes, given the maximum size of an artefact.
pub(super) fn output_limit(artefact_bytes: u64) -> u64 {
    VERDICT_BYTES.saturating_mul(VERDICTS).saturating_add(artefact_bytes)
}

/// Writes a frame.
pub(super) fn write(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    match finding {
        Finding::Verdict(verdict) => frame(out, VERDICT, &serde_json::to_vec(verdict)?),
        Finding::Larger(inspection) => frame(out, LARGER, &serde_json::to_vec(inspection)?),
        Finding::Artefact(Ok(artefact)) => frame(out, ARTEFACT, artefact),
        Finding::Artefact(Err(refusal)) => frame(out, NOT_COMPILED, &serde_json::to_vec(refusal)?),
    }
}

fn frame(out: &mut dyn Write, tag: u8, content: &[u8]) -> io::Result<()> {
    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
    out.write_all(&[tag])?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(content)?;
    out.flush()
}

/// Reads frames, as long as they are complete and valid.
pub(super) fn read(mut output: &[u8]) -> Vec<Finding> {
    let mut findings = Vec::new();
    while let Some((finding, rest)) = next(output) {
        findings.push(finding);
        output = rest;
    }
    findings
}

fn next(output: &[u8]) -> Option<(Finding, &[u8])> {
    let (tag, rest) = output.split_first()?;
    let (length, rest) = rest.split_first_chunk::<8>()?;
    // All bytes are already in memory, so a wrong length cannot cause an allocation.
    let (content, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let finding = match *tag {
        VERDICT => Finding::Verdict(parse(content)?),
        LARGER => Finding::Larger(parse(content)?),
        ARTEFACT => Finding::Artefact(Ok(content.to_vec())),
        NOT_COMPILED => Finding::Artefact(Err(parse(content)?)),
        _ => return None,
    };
    Some((finding, rest))
}

fn parse<T: DeserializeOwned>(content: &[u8]) -> Option<T> {
    if u64::try_from(content.len()).is_ok_and(|length| length <= VERDICT_BYTES) {
        return serde_json::from_slice(content).ok();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::Wanted;
    use super::super::finding::assemble;
    use super::*;
    use crate::SizeClass;
    use crate::inspect::inspect;
    use crate::verdict::{Holds, Refusal};

    fn output() -> Vec<u8> {
        let text = br#"(module (memory (export "memory") 1) (func (export "_start")))"#;
        let inspection = inspect(text, SizeClass::Standard).unwrap();
        let mut out = Vec::new();
        for finding in [Finding::Verdict(Ok(inspection.clone())), Finding::Artefact(Ok(vec![1, 2, 3]))] {
            write(&mut out, &finding).unwrap();
        }
        out
    }

    fn wanted() -> Wanted {
        Wanted::artefact(SizeClass::Standard)
    }

    #[test]
    fn findings_cross_a_pipe() {
        let examined = assemble(wanted(), read(&output()), None);
        let (inspection, artefact) = examined.compiled().unwrap();
        assert_eq!((inspection.exports.len(), artefact), (2, &[1, 2, 3][..]));
    }

    #[test]
    fn what_is_cut_off_is_missing() {
        let whole = output();
        for length in 0..whole.len() {
            let refusal = Refusal::new("its time was up", Holds::AWhile);
            let examined = assemble(wanted(), read(&whole[..length]), Some(refusal.clone()));
            assert_eq!(examined.compiled().unwrap_err(), &refusal, "{length}");
        }
    }

    #[test]
    fn lengths_that_are_not_there_get_nothing() {
        let mut lie = vec![ARTEFACT];
        lie.extend(u64::MAX.to_le_bytes());
        assert!(read(&lie).is_empty());
        assert!(read(&[7; 100]).is_empty());
    }
}
