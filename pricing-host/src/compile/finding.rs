//! What is found out about a file, piece by piece, and the examination that the pieces make.

use crate::inspect::Inspection;
use crate::verdict::{Holds, Refusal, Verdict};

use super::{Examination, Wanted};

/// Something that was found.
#[derive(Debug)]
pub(super) enum Finding {
    /// What the file is.
    Verdict(Verdict),
    /// The inspection by the larger class.
    Larger(Inspection),
    /// The result of compilation.
    Artefact(Result<Vec<u8>, Refusal>),
}

/// Combines the findings, and the reason if something is missing.
pub(super) fn assemble(wanted: Wanted, findings: Vec<Finding>, unfinished: Option<Refusal>) -> Examination {
    let missing = || {
        unfinished.clone().unwrap_or_else(|| {
            Refusal::new("the plugin compiler ended without a result; it may be of another version", Holds::Once)
        })
    };
    let (mut verdict, mut larger, mut artefact) = (None, None, None);
    for finding in findings {
        match finding {
            Finding::Verdict(found) => verdict = Some(found),
            Finding::Larger(found) => larger = Some(found),
            Finding::Artefact(found) => artefact = Some(found),
        }
    }
    let verdict = verdict.unwrap_or_else(|| Err(missing()));
    let compiles = wanted.artefact && verdict.is_ok();
    let artefact = compiles.then(|| artefact.unwrap_or_else(|| Err(missing())));
    Examination { verdict, larger, artefact }
}
