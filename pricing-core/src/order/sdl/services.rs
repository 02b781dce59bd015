//! The section `services`: what runs, and how it is reached.

use std::collections::BTreeMap;

use super::field::{Field, Object};
use crate::input::InputError;

const MAX_BODY_BYTES: u64 = 100 << 20;
const MAX_PROXY_BUFFER_BYTES: u64 = 1 << 20;
const MAX_TIMEOUT_MS: u64 = 60_000;
/// The case that stands alone.
const NO_CASES: &str = "off";

/// A service, as far as orders know of it.
#[derive(Debug)]
pub(super) struct Service<'a> {
    pub(super) field: Field<'a>,
    pub(super) exposes: Vec<Expose<'a>>,
    pub(super) mounts: Vec<Mount<'a>>,
    pub(super) tee: Option<Tee<'a>>,
}

/// A port of a service, and who reaches it.
#[derive(Debug)]
pub(super) struct Expose<'a> {
    port: u32,
    external: Option<u32>,
    pub(super) udp: bool,
    pub(super) to: Vec<To<'a>>,
    /// The hostnames that the port is reached at.
    pub(super) accept: Vec<&'a str>,
}

/// Who reaches a port.
#[derive(Debug)]
pub(super) struct To<'a> {
    pub(super) global: bool,
    pub(super) ip: Option<Ip<'a>>,
}

/// The endpoint whose address a port is reached at.
#[derive(Debug)]
pub(super) struct Ip<'a> {
    pub(super) name: &'a str,
    pub(super) field: Field<'a>,
}

/// Where a service mounts a volume.
#[derive(Debug)]
pub(super) struct Mount<'a> {
    pub(super) volume: &'a str,
    pub(super) field: Field<'a>,
    pub(super) path: &'a str,
    pub(super) read_only: bool,
}

/// The trusted execution environment that a service asks for.
#[derive(Debug)]
pub(super) struct Tee<'a> {
    pub(super) kind: &'static str,
    pub(super) field: Field<'a>,
}

impl Tee<'_> {
    /// Whether the environment spans the GPUs.
    pub(super) fn needs_gpu(&self) -> bool {
        self.kind == "cpu-gpu"
    }
}

impl Expose<'_> {
    /// The port as it is seen from outside.
    pub(super) fn external_port(&self) -> u32 {
        self.external.unwrap_or(self.port)
    }
}

/// Reads the section, by name.
pub(super) fn read<'a>(section: &Field<'a>) -> Result<BTreeMap<&'a str, Service<'a>>, InputError> {
    section.map()?.into_iter().map(|(name, field)| Ok((name, service(field)?))).collect()
}

fn service(field: Field<'_>) -> Result<Service<'_>, InputError> {
    let keys = ["image", "command", "args", "env", "expose", "dependencies", "params", "credentials"].as_slice();
    let service = field.object(keys)?;
    service.required("image")?.text_of(1)?;
    for key in ["command", "args", "env"] {
        if let Some(list) = service.optional(key).filter(|list| !list.is_null()) {
            list.texts()?;
        }
    }
    if let Some(dependencies) = service.optional("dependencies") {
        for dependency in dependencies.list()? {
            if let Some(name) = dependency.object(&["service"])?.optional("service") {
                name.text()?;
            }
        }
    }
    if let Some(login) = service.optional("credentials") {
        credentials(&login)?;
    }
    let exposes = match service.optional("expose").filter(|list| !list.is_null()) {
        Some(list) => list.list()?.iter().map(expose).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let (mounts, tee) = match service.optional("params") {
        Some(field) => params(&field)?,
        None => (Vec::new(), None),
    };
    Ok(Service { field, exposes, mounts, tee })
}

fn credentials(field: &Field<'_>) -> Result<(), InputError> {
    let login = field.object(&["host", "email", "username", "password"])?;
    if let Some(email) = login.optional("email") {
        email.text_of(5)?;
    }
    for (key, least) in [("host", 1), ("username", 1), ("password", 6)] {
        let word = login.required(key)?;
        if word.text_of(least)?.trim().is_empty() {
            return Err(word.error("nothing but spaces"));
        }
    }
    Ok(())
}

fn expose<'a>(field: &Field<'a>) -> Result<Expose<'a>, InputError> {
    let expose = field.object(&["port", "as", "proto", "to", "accept", "http_options"])?;
    let port = expose.required("port")?.integer_u32(1..=65_535)?;
    let external = expose.optional("as").map(|port| port.integer_u32(1..=65_535)).transpose()?;
    let proto = expose.optional("proto").map(|proto| proto.one_of(&["TCP", "UDP", "tcp", "udp"])).transpose()?;
    let accept = match expose.optional("accept") {
        Some(hosts) => hosts.list()?.iter().map(Field::text).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    if let Some(options) = expose.optional("http_options") {
        http_options(&options)?;
    }
    let to = match expose.optional("to") {
        Some(list) => list.list()?.iter().map(to).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    Ok(Expose { port, external, udp: matches!(proto, Some("UDP" | "udp")), to, accept })
}

fn to<'a>(field: &Field<'a>) -> Result<To<'a>, InputError> {
    let to = field.object(&["global", "ip", "service"])?;
    let global = to.optional("global").map(|global| global.boolean()).transpose()?.unwrap_or(false);
    if let Some(service) = to.optional("service") {
        service.text()?;
    }
    let ip = match to.optional("ip") {
        Some(field) => Some(Ip { name: field.text_of(1)?, field }),
        None => None,
    };
    if let (Some(ip), false) = (&ip, global) {
        return Err(ip.field.error("an `ip` is reached from anywhere").hint("add `global: true` beside it"));
    }
    Ok(To { global, ip })
}

fn http_options(field: &Field<'_>) -> Result<(), InputError> {
    let limits = [
        ("max_body_size", MAX_BODY_BYTES),
        ("proxy_buffer_size", MAX_PROXY_BUFFER_BYTES),
        ("read_timeout", MAX_TIMEOUT_MS),
        ("send_timeout", MAX_TIMEOUT_MS),
        ("next_timeout", u64::from(u32::MAX)),
        ("next_tries", u64::from(u32::MAX)),
    ];
    let mut keys: Vec<&str> = limits.iter().map(|(key, _)| *key).collect();
    keys.push("next_cases");
    let options = field.object(&keys)?;
    for (key, most) in limits {
        if let Some(value) = options.optional(key) {
            value.integer(0..=most)?;
        }
    }
    options.optional("next_cases").map_or(Ok(()), |cases| next_cases(&cases))
}

fn next_cases(field: &Field<'_>) -> Result<(), InputError> {
    let words = ["error", "timeout", "500", "502", "503", "504", "403", "404", "429", NO_CASES].as_slice();
    let cases = field.list()?;
    for case in &cases {
        if case.one_of(words)? == NO_CASES && cases.len() > 1 {
            return Err(case.error(format_args!("`{NO_CASES}` cannot stand beside other cases")));
        }
    }
    Ok(())
}

fn params<'a>(field: &Field<'a>) -> Result<(Vec<Mount<'a>>, Option<Tee<'a>>), InputError> {
    let params = field.object(&["storage", "permissions", "tee"])?;
    if let Some(permissions) = params.optional("permissions") {
        let permissions = permissions.object(&["read"])?;
        for word in permissions.optional("read").map_or(Ok(Vec::new()), |read| read.list())? {
            word.one_of(&["deployment", "logs", "events"])?;
        }
    }
    let mounts = match params.optional("storage") {
        Some(volumes) => volumes.map()?.into_iter().map(mount).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    Ok((mounts, tee(&params)?))
}

fn mount<'a>((volume, field): (&'a str, Field<'a>)) -> Result<Mount<'a>, InputError> {
    let mount = field.object(&["mount", "readOnly"])?;
    let path = mount.required("mount")?;
    if !path.text()?.starts_with('/') {
        return Err(path.error("the mount is not an absolute path").hint("begin it with `/`"));
    }
    let read_only = mount.optional("readOnly").map(|value| value.boolean()).transpose()?.unwrap_or(false);
    let path = path.text()?;
    Ok(Mount { volume, field, path, read_only })
}

fn tee<'a>(params: &Object<'a>) -> Result<Option<Tee<'a>>, InputError> {
    let Some(field) = params.optional("tee") else { return Ok(None) };
    Ok(Some(Tee { kind: field.one_of(&["cpu", "cpu-gpu"])?, field }))
}
