//! Compiles a plugin, in a child process that can be killed: a compiler cannot be interrupted.

mod child;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;
use std::thread;

use pricing_panics::catch;

use crate::engine::{Purpose, engine};
use crate::inspect::{Kind, passed_on};
use crate::{Fault, LoadLimits, SizeClass};

pub use child::compile_child_main;

/// Bytes of stack for the compiler: deep code makes it recurse.
const COMPILE_STACK: usize = 64 << 20;
/// An artefact has at most this many times the bytes that a plugin of its class may have.
const ARTEFACT_FACTOR: u64 = 8;

/// Where plugins are compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// In a child process with limits of time and memory. The safe choice.
    Child {
        /// The program: `plugin-compiler`, or one that calls [`compile_child_main`] for `args`.
        program: PathBuf,
        /// What comes before the arguments that the host adds.
        args: Vec<OsString>,
    },
    /// In this process. Only the size limits of [`LoadLimits`] hold: a plugin that is slow to compile holds up whoever
    /// loads it, for up to the number of functions times the worst that one function can do. For embedders that cannot
    /// start processes, and trust their plugins.
    InProcess,
}

impl Compiler {
    /// Compiles a binary that was inspected.
    ///
    /// # Errors
    /// [`ReasonCode::LoadRejected`](pricing_core::quote::ReasonCode::LoadRejected) when it does not compile, or not
    /// within the limits of its class.
    pub fn compile(&self, wasm: &[u8], kind: Kind, class: SizeClass) -> Result<Vec<u8>, Fault> {
        self.compile_within(wasm, kind, class, &class.load_limits())
    }

    /// Compiles with other limits of time and memory than the class has.
    ///
    /// # Errors
    /// As for [`Compiler::compile`].
    pub fn compile_within(
        &self,
        wasm: &[u8],
        kind: Kind,
        class: SizeClass,
        limits: &LoadLimits,
    ) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Child { program, args } => watch::compile(program, args, wasm, kind, class, limits),
            Self::InProcess => compile_here(wasm, kind, class),
        }
    }
}

/// Bytes that an artefact of this class may have.
pub(crate) fn artefact_limit(limits: &LoadLimits) -> u64 {
    limits.module_bytes.saturating_mul(ARTEFACT_FACTOR).max(16 << 20)
}

/// Compiles in this process, on a thread with a stack for it.
fn compile_here(wasm: &[u8], kind: Kind, class: SizeClass) -> Result<Vec<u8>, Fault> {
    let compile = || {
        let engine = engine(class, Purpose::Compile { parallel: class == SizeClass::Engine })?;
        match kind {
            Kind::Component => engine.precompile_component(wasm),
            Kind::Command => engine.precompile_module(wasm),
        }
    };
    let done = thread::scope(|scope| {
        let thread = thread::Builder::new().name("plugin-compiler".to_owned()).stack_size(COMPILE_STACK);
        thread.spawn_scoped(scope, || catch(compile)).map(|thread| thread.join())
    });
    match done {
        Ok(Ok(Ok(Ok(artefact)))) => Ok(artefact),
        Ok(Ok(Ok(Err(error)))) => {
            Err(Fault::rejected(format!("the plugin does not compile: {}", passed_on(&format!("{error:#}")))))
        }
        Ok(Ok(Err(panic))) => Err(failed(&panic.to_string())),
        Ok(Err(_)) => Err(failed("it gave no reason")),
        Err(error) => Err(Fault::rejected(format!("no thread to compile the plugin on: {error}"))),
    }
}

/// The compiler gave up in a way that it does not expect itself.
fn failed(why: &str) -> Fault {
    Fault::rejected(format!("the plugin made the compiler fail: report this, and build it another way ({why})"))
}
