//! Checks, without starting the service, for whatever would prevent its start or is unusual.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use pricing_engine::config::Listen;
use pricing_engine::engine::check::{self, Basis, Findings, Report, Severity, can_make};
use pricing_engine::tune::Tuner;
use pricing_host::compile::Compiler;

use crate::certificate::Validity;
use crate::listen;

/// The most bytes that the path of a Unix socket may have.
const SOCKET_PATH: usize = 107;

/// Checks for everything that would prevent the service from starting, and for anything unusual.
#[must_use]
pub fn check(path: &Path, compiler: &Compiler) -> Report {
    check_with(path, compiler, None)
}

/// Checks as [`check()`] does, with what the section `tune` needs.
#[must_use]
pub fn check_with(path: &Path, compiler: &Compiler, tuner: Option<&Arc<dyn Tuner>>) -> Report {
    check_on(Basis::Files, path, compiler, tuner)
}

/// Checks as [`check_with`] does, on another basis.
#[must_use]
pub fn check_on(basis: Basis<'_>, path: &Path, compiler: &Compiler, tuner: Option<&Arc<dyn Tuner>>) -> Report {
    check::check_on(basis, path, compiler, tuner, listening)
}

/// Checks the certificates and the socket's folder.
fn listening(listen: &Listen, look: &mut Findings<'_>) {
    match listen::check_tls(listen) {
        Err(error) => look.error(error),
        // The service would start, but no client would accept its certificate over TCP.
        Ok(validity) => {
            if let Some(problem) = validity.and_then(Validity::problem) {
                look.at(Severity::Warning, "listen.tls.certificate", problem);
            }
        }
    }
    if listen.socket.as_os_str().is_empty() {
        return;
    }
    if listen.socket.as_os_str().len() > SOCKET_PATH {
        let message = format!("the path has more than {SOCKET_PATH} bytes, which no Unix socket may have");
        look.at(Severity::Error, "listen.socket", message);
    } else if let Err(why) = can_make(listen.socket.parent()) {
        look.at(Severity::Error, "listen.socket", why);
    } else if let Some(folder) = listen.socket.parent().map(listen::or_here)
        && let Ok(found) = fs::metadata(folder)
        && let Err(why) = listen::check_folder(folder, &found)
    {
        look.at(Severity::Error, "listen.socket", why);
    }
}
