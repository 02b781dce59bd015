//! The section `services`: what runs, and how it is reached.

use std::collections::BTreeMap;

use super::field::{Field, Object};
use super::warnings::RefusingReader;
use crate::input::InputError;
use crate::text::excerpt;

const MAX_BODY_BYTES: u64 = 100 << 20;
const MAX_PROXY_BUFFER_BYTES: u64 = 1 << 20;
const MAX_TIMEOUT_MS: u64 = 60_000;
const MAX_PORT: u32 = 65_535;
/// The only case that excludes the others.
const NO_CASES: &str = "off";

/// The parts of a service that matter for orders.
#[derive(Debug)]
pub(super) struct Service<'a> {
    pub(super) field: Field<'a>,
    pub(super) exposes: Vec<Expose<'a>>,
    pub(super) mounts: Vec<Mount<'a>>,
    pub(super) tee: Option<Tee<'a>>,
}

/// A port of a service, and who can reach it.
#[derive(Debug)]
pub(super) struct Expose<'a> {
    port: u32,
    external: Option<u32>,
    pub(super) udp: bool,
    /// The protocol as written. Go identifies a port of an address by it, case included.
    pub(super) proto: &'a str,
    pub(super) to: Vec<ExposeTarget<'a>>,
    /// The hostnames of the port.
    pub(super) accept: Vec<String>,
}

/// Who can reach a port.
#[derive(Debug)]
pub(super) struct ExposeTarget<'a> {
    pub(super) global: bool,
    pub(super) ip: Option<Ip<'a>>,
}

/// The endpoint whose address serves a port.
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
    /// Returns whether the environment includes the GPUs.
    pub(super) fn needs_gpu(&self) -> bool {
        self.kind == "cpu-gpu"
    }
}

impl Expose<'_> {
    /// Returns the port that is visible from outside.
    pub(super) fn external_port(&self) -> u32 {
        self.external.unwrap_or(self.port)
    }

    /// Returns the value of `as`, or 0 if it is absent. Go identifies a port of an address by it.
    pub(super) fn written_external_port(&self) -> u32 {
        self.external.unwrap_or(0)
    }
}

/// Reads the section. The keys are the services' names.
pub(super) fn read<'a>(section: &Field<'a>) -> Result<BTreeMap<&'a str, Service<'a>>, InputError> {
    let service = |(name, field): (&'a str, Field<'a>)| {
        if !is_service_name(name) {
            let message = format_args!("`{}` is not a name of a service (a-z, 0-9 and `-`)", excerpt(name));
            field.warn_of_name(RefusingReader::CommandLine, message);
        }
        Ok((name, service(field)?))
    };
    section.map()?.into_iter().map(service).collect()
}

/// Returns whether a name is a valid hostname label for the provider.
fn is_service_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.ends_with(word)
        && name.chars().all(|c| word(c) || c == '-')
}

/// Reads a service. Parts that do not become part of an order are checked as well, because Console or the chain's
/// command line refuses the whole SDL for them.
fn service(field: Field<'_>) -> Result<Service<'_>, InputError> {
    let keys = ["image", "command", "args", "env", "expose", "dependencies", "params", "credentials"].as_slice();
    let service = field.object(keys)?;
    service.required("image")?.filled_text()?;
    for key in ["command", "args", "env"] {
        if let Some(list) = service.nullable(key) {
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
    let exposes = match service.nullable("expose") {
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
        longer_than(&email, 5)?;
    }
    for (key, least) in [("host", 1), ("username", 1), ("password", 6)] {
        let word = login.required(key)?;
        word.filled_text()?;
        let text = longer_than(&word, least)?;
        if text.trim().is_empty() {
            word.warn(RefusingReader::CommandLine, "nothing but spaces");
        }
    }
    Ok(())
}

/// Returns text that Console accepts only with at least `least` characters.
fn longer_than<'a>(field: &Field<'a>, least: usize) -> Result<&'a str, InputError> {
    let text = field.text()?;
    if text.chars().take(least).count() < least {
        field.warn(RefusingReader::Console, format_args!("too short; expected at least {least} characters"));
    }
    Ok(text)
}

fn expose<'a>(field: &Field<'a>) -> Result<Expose<'a>, InputError> {
    let expose = field.object(&["port", "as", "proto", "to", "accept", "http_options"])?;
    let ports = 1..=MAX_PORT;
    let port = expose.required("port")?.integer_u32(ports.clone(), ports.clone())?;
    let external = expose.optional("as").map(|port| port.integer_u32(ports, 0..=u32::MAX)).transpose()?;
    let proto = expose.optional("proto").map(|proto| protocol(&proto)).transpose()?.unwrap_or("");
    let accept = match expose.optional("accept") {
        Some(hosts) => hosts.texts()?,
        None => Vec::new(),
    };
    if let Some(options) = expose.optional("http_options") {
        http_options(&options)?;
    }
    let to = match expose.optional("to") {
        Some(list) => list.list()?.iter().map(to).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    // Go does not distinguish a port of 0 from a missing one.
    let external = external.filter(|port| *port > 0);
    Ok(Expose { port, external, udp: proto.eq_ignore_ascii_case("udp"), proto, to, accept })
}

/// Returns the protocol. Go accepts any case, and reads an empty one as TCP.
fn protocol<'a>(field: &Field<'a>) -> Result<&'a str, InputError> {
    const WORDS: [&str; 4] = ["TCP", "UDP", "tcp", "udp"];
    let text = field.text()?;
    if !WORDS.contains(&text) {
        if !["", "tcp", "udp"].contains(&text.to_ascii_lowercase().as_str()) {
            return Err(field.unknown_word(text, &WORDS));
        }
        field.warn(RefusingReader::Console, format_args!("`{}` is not `TCP`, `UDP`, `tcp` or `udp`", excerpt(text)));
    }
    Ok(text)
}

fn to<'a>(field: &Field<'a>) -> Result<ExposeTarget<'a>, InputError> {
    let to = field.object(&["global", "ip", "service"])?;
    let global = to.optional("global").map(|global| global.boolean()).transpose()?.unwrap_or(false);
    if let Some(service) = to.optional("service") {
        service.text()?;
    }
    let ip = to.optional("ip").map(ip).transpose()?.flatten();
    if let (Some(ip), false) = (&ip, global) {
        return Err(ip.field.error("an `ip` is reached from anywhere").hint("add `global: true` beside it"));
    }
    Ok(ExposeTarget { global, ip })
}

/// Reads the endpoint's name. Go treats an empty name as absent.
fn ip(field: Field<'_>) -> Result<Option<Ip<'_>>, InputError> {
    let name = field.text()?;
    if name.is_empty() {
        field.warn(RefusingReader::Console, "empty; expected the name of an endpoint");
        return Ok(None);
    }
    Ok(Some(Ip { name, field }))
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
            value.integer(0..=most, 0..=most)?;
        }
    }
    options.optional("next_cases").map_or(Ok(()), |cases| next_cases(&cases))
}

fn next_cases(field: &Field<'_>) -> Result<(), InputError> {
    let words = ["error", "timeout", "500", "502", "503", "504", "403", "404", "429", NO_CASES].as_slice();
    let cases = field.list()?;
    for case in &cases {
        if case.one_of(words)? == NO_CASES && cases.len() > 1 {
            return Err(case.error(format_args!("`{NO_CASES}` cannot be combined with other cases")));
        }
    }
    Ok(())
}

fn params<'a>(field: &Field<'a>) -> Result<(Vec<Mount<'a>>, Option<Tee<'a>>), InputError> {
    let params = field.object(&["storage", "permissions", "tee"])?;
    if let Some(permissions) = params.optional("permissions") {
        let permissions = permissions.object(&["read"])?;
        for word in permissions.optional("read").map_or(Ok(Vec::new()), |read| read.list())? {
            let words = ["deployment", "logs", "events"];
            let text = word.text()?;
            if !words.contains(&text) {
                word.warn(RefusingReader::Console, word.unknown_word(text, &words).message());
            }
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
    let read_only = mount.optional("readOnly").map(|value| value.boolean()).transpose()?.unwrap_or(false);
    let path = match mount.entry("mount") {
        Some(path) => mount_path(&path)?,
        None => {
            field.warn_of_name(RefusingReader::CommandLine, "`mount` is missing");
            ""
        }
    };
    Ok(Mount { volume, field, path, read_only })
}

fn mount_path<'a>(field: &Field<'a>) -> Result<&'a str, InputError> {
    let path = field.text()?;
    if path.starts_with('/') {
        Ok(path)
    } else {
        Err(field.error("the mount is not an absolute path").hint("begin it with `/`"))
    }
}

fn tee<'a>(params: &Object<'a>) -> Result<Option<Tee<'a>>, InputError> {
    let Some(field) = params.optional("tee") else { return Ok(None) };
    Ok(Some(Tee { kind: field.one_of(&["cpu", "cpu-gpu"])?, field }))
}
