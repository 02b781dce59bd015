//! The work itself: inspects and compiles a file, and reports each finding as soon as it is known.

use std::io;

use pricing_panics::catch;

use crate::SizeClass;
use crate::engine::{Purpose, engine};
use crate::inspect::{Kind, inspect, inspect_binary, passed_on, size};
use crate::limited::on_large_stack;
use crate::verdict::{Holds, Refusal};

use super::finding::{Finding, assemble};
use super::words::FAILED;
use super::{Examination, Wanted, artefact_limit};

/// Finds out what is wanted, and reports it.
pub(super) fn examine(file: &[u8], wanted: Wanted, tell: &mut dyn FnMut(Finding) -> io::Result<()>) -> io::Result<()> {
    match inspect_binary(file, wanted.class) {
        Err(fault) => {
            tell(Finding::Verdict(Err(fault.into())))?;
            if wanted.larger
                && wanted.class == SizeClass::Standard
                && let Ok(found) = inspect(file, SizeClass::Engine)
            {
                tell(Finding::Larger(found))?;
            }
            Ok(())
        }
        Ok((inspection, wasm)) => {
            let kind = inspection.kind;
            tell(Finding::Verdict(Ok(inspection)))?;
            if wanted.artefact { tell(Finding::Artefact(compile(&wasm, kind, wanted.class))) } else { Ok(()) }
        }
    }
}

/// Finds out what is wanted, in this process.
pub(super) fn examine_here(file: &[u8], wanted: Wanted) -> Examination {
    let mut findings = Vec::new();
    let work = || {
        examine(file, wanted, &mut |finding| {
            findings.push(finding);
            Ok(())
        })
    };
    let unfinished = match on_large_stack(|| catch(work)) {
        Ok(Ok(Ok(_))) => None,
        Ok(_) => Some(Refusal::new(FAILED, Holds::AWhile)),
        Err(error) => Some(Refusal::new(format!("no thread to compile the plugin on: {error}"), Holds::Once)),
    };
    assemble(wanted, findings, unfinished)
}

fn compile(wasm: &[u8], kind: Kind, class: SizeClass) -> Result<Vec<u8>, Refusal> {
    let compiled =
        engine(class, Purpose::Compile { parallel: class == SizeClass::Engine }).and_then(|engine| match kind {
            Kind::Component => engine.precompile_component(wasm),
            Kind::Command => engine.precompile_module(wasm),
        });
    // The compiler's errors can be caused by the machine, such as too little memory.
    let refused = |message: String| Refusal::new(message, Holds::AWhile);
    let artefact = compiled
        .map_err(|error| refused(format!("the plugin does not compile: {}", passed_on(&format!("{error:#}")))))?;
    let limit = artefact_limit(class);
    if u64::try_from(artefact.len()).is_ok_and(|length| length <= limit) {
        return Ok(artefact);
    }
    let message = format!("the plugin compiles to more than {} of machine code: make it smaller", size(limit));
    Err(Refusal::new(message, Holds::ForGood))
}
