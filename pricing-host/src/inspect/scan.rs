//! A single pass over a binary, which validates it and counts what the limits are about.

use std::rc::Rc;

use wasmparser::types::Types;
use wasmparser::{
    Chunk, FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser, Payload, ValidPayload, Validator,
    ValidatorResources,
};

use crate::{Fault, LoadLimits, engine};

use super::Function;
use super::explain;
use super::footprint::{Footprint, at_most};
use super::nested_types::nests_types;
use super::value_budget::{self, ValueBudget};
use super::words::{count, excerpt, size};

mod sections;
mod spaces;

use spaces::Frame;

/// The maximum nesting depth of modules and components.
const DEPTH: usize = 16;

/// An import or export of the outermost module or component.
#[derive(Clone, Copy, Debug)]
pub(super) enum Named<'a> {
    /// An import of a module.
    Core(wasmparser::Import<'a>),
    /// An export of a module.
    CoreExport(wasmparser::Export<'a>),
    /// An import or export of a component.
    Item(&'a str),
}

impl Named<'_> {
    /// The name, safe to print.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Core(import) => excerpt(&format!("{}.{}", short(import.module), short(import.name))),
            Self::CoreExport(export) => excerpt(export.name),
            Self::Item(name) => excerpt(name),
        }
    }
}

/// A prefix of a name, which can be 100,000 bytes long.
fn short(name: &str) -> &str {
    name.char_indices().nth(100).map_or(name, |(end, _)| name.get(..end).unwrap_or(name))
}

/// The result of a pass over a valid binary.
pub(super) struct Scan<'a> {
    pub(super) is_component: bool,
    pub(super) types: Types,
    pub(super) imports: Vec<Named<'a>>,
    pub(super) exports: Vec<Named<'a>>,
    pub(super) custom_sections: Vec<String>,
    pub(super) has_component_type: bool,
    pub(super) has_names: bool,
    pub(super) modules: u32,
    pub(super) functions: u32,
    pub(super) largest: Option<Function>,
    pub(super) nesting: u32,
    pub(super) footprint: Footprint,
}

/// Validates a binary and counts.
///
/// Modules within a component have parsers of their own. They are on an explicit stack, so that the
/// nesting of a hostile file cannot exhaust the thread's stack.
pub(super) fn scan(wasm: &[u8], limits: LoadLimits) -> Result<Scan<'_>, Fault> {
    let mut scanner = Scanner {
        wasm,
        values: ValueBudget::new(limits.stack_values),
        limits,
        validator: Validator::new_with_features(engine::wasm_features()),
        allocations: FuncValidatorAllocations::default(),
        frames: Vec::new(),
        found: Found::default(),
    };
    let mut parsers: Vec<Parser> = Vec::new();
    let mut parser = Parser::new(0);
    parser.set_features(engine::wasm_features());
    let mut rest = wasm;
    loop {
        let (consumed, payload) = match parser.parse(rest, true) {
            Ok(Chunk::Parsed { consumed, payload }) => (consumed, payload),
            Ok(Chunk::NeedMoreData(_)) => return Err(cut_off()),
            Err(error) => return Err(scanner.invalid(&error)),
        };
        rest = rest.get(consumed..).ok_or_else(cut_off)?;
        match scanner.payload(&payload)? {
            Step::Next => {}
            Step::Into(inner) => parsers.push(std::mem::replace(&mut parser, inner)),
            Step::Out => parser = parsers.pop().ok_or_else(cut_off)?,
            Step::Done(root) => return scanner.finish(rest, *root),
        }
    }
}

fn cut_off() -> Fault {
    Fault::rejected("the file is cut off")
}

enum Step<'a> {
    Next,
    Into(Parser),
    Out,
    Done(Box<(Types, Frame<'a>)>),
}

#[derive(Default)]
struct Found {
    custom_sections: Vec<String>,
    has_component_type: bool,
    has_names: bool,
    modules: u32,
    functions: u32,
    imports: u32,
    definitions: u32,
    largest: Option<Function>,
    nesting: u32,
}

struct Scanner<'a> {
    wasm: &'a [u8],
    limits: LoadLimits,
    values: ValueBudget,
    validator: Validator,
    allocations: FuncValidatorAllocations,
    /// The modules and components that are open, outermost first.
    frames: Vec<Frame<'a>>,
    found: Found,
}

impl<'a> Scanner<'a> {
    fn invalid(&self, error: &wasmparser::Error) -> Fault {
        explain::invalid(self.wasm, error, &self.limits)
    }

    fn payload(&mut self, payload: &Payload<'a>) -> Result<Step<'a>, Fault> {
        self.refuse_early(payload)?;
        let valid = self.validator.payload(payload).map_err(|error| self.invalid(&error))?;
        match valid {
            ValidPayload::Func(function, body) => self.function(function, &body).map(|()| Step::Next),
            ValidPayload::Parser(parser) => {
                if self.frames.len() >= DEPTH {
                    return Err(Fault::rejected(format!(
                        "the plugin has components within components, over {DEPTH} deep"
                    )));
                }
                Ok(Step::Into(parser))
            }
            ValidPayload::End(types) => self.end(types),
            ValidPayload::Ok => {
                self.section(payload).map_err(|problem| problem.into_fault(self.wasm, &self.limits))?;
                Ok(Step::Next)
            }
        }
    }

    /// Rejects what declares itself to be above a limit, before it is validated.
    fn refuse_early(&mut self, payload: &Payload<'a>) -> Result<(), Fault> {
        if nests_types(self.wasm, payload) {
            return Err(Fault::rejected("the plugin has types of components within one another, too deep or too many"));
        }
        self.count_imports(sections::imports(payload))?;
        self.count_definitions(sections::definitions(payload))?;
        match payload {
            Payload::FunctionSection(section) => self.count_functions(section.count()),
            Payload::CodeSectionEntry(body) => {
                let bytes = length(body);
                if bytes <= self.limits.function_bytes {
                    return Ok(());
                }
                let index = self.frames.last().map_or(0, Frame::next_function);
                Err(Fault::rejected(format!(
                    "function {index} has {} of code, and a function of this size class may have {}: split it, or keep \
                     the compiler from inlining so much into it (`opt-level = \"s\"`)",
                    size(bytes),
                    size(self.limits.function_bytes)
                )))
            }
            _ => Ok(()),
        }
    }

    fn count_imports(&mut self, more: u32) -> Result<(), Fault> {
        self.found.imports = self.found.imports.saturating_add(more);
        at_most(self.found.imports, self.limits.imports, "import")
    }

    fn count_definitions(&mut self, more: u32) -> Result<(), Fault> {
        self.found.definitions = self.found.definitions.saturating_add(more);
        if self.found.definitions <= self.limits.definitions {
            return Ok(());
        }
        Err(Fault::rejected(format!(
            "the plugin has {} types, imports, exports and instances, and a plugin of this size class may have {}",
            self.found.definitions, self.limits.definitions
        )))
    }

    fn count_functions(&mut self, more: u32) -> Result<(), Fault> {
        self.found.functions = self.found.functions.saturating_add(more);
        if self.found.functions <= self.limits.functions {
            return Ok(());
        }
        Err(Fault::rejected(format!(
            "the plugin has at least {}, and a plugin of this size class may have {}",
            count(self.found.functions, "function"),
            self.limits.functions
        )))
    }

    /// Validates a function's body operator by operator, and counts its nesting on the way. The values that it passes
    /// on are counted first, because that is what makes validation expensive.
    fn function(&mut self, function: FuncToValidate<ValidatorResources>, body: &FunctionBody<'a>) -> Result<(), Fault> {
        let index = function.index;
        // If no type is large, the values that instructions pass on are proportional to the size of the code.
        let is_wide = self.frames.last().is_some_and(|frame| frame.largest_arity > value_budget::FEW);
        if is_wide && self.values.count(&function.resources, function.ty, body).is_err() {
            return Err(Fault::rejected(format!(
                "function {index} hands on too many values at once: with those of all functions before it over {}, each \
                 target of a branch counted; branch to fewer targets, or with fewer values",
                self.limits.stack_values
            )));
        }
        let mut validator = function.into_validator(std::mem::take(&mut self.allocations));
        let mut reader = body.get_binary_reader();
        let mut nesting = 0;
        let mut walk = || {
            validator.read_locals(&mut reader)?;
            while !reader.eof() {
                let offset = reader.original_position();
                reader.visit_operator(&mut validator.visitor(offset))??;
                nesting = nesting.max(validator.control_stack_height());
            }
            let offset = reader.original_position();
            reader.finish_expression(&validator.visitor(offset))
        };
        walk().map_err(|error| self.invalid(&error))?;
        self.allocations = validator.into_allocations();
        // The function itself is the outermost block.
        let nesting = nesting.saturating_sub(1);
        if nesting > self.limits.nesting {
            return Err(Fault::rejected(format!(
                "function {index} nests blocks {nesting} deep, and a plugin of this size class may nest {}",
                self.limits.nesting
            )));
        }
        self.found.nesting = self.found.nesting.max(nesting);
        let bytes = length(body);
        if self.found.largest.as_ref().is_none_or(|largest| bytes > largest.bytes) {
            self.found.largest = Some(Function { index, name: None, bytes });
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.took_function(index, bytes);
        }
        Ok(())
    }

    /// Closes the innermost module or component.
    fn end(&mut self, types: Types) -> Result<Step<'a>, Fault> {
        let mut frame = self.frames.pop().ok_or_else(cut_off)?;
        if frame.is_component {
            frame.footprint.components = frame.footprint.components.saturating_add(1);
        } else {
            frame.footprint.instances = 1;
        }
        frame.footprint.check(&self.limits)?;
        let Some(outer) = self.frames.last_mut() else { return Ok(Step::Done(Box::new((types, frame)))) };
        if frame.is_component {
            outer.components.push(Some(Rc::new(spaces::Component::of(frame))));
        } else {
            outer.modules.push(Some(Rc::new(frame.footprint)));
        }
        Ok(Step::Out)
    }

    fn finish(self, rest: &[u8], (types, frame): (Types, Frame<'a>)) -> Result<Scan<'a>, Fault> {
        if !rest.is_empty() {
            return Err(Fault::rejected(
                "there is more data after the end of the file: it is damaged, or two files in one",
            ));
        }
        let Found { custom_sections, has_component_type, has_names, modules, functions, largest, nesting, .. } =
            self.found;
        Ok(Scan {
            is_component: frame.is_component,
            types,
            imports: frame.imports,
            exports: frame.exports,
            custom_sections,
            has_component_type,
            has_names,
            modules,
            functions,
            largest,
            nesting,
            footprint: frame.footprint,
        })
    }
}

fn length(body: &FunctionBody<'_>) -> u64 {
    u64::try_from(body.range().len()).unwrap_or(u64::MAX)
}
