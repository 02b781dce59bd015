//! The index spaces of a module or component: what an instance is made of, so that its footprint is known.

use std::rc::Rc;

use wasmparser::{
    ComponentAlias, ComponentExport, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, Instance,
};

use crate::{Fault, LoadLimits};

use super::super::Function;
use super::super::footprint::Footprint;
use super::Named;

/// A module or component while it is read.
#[derive(Default)]
pub(super) struct Frame<'a> {
    pub(super) is_component: bool,
    /// What one instance of it takes.
    pub(super) footprint: Footprint,
    /// Kept for the outermost only.
    pub(super) imports: Vec<Named<'a>>,
    /// Kept for the outermost only.
    pub(super) exports: Vec<Named<'a>>,
    /// The footprint of each module; none where it is not known, because it comes from outside.
    pub(super) modules: Vec<Option<Rc<Footprint>>>,
    /// The footprint of each component.
    pub(super) components: Vec<Option<Rc<Footprint>>>,
    next_function: u32,
    largest: Option<(u32, u64)>,
}

impl Frame<'_> {
    pub(super) fn new(is_component: bool) -> Self {
        Self { is_component, ..Self::default() }
    }

    /// The number of the function whose code comes next.
    pub(super) fn next_function(&self) -> u32 {
        self.next_function
    }

    pub(super) fn imported_functions(&mut self, number: u32) {
        self.next_function = self.next_function.saturating_add(number);
    }

    pub(super) fn took_function(&mut self, index: u32, bytes: u64) {
        self.next_function = index.saturating_add(1);
        if self.largest.is_none_or(|(_, largest)| bytes > largest) {
            self.largest = Some((index, bytes));
        }
    }

    /// Whether the function is this module's largest.
    pub(super) fn has_function(&self, function: &Function) -> bool {
        self.largest == Some((function.index, function.bytes))
    }
}

impl<'a> Frame<'a> {
    /// An export is an item of its own: it has the next number of its kind.
    pub(super) fn export(&mut self, export: &ComponentExport<'a>, outermost: bool) {
        if outermost {
            self.exports.push(Named::Item(export.name.name));
        }
        match export.kind {
            ComponentExternalKind::Module => self.modules.push(at(&self.modules, export.index).cloned()),
            ComponentExternalKind::Component => self.components.push(at(&self.components, export.index).cloned()),
            _ => {}
        }
    }

    pub(super) fn alias(&mut self, alias: &ComponentAlias<'a>, outer: &[Self]) {
        match alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => self.modules.push(None),
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => self.components.push(None),
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
                let found = self.out(outer, *count).and_then(|frame| at(&frame.modules, *index).cloned());
                self.modules.push(found);
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                let found = self.out(outer, *count).and_then(|frame| at(&frame.components, *index).cloned());
                self.components.push(found);
            }
            _ => {}
        }
    }

    /// The component this many levels out; 0 is this one.
    fn out<'f>(&'f self, outer: &'f [Self], levels: u32) -> Option<&'f Self> {
        let levels = usize::try_from(levels).ok()?;
        match levels.checked_sub(1) {
            None => Some(self),
            Some(above) => outer.iter().nth_back(above),
        }
    }

    pub(super) fn instantiate_module(&mut self, instance: &Instance<'_>, limits: &LoadLimits) -> Result<(), Fault> {
        let Instance::Instantiate { module_index, .. } = instance else { return Ok(()) };
        let known = at(&self.modules, *module_index).ok_or_else(unknown)?;
        self.footprint.add(known, limits)
    }

    pub(super) fn instantiate_component(
        &mut self,
        instance: &ComponentInstance<'_>,
        limits: &LoadLimits,
    ) -> Result<(), Fault> {
        let ComponentInstance::Instantiate { component_index, .. } = instance else { return Ok(()) };
        let known = at(&self.components, *component_index).ok_or_else(unknown)?;
        self.footprint.add(known, limits)
    }
}

fn at(list: &[Option<Rc<Footprint>>], index: u32) -> Option<&Rc<Footprint>> {
    list.get(usize::try_from(index).ok()?)?.as_ref()
}

fn unknown() -> Fault {
    Fault::rejected(
        "the component instantiates a module or component that it gets from elsewhere, so that its size is not known: \
         build one plain component, with `bidprice plugin pack`",
    )
}
