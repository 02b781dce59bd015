//! The document as a whole: its version and its sections.

use core::time::Duration;
use std::collections::BTreeMap;

use super::deployment::{self, Deployment};
use super::duration;
use super::field::Field;
use super::profiles::Profiles;
use super::services::{self, Service};
use super::warnings::RefusingReader;
use crate::input::InputError;
use crate::text::excerpt;

/// The version of the SDL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Each service has its own resource unit.
    V2_0,
    /// Services with the same compute profile in the same placement share a resource unit.
    V2_1,
}

/// A document whose sections match the schema.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) version: Version,
    pub(super) services: BTreeMap<&'a str, Service<'a>>,
    pub(super) profiles: Profiles<'a>,
    pub(super) deployment: BTreeMap<&'a str, Deployment<'a>>,
    /// The section itself, for errors about missing content.
    pub(super) deployment_field: Field<'a>,
    pub(super) endpoints: BTreeMap<&'a str, Field<'a>>,
    /// The shortest notice that the provider must give before it ends a lease.
    pub(super) min_reclamation: Option<Duration>,
}

impl<'a> Document<'a> {
    /// Reads every section, including unused parts.
    pub(super) fn read(root: &Field<'a>) -> Result<Self, InputError> {
        let sections =
            ["version", "services", "profiles", "deployment", "endpoints", "include", "reclamation"].as_slice();
        let document = root.closed_object(sections)?;
        let version = version(&document.required("version")?)?;
        if let Some(include) = document.optional("include") {
            include.texts()?;
        }
        let min_reclamation = document.optional("reclamation").map(|section| min_window(&section)).transpose()?;
        let endpoints = match document.optional("endpoints") {
            Some(section) => endpoints(&section)?,
            None => BTreeMap::new(),
        };
        let deployment_field = document.required("deployment")?;
        Ok(Self {
            version,
            services: services::read(&document.required("services")?)?,
            profiles: Profiles::read(&document.required("profiles")?)?,
            deployment: deployment::read(&deployment_field)?,
            deployment_field,
            endpoints,
            min_reclamation,
        })
    }
}

fn min_window(section: &Field<'_>) -> Result<Duration, InputError> {
    let window = section.object(&["min_window"])?.required("min_window")?;
    let text = window.text()?;
    let duration = duration::positive(text).map_err(|message| window.error(message))?;
    let number = text.strip_suffix(['s', 'm', 'h']).unwrap_or("");
    if number.starts_with('0') || number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        let message = format_args!("`{}` is not a whole number of `s`, `m` or `h`", excerpt(text));
        window.warn(RefusingReader::Console, message);
    }
    Ok(duration)
}

/// Reads the version. Console accepts two words. Go accepts up to three numbers, and treats versions above 2.1 like
/// 2.1.
fn version(field: &Field<'_>) -> Result<Version, InputError> {
    const WORDS: [&str; 2] = ["2.0", "2.1"];
    let text = field.text()?;
    let unknown = || field.unknown_word(text, &WORDS);
    let parts = go_version(text).ok_or_else(unknown)?;
    let version = match parts {
        (2, 0, 0) => Version::V2_0,
        newer if newer >= (2, 1, 0) => Version::V2_1,
        _ => return Err(unknown()),
    };
    if !WORDS.contains(&text) {
        field.warn(RefusingReader::Console, format_args!("`{}` is not `2.0` or `2.1`", excerpt(text)));
    }
    Ok(version)
}

/// Splits a version into its three numbers. Missing later ones are 0.
fn go_version(text: &str) -> Option<(u64, u64, u64)> {
    let text = text.trim();
    let mut parts = text.strip_prefix('v').unwrap_or(text).split('.').map(|part| {
        let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<u64>().ok()).flatten()
    });
    let first = parts.next()??;
    let (second, third) = (parts.next().unwrap_or(Some(0))?, parts.next().unwrap_or(Some(0))?);
    parts.next().is_none().then_some((first, second, third))
}

fn endpoints<'a>(section: &Field<'a>) -> Result<BTreeMap<&'a str, Field<'a>>, InputError> {
    let endpoints = section.map()?;
    for (name, endpoint) in &endpoints {
        if !is_endpoint_name(name) {
            return Err(endpoint
                .name_error("this name is not allowed for an endpoint")
                .hint("two or more of a-z, 0-9, `-` and `_`, the first a letter"));
        }
        endpoint.object(&["kind"])?.required("kind")?.one_of(&["ip"])?;
    }
    Ok(endpoints.into_iter().collect())
}

fn is_endpoint_name(name: &str) -> bool {
    let lower = |c: char| c.is_ascii_lowercase();
    name.starts_with(lower)
        && name.len() > 1
        && name.chars().all(|c| lower(c) || c.is_ascii_digit() || matches!(c, '-' | '_'))
}
