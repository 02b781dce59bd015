//! Collects the contents of valid sections, as far as they matter.

use wasmparser::{
    ComponentType, ComponentTypeDeclaration, ComponentTypeRef, CompositeInnerType, CoreType, CustomSectionReader,
    InstanceTypeDeclaration, KnownCustom, Name, Payload, RecGroup, TypeRef,
};

use crate::{Fault, LoadLimits};

use super::super::LISTED;
use super::super::explain;
use super::super::words::excerpt;
use super::spaces::{Frame, Origin};
use super::{Named, Scanner};

/// Why a section ends the scan.
pub(super) enum Problem {
    Invalid(wasmparser::Error),
    Refused(Fault),
}

impl Problem {
    pub(super) fn into_fault(self, wasm: &[u8], limits: &LoadLimits) -> Fault {
        match self {
            Self::Invalid(error) => explain::invalid(wasm, &error, limits),
            Self::Refused(fault) => fault,
        }
    }
}

impl From<wasmparser::Error> for Problem {
    fn from(error: wasmparser::Error) -> Self {
        Self::Invalid(error)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

/// The number of definitions in a section: the declared count, plus those within its types.
pub(super) fn definitions(payload: &Payload<'_>) -> u32 {
    match payload {
        Payload::TypeSection(section) => section.count(),
        Payload::ImportSection(section) => section.count(),
        Payload::ExportSection(section) => section.count(),
        Payload::InstanceSection(section) => section.count(),
        // The validator rejects what cannot be read.
        Payload::CoreTypeSection(section) => {
            let parts = section.clone().into_iter().map_while(Result::ok).map(|ty| core_parts(&ty));
            parts.fold(section.count(), u32::saturating_add)
        }
        Payload::ComponentTypeSection(section) => {
            let parts = section.clone().into_iter().map_while(Result::ok).map(|ty| parts(&ty));
            parts.fold(section.count(), u32::saturating_add)
        }
        Payload::ComponentInstanceSection(section) => section.count(),
        Payload::ComponentAliasSection(section) => section.count(),
        Payload::ComponentCanonicalSection(section) => section.count(),
        Payload::ComponentImportSection(section) => section.count(),
        Payload::ComponentExportSection(section) => section.count(),
        _ => 0,
    }
}

/// The declared number of imports in a section.
pub(super) fn imports(payload: &Payload<'_>) -> u32 {
    match payload {
        Payload::ImportSection(section) => section.count(),
        Payload::ComponentImportSection(section) => section.count(),
        _ => 0,
    }
}

impl<'a> Scanner<'a> {
    /// Records the contents of a valid section.
    pub(super) fn section(&mut self, payload: &Payload<'a>) -> Result<(), Problem> {
        match payload {
            Payload::Version { encoding, .. } => {
                let is_component = matches!(encoding, wasmparser::Encoding::Component);
                self.found.modules = self.found.modules.saturating_add(u32::from(!is_component));
                self.frames.push(Frame::new(is_component));
                Ok(())
            }
            Payload::CustomSection(section) => {
                self.custom(section);
                Ok(())
            }
            _ if self.frames.last().is_some_and(|frame| frame.is_component) => self.component_section(payload),
            _ => self.module_section(payload),
        }
    }

    /// Records a section of a core module. Limits are checked section by section, so that a file above one is rejected
    /// before the rest is read.
    fn module_section(&mut self, payload: &Payload<'a>) -> Result<(), Problem> {
        let Some((frame, outer)) = self.frames.split_last_mut() else { return Ok(()) };
        match payload {
            Payload::TypeSection(section) => {
                for group in section.clone() {
                    let arity = arity(&group?);
                    check_arity(arity, &self.limits)?;
                    frame.largest_arity = frame.largest_arity.max(arity);
                }
            }
            Payload::ImportSection(section) => {
                let mut functions = 0_u32;
                for import in section.clone().into_imports() {
                    let import = import?;
                    functions = functions.saturating_add(u32::from(matches!(import.ty, TypeRef::Func(_))));
                    if outer.is_empty() {
                        frame.imports.push(Named::Core(import));
                    }
                }
                frame.imported_functions(functions);
                self.count_functions(functions)?;
            }
            Payload::ExportSection(section) if outer.is_empty() => {
                for export in section.clone() {
                    frame.exports.push(Named::CoreExport(export?));
                }
            }
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    frame.footprint.memories.push(memory?.into());
                }
                frame.footprint.check(&self.limits)?;
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    frame.footprint.tables.push(table?.ty.into());
                }
                frame.footprint.check(&self.limits)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Records a section of a component. Each item gets the next index of its kind, in the order of the sections, as
    /// the component model defines.
    fn component_section(&mut self, payload: &Payload<'a>) -> Result<(), Problem> {
        let Some((frame, outer)) = self.frames.split_last_mut() else { return Ok(()) };
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    let import = import?;
                    if outer.is_empty() {
                        frame.imports.push(Named::Item(import.name.name));
                    }
                    match import.ty {
                        ComponentTypeRef::Module(_) => frame.modules.push(None),
                        ComponentTypeRef::Component(_) => frame.components.push(None),
                        ComponentTypeRef::Func(_) => frame.functions.push(Origin::Outside),
                        ComponentTypeRef::Instance(_) => frame.component_instances.push(Origin::Outside),
                        _ => {}
                    }
                }
            }
            Payload::CoreTypeSection(section) => {
                for ty in section.clone() {
                    if let CoreType::Rec(group) = ty? {
                        check_arity(arity(&group), &self.limits)?;
                    }
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section.clone() {
                    frame.canonical(&function?)?;
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    frame.export(&export?, outer.is_empty());
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    frame.alias(&alias?, outer);
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    frame.instantiate_module(&instance?, &self.limits)?;
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    frame.instantiate_component(&instance?, &self.limits)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn custom(&mut self, section: &CustomSectionReader<'a>) {
        let name = section.name();
        if self.found.custom_sections.len() < LISTED {
            self.found.custom_sections.push(excerpt(name));
        }
        self.found.has_component_type |= name.starts_with("component-type");
        let Some(frame) = self.frames.last() else { return };
        let KnownCustom::Name(names) = section.as_known() else { return };
        self.found.has_names = true;
        let largest = self.found.largest.as_mut().filter(|largest| frame.has_function(largest));
        let Some(largest) = largest else { return };
        // Name sections are not validated; unreadable ones are ignored.
        for subsection in names.into_iter().map_while(Result::ok) {
            if let Name::Function(functions) = subsection {
                let named = functions.into_iter().map_while(Result::ok).find(|naming| naming.index == largest.index);
                largest.name = named.map(|naming| excerpt(naming.name)).or(largest.name.take());
            }
        }
    }
}

/// The maximum number of parameters, or results, of the functions in a group of types.
fn arity(group: &RecGroup) -> usize {
    let function = |ty: &wasmparser::SubType| match &ty.composite_type.inner {
        CompositeInnerType::Func(function) => function.params().len().max(function.results().len()),
        _ => 0,
    };
    group.types().map(function).max().unwrap_or(0)
}

fn check_arity(arity: usize, limits: &LoadLimits) -> Result<(), Fault> {
    if u32::try_from(arity).is_ok_and(|arity| arity <= limits.arity) {
        return Ok(());
    }
    Err(Fault::rejected(format!(
        "a function or block of the plugin has {arity} parameters or results, and one of this size class may have {}: \
         hand them over in memory",
        limits.arity
    )))
}

/// The number of declarations within a core type.
fn core_parts(ty: &CoreType<'_>) -> u32 {
    match ty {
        CoreType::Module(parts) => length(parts),
        CoreType::Rec(_) => 0,
    }
}

/// The number of declarations within a component type. [`nests_types`](super::super::nested_types::nests_types) keeps
/// the recursion shallow.
fn parts(ty: &ComponentType<'_>) -> u32 {
    let sum = |parts: u32, more: u32| parts.saturating_add(more);
    match ty {
        ComponentType::Component(declared) => declared.iter().fold(length(declared), |all, part| match part {
            ComponentTypeDeclaration::Type(ty) => sum(all, parts(ty)),
            ComponentTypeDeclaration::CoreType(ty) => sum(all, core_parts(ty)),
            _ => all,
        }),
        ComponentType::Instance(declared) => declared.iter().fold(length(declared), |all, part| match part {
            InstanceTypeDeclaration::Type(ty) => sum(all, parts(ty)),
            InstanceTypeDeclaration::CoreType(ty) => sum(all, core_parts(ty)),
            _ => all,
        }),
        _ => 0,
    }
}

fn length<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}
