//! The index spaces of a module or component. They tell what an instance is made of, which gives its footprint, and
//! where the functions of components come from, so that none of them calls another component of the same plugin.

use std::rc::Rc;

use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExport, ComponentExternalKind, ComponentInstance,
    ComponentInstantiationArg, ComponentOuterAliasKind, Instance,
};

use crate::{Fault, LoadLimits};

use super::super::Function;
use super::super::footprint::Footprint;
use super::Named;

/// The origin of a component's function, or of the functions of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// From outside the component, which is ultimately the host, unless whoever instantiates the component passes
    /// another one.
    Outside,
    /// From the component, or from one that it instantiates.
    Inside,
}

/// A component that was read completely.
pub(super) struct Component {
    footprint: Footprint,
    /// Whether it calls functions that it imports.
    calls_out: bool,
}

impl Component {
    pub(super) fn of(frame: Frame<'_>) -> Self {
        Self { footprint: frame.footprint, calls_out: frame.calls_out }
    }
}

/// A module or component that is being read.
#[derive(Default)]
pub(super) struct Frame<'a> {
    pub(super) is_component: bool,
    /// The footprint of one instance.
    pub(super) footprint: Footprint,
    /// Only recorded for the outermost one.
    pub(super) imports: Vec<Named<'a>>,
    /// Only recorded for the outermost one.
    pub(super) exports: Vec<Named<'a>>,
    /// The footprint of each module. None if it comes from outside and is unknown.
    pub(super) modules: Vec<Option<Rc<Footprint>>>,
    /// Each component. None if it comes from outside.
    pub(super) components: Vec<Option<Rc<Component>>>,
    /// The functions of the component, not of modules.
    pub(super) functions: Vec<Origin>,
    pub(super) component_instances: Vec<Origin>,
    calls_out: bool,
    /// The maximum number of parameters, or results, of a type.
    pub(super) largest_arity: usize,
    next_function: u32,
    largest: Option<(u32, u64)>,
}

impl Frame<'_> {
    pub(super) fn new(is_component: bool) -> Self {
        Self { is_component, ..Self::default() }
    }

    /// The index of the function whose code comes next.
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

    /// Whether the function is this module's largest one.
    pub(super) fn has_function(&self, function: &Function) -> bool {
        self.largest == Some((function.index, function.bytes))
    }
}

impl<'a> Frame<'a> {
    /// An export is an item of its own, with the next index of its kind.
    pub(super) fn export(&mut self, export: &ComponentExport<'a>, outermost: bool) {
        if outermost {
            self.exports.push(Named::Item(export.name.name));
        }
        match export.kind {
            ComponentExternalKind::Module => self.modules.push(at(&self.modules, export.index).cloned()),
            ComponentExternalKind::Component => self.components.push(at(&self.components, export.index).cloned()),
            ComponentExternalKind::Func => self.functions.push(origin(&self.functions, export.index)),
            ComponentExternalKind::Instance => {
                self.component_instances.push(origin(&self.component_instances, export.index));
            }
            _ => {}
        }
    }

    /// Modules of this component can call a lowered function. Between components that needs an adapter, which the
    /// engine builds from features that plugins do not have, so it cannot be compiled.
    pub(super) fn canonical(&mut self, function: &CanonicalFunction) -> Result<(), Fault> {
        match function {
            CanonicalFunction::Lift { .. } => self.functions.push(Origin::Inside),
            CanonicalFunction::Lower { func_index, .. } => {
                if origin(&self.functions, *func_index) == Origin::Inside {
                    return Err(adapted());
                }
                self.calls_out = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// The origin of an item that is passed to a component. None if it is neither a function nor an instance.
    fn argument(&self, kind: ComponentExternalKind, index: u32) -> Option<Origin> {
        match kind {
            ComponentExternalKind::Func => Some(origin(&self.functions, index)),
            ComponentExternalKind::Instance => Some(origin(&self.component_instances, index)),
            _ => None,
        }
    }

    pub(super) fn alias(&mut self, alias: &ComponentAlias<'a>, outer: &[Self]) {
        match alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => self.modules.push(None),
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => self.components.push(None),
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Func, instance_index, .. } => {
                self.functions.push(origin(&self.component_instances, *instance_index));
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Instance, instance_index, .. } => {
                self.component_instances.push(origin(&self.component_instances, *instance_index));
            }
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

    /// The component this many levels further out; 0 is this one.
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
        let (component_index, args) = match instance {
            ComponentInstance::Instantiate { component_index, args } => (*component_index, args),
            ComponentInstance::FromExports(exports) => {
                let inside = exports.iter().any(|export| self.is_inside(export.kind, export.index));
                self.component_instances.push(if inside { Origin::Inside } else { Origin::Outside });
                return Ok(());
            }
        };
        let known = at(&self.components, component_index).cloned().ok_or_else(unknown)?;
        let inside = |arg: &ComponentInstantiationArg<'_>| self.is_inside(arg.kind, arg.index);
        if known.calls_out && args.iter().any(inside) {
            return Err(adapted());
        }
        self.calls_out |= known.calls_out;
        self.component_instances.push(Origin::Inside);
        self.footprint.add(&known.footprint, limits)
    }

    fn is_inside(&self, kind: ComponentExternalKind, index: u32) -> bool {
        self.argument(kind, index) == Some(Origin::Inside)
    }
}

fn at<T>(list: &[Option<Rc<T>>], index: u32) -> Option<&Rc<T>> {
    list.get(usize::try_from(index).ok()?)?.as_ref()
}

/// Unknown functions are treated as coming from inside, which is rejected where it matters.
fn origin(list: &[Origin], index: u32) -> Origin {
    usize::try_from(index).ok().and_then(|index| list.get(index)).copied().unwrap_or(Origin::Inside)
}

fn adapted() -> Fault {
    Fault::rejected(
        "the plugin is made of components that call each other, which is not supported: link the modules before they \
         are packed, so that there is one component",
    )
}

fn unknown() -> Fault {
    Fault::rejected(
        "the component instantiates a module or component that it gets from elsewhere, so that its size is not known: \
         build one plain component, with `bidprice plugin pack`",
    )
}
