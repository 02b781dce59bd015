//! What valid sections say, as far as it is of use.

use wasmparser::{ComponentTypeRef, CustomSectionReader, KnownCustom, Name, Payload, TypeRef};

use crate::Fault;

use super::super::LISTED;
use super::super::explain;
use super::super::words::excerpt;
use super::spaces::Frame;
use super::{Named, Scanner};

/// Why a section ends the scan.
pub(super) enum Problem {
    Invalid(wasmparser::Error),
    Refused(Fault),
}

impl Problem {
    pub(super) fn into_fault(self, wasm: &[u8]) -> Fault {
        match self {
            Self::Invalid(error) => explain::invalid(wasm, &error),
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

impl<'a> Scanner<'a> {
    /// Keeps what a valid section says.
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

    fn module_section(&mut self, payload: &Payload<'a>) -> Result<(), Problem> {
        let Some((frame, outer)) = self.frames.split_last_mut() else { return Ok(()) };
        match payload {
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
                        _ => {}
                    }
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
        // A name section is not validated: what cannot be read has no names.
        for subsection in names.into_iter().map_while(Result::ok) {
            if let Name::Function(functions) = subsection {
                let named = functions.into_iter().map_while(Result::ok).find(|naming| naming.index == largest.index);
                largest.name = named.map(|naming| excerpt(naming.name)).or(largest.name.take());
            }
        }
    }
}
