//! Makes a component from a core module, in a child process with limits.
//!
//! The module itself says which world it was built for, and a hostile module can make reading that take very long. The
//! child answers with one tag byte, and then the component or the reason for the refusal as JSON.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use pricing_core::input::InputError;
use pricing_core::text::Untrusted;
use pricing_host::SizeClass;
use pricing_host::inspect::{Kind, inspect, size};
use pricing_host::limited::{self, ChildEnd, Limits};
use serde::{Deserialize, Serialize};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use crate::error::CliError;
use crate::plugin;

/// The hidden command that packs a module in a child process.
pub(crate) const PACK_COMMAND: &str = "pack-plugin";
/// The beginning of a WebAssembly binary, and the version of a core module.
const MAGIC: &[u8] = b"\0asm";
const CORE_VERSION: &[u8] = &[1, 0, 0, 0];
/// The prefix of the custom sections with the world that a module was built for.
const WORLD_SECTION: &str = "component-type";

/// The tag of an answer: a component, or a refusal.
const PACKED: u8 = b'c';
const REFUSED: u8 = b'r';

/// Why no component was made.
#[derive(Debug, Serialize, Deserialize)]
struct Refused {
    message: String,
    hint: Option<String>,
}

impl Refused {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    fn hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }

    fn into_error(self) -> InputError {
        let error = InputError::new(self.message);
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Makes a component from a module, in a child process with the limits of a plugin's size class.
///
/// # Errors
/// The outer error is a failure of this program. The inner one is why the module cannot become a component.
pub(super) fn pack(module: &[u8]) -> Result<Result<Vec<u8>, InputError>, CliError> {
    let fits =
        |class: SizeClass| u64::try_from(module.len()).is_ok_and(|bytes| bytes <= class.load_limits().module_bytes);
    let class = if fits(SizeClass::Standard) { SizeClass::Standard } else { SizeClass::Engine };
    let load = class.load_limits();
    let limits = Limits::of_loading(class, &load, SizeClass::Engine.load_limits().module_bytes.saturating_add(1));
    let program = plugin::this_program()?;
    let args = [OsString::from(PACK_COMMAND)];
    let ended = limited::run(&program, &args, &[], module, &limits);
    Ok(match (ended.end, ended.output.split_first()) {
        (ChildEnd::Done, Some((&PACKED, component))) => Ok(component.to_vec()),
        (ChildEnd::Done, Some((&REFUSED, why))) => {
            let refused = serde_json::from_slice(why).unwrap_or_else(|_| Refused::new("the module was refused"));
            Err(refused.into_error())
        }
        (end, _) => Err(unfinished(&end, &limits)),
    })
}

fn unfinished(end: &ChildEnd, limits: &Limits) -> InputError {
    let too_much = |what: String| {
        InputError::new(format!("packing the module took more than {what}")).hint("make it smaller and simpler")
    };
    match end {
        ChildEnd::Time => too_much(format!("{:?}", limits.time)),
        ChildEnd::Processor => too_much(format!("{:?} of processor time", limits.cpu)),
        ChildEnd::Memory => too_much(format!("{} of memory", size(limits.memory_bytes))),
        ChildEnd::Output => InputError::new("the component is larger than a plugin may be"),
        ChildEnd::NotStarted(why) => InputError::new(format!("the module could not be packed: {why}")),
        ChildEnd::Failed | ChildEnd::Crashed(_) => InputError::new("the module made the packer fail")
            .hint("report this, and build the module against the WIT package of this version"),
        ChildEnd::Killed(signal) => InputError::new(format!("the packer was ended from outside (signal {signal})")),
        ChildEnd::Done | ChildEnd::Exit(_) => InputError::new("the packer ended without a result"),
    }
}

/// The main function of the child process. It reads the module from stdin, and writes the answer to stdout.
pub(crate) fn pack_child_main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    limited::serve(arguments, |_, module, out: &mut dyn Write| {
        let (tag, content) = match check(module).and_then(|()| encode(module)) {
            Ok(component) => (PACKED, component),
            Err(refused) => (REFUSED, serde_json::to_vec(&refused).map_err(|error| error.to_string())?),
        };
        let written = out.write_all(&[tag]).and_then(|()| out.write_all(&content));
        written.map_err(|error| format!("the component could not be handed over: {error}"))
    })
}

/// Refuses modules that cannot become a plugin.
///
/// The encoder would refuse them, too, but in terms of its own implementation, from which a plugin author cannot tell
/// what to change.
fn check(module: &[u8]) -> Result<(), Refused> {
    let refuse = |message: &str, hint: &str| Err(Refused::new(message).hint(hint));
    if !module.starts_with(MAGIC) {
        return refuse("this is not a WebAssembly binary", "give the `.wasm` file that the compiler wrote");
    }
    if module.get(MAGIC.len()..8) != Some(CORE_VERSION) {
        return refuse("this is a component already, or damaged", "see `bidprice plugin check`");
    }
    let mut has_world = false;
    let mut wasi = None;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.map_err(|error| {
            let message = passed_on(error.message());
            Refused::new(format!("the module is damaged: byte {}: {message}", error.offset()))
        })?;
        match payload {
            Payload::CustomSection(section) => has_world |= section.name().starts_with(WORLD_SECTION),
            Payload::ImportSection(imports) => {
                let imports = imports.into_imports().filter_map(Result::ok);
                let mut of_wasi = imports.filter(|import| import.module.starts_with("wasi"));
                wasi = wasi.or_else(|| of_wasi.next().map(|import| format!("{}.{}", import.module, import.name)));
            }
            _ => {}
        }
    }
    if !has_world {
        return refuse(
            "the module does not say which world it was built for (it has no section `component-type`)",
            "build it with the SDK or with `wit-bindgen`, and do not strip custom sections; a WASI command is no \
             component and needs no packing",
        );
    }
    match wasi {
        None => Ok(()),
        Some(import) => Err(Refused::new(format!("the module imports `{}` of WASI", Untrusted::new(&import)))
            .hint("plugins of the WIT package get no WASI: build for `wasm32-unknown-unknown`")),
    }
}

/// Makes a library's message safe to print. It may repeat text of the module.
fn passed_on(message: &str) -> String {
    format!("{:.400}", Untrusted::new(message))
}

/// Makes the component, and checks that it would be accepted as a plugin.
fn encode(module: &[u8]) -> Result<Vec<u8>, Refused> {
    let packed = ComponentEncoder::default().validate(true).module(module).and_then(|mut encoder| encoder.encode());
    let component = packed.map_err(|error| {
        Refused::new(format!("no component can be made of the module: {}", passed_on(&format!("{error:#}"))))
            .hint("build it against the WIT package of this version")
    })?;
    match inspect(&component, SizeClass::Engine) {
        Ok(found) if found.kind == Kind::Component => Ok(component),
        Ok(_) => Err(Refused::new("what was packed is not a component; this is a bug in bidprice")),
        Err(fault) => Err(Refused::new(fault.message)),
    }
}
