//! Whether a component implements the project's WIT package, judging by its imports and exports.

use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentInstanceType};

use crate::Fault;

use super::WIT_VERSION;
use super::scan::{Named, Scan};
use super::words::excerpt;

const PACKAGE: &str = "bidprice:plugin";

/// The name of an interface: `package/interface@version`.
struct Interface<'a> {
    package: &'a str,
    name: &'a str,
    version: &'a str,
}

impl<'a> Interface<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (package, rest) = text.split_once('/')?;
        let (name, version) = rest.split_once('@').unwrap_or((rest, ""));
        Some(Self { package, name, version })
    }

    /// Whether this host supports the version. A patch version only adds functions.
    fn is_spoken(&self) -> bool {
        let mut numbers = self.version.splitn(3, '.').map(str::parse::<u64>);
        let (major, minor, patch) = (numbers.next(), numbers.next(), numbers.next());
        (major, minor) == (Some(Ok(WIT_VERSION.0)), Some(Ok(WIT_VERSION.1))) && matches!(patch, Some(Ok(_)))
    }

    fn other_version(&self, verb: &str) -> Fault {
        Fault::rejected(format!(
            "the component {verb} `{PACKAGE}/{}` of version `{}`, and this host speaks {}: build it against the WIT \
             package of this host",
            excerpt(self.name),
            excerpt(self.version),
            spoken()
        ))
    }
}

fn spoken() -> String {
    format!("{}.{}", WIT_VERSION.0, WIT_VERSION.1)
}

/// Checks a component's imports and exports, and returns the version that it was built for.
pub(super) fn check(scan: &Scan<'_>) -> Result<String, Fault> {
    for named in &scan.imports {
        if let Named::Item(name) = named {
            check_import(scan, name)?;
        }
    }
    let mut wrong_version = None;
    let mut wasi_command = false;
    for named in &scan.exports {
        let Named::Item(name) = named else { continue };
        let Some(interface) = Interface::parse(name) else { continue };
        wasi_command |= interface.package.starts_with("wasi:") && interface.name == "run";
        if interface.package == PACKAGE && interface.name == "pricer" {
            if interface.is_spoken() {
                check_pricer(scan, name)?;
                return Ok(interface.version.to_owned());
            }
            wrong_version = Some(interface.other_version("exports"));
        }
    }
    Err(wrong_version.unwrap_or_else(|| no_pricer(wasi_command)))
}

fn no_pricer(wasi_command: bool) -> Fault {
    let version = spoken();
    if wasi_command {
        return Fault::rejected(format!(
            "the component is a program of WASI 0.2 and exports no `{PACKAGE}/pricer`: build it for `wasm32-wasip1` as a \
             command, or as a component of `{PACKAGE}@{version}`"
        ));
    }
    Fault::rejected(format!(
        "the component exports no `{PACKAGE}/pricer@{version}.0`: build it for the world `plugin` of the WIT package"
    ))
}

fn check_pricer(scan: &Scan<'_>, name: &str) -> Result<(), Fault> {
    let item = scan.types.as_ref().component_item_for_export(name);
    let price = instance(scan, item.map(|item| item.ty)).and_then(|instance| instance.exports.get("price"));
    match price.map(|item| item.ty) {
        Some(ComponentEntityType::Func(_)) => Ok(()),
        _ => Err(Fault::rejected(format!(
            "the export `{}` has no function `price`: build it against the WIT package of this host",
            excerpt(name)
        ))),
    }
}

/// Checks one import. Only the types and the log are allowed, and the messages say what the usual toolchains do
/// differently.
fn check_import(scan: &Scan<'_>, name: &str) -> Result<(), Fault> {
    let shown = excerpt(name);
    let refuse = |why: &str| Err(Fault::rejected(format!("the component imports `{shown}`: {why}")));
    let Some(interface) = Interface::parse(name) else {
        return refuse("a plugin may import `bidprice:plugin/log` and nothing else");
    };
    if interface.package.starts_with("wasi:") {
        return refuse(
            "plugins get no WASI 0.2; a build for `wasm32-wasip2` (or with WASI left on) does this; build for \
             `wasm32-unknown-unknown` and run `bidprice plugin pack`, or switch WASI off (`componentize-js --disable \
             all`, `componentize-py --stub-wasi`)",
        );
    }
    if interface.package != PACKAGE {
        return refuse("a plugin may import `bidprice:plugin/log` and nothing else");
    }
    let allowed = match interface.name {
        "log" => "log",
        "types" => "",
        "pricer" => return refuse("this is what a plugin exports; build it for the world `plugin`"),
        _ => return refuse("the WIT package has no such interface to import"),
    };
    if !interface.is_spoken() {
        return Err(interface.other_version("imports"));
    }
    let item = scan.types.as_ref().component_item_for_import(name);
    let Some(instance) = instance(scan, item.map(|item| item.ty)) else {
        return refuse("it is an interface, and the component wants something else of this name");
    };
    for (function, item) in &instance.exports {
        let known = match item.ty {
            ComponentEntityType::Func(_) => function == allowed,
            ComponentEntityType::Type { created, .. } => !matches!(created, ComponentAnyTypeId::Resource(_)),
            _ => false,
        };
        if !known {
            return refuse(&format!(
                "this host's version of it has no `{}`; build against the WIT package of this host",
                excerpt(function)
            ));
        }
    }
    Ok(())
}

fn instance<'s>(scan: &'s Scan<'_>, ty: Option<ComponentEntityType>) -> Option<&'s ComponentInstanceType> {
    match ty {
        Some(ComponentEntityType::Instance(id)) => scan.types.as_ref().get(id),
        _ => None,
    }
}
