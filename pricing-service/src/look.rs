//! A look at where the service listens, or would listen: `bidprice doctor` tells what is there. Nothing stays open.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use pricing_engine::config::{ConfigError, Listen};
use rustix::process::geteuid;

use crate::caller;
use crate::listen;
use crate::metrics_page::Page;

/// What is at the path of the service's socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketState {
    /// Nothing.
    Absent,
    /// Something that a start would not replace, and why.
    Occupied(String),
    /// The socket of a service that no longer runs. A start replaces it.
    Left,
    /// The socket of a service that runs.
    Served(SocketAccess),
    /// It cannot be examined, for this reason.
    Unknown(String),
}

/// Who may call over a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketAccess {
    /// The user that its service runs as.
    pub owner: u32,
    /// The mode of its file.
    pub mode: u32,
    /// Whether the service lets this process call.
    pub may_call: bool,
}

/// Looks at the path of a socket, as a start does.
pub async fn socket(path: &Path) -> SocketState {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return SocketState::Absent,
        Err(error) => return SocketState::Unknown(error.to_string()),
        Ok(found) => found,
    };
    let owner = found.uid();
    let access = SocketAccess { owner, mode: found.mode() & 0o7777, may_call: caller::may_call(here(), owner) };
    match listen::vacant(path).await {
        Ok(()) => SocketState::Left,
        Err(listen::SocketError::InUse) => SocketState::Served(access),
        // Who may not call may not even connect.
        Err(_) if found.file_type().is_socket() && !access.may_call => SocketState::Served(access),
        Err(error @ listen::SocketError::NoSocket) => SocketState::Occupied(error.to_string()),
        Err(error) => SocketState::Unknown(error.to_string()),
    }
}

/// The user that this process runs as.
fn here() -> u32 {
    geteuid().as_raw()
}

/// An address of the configuration, and whether it can be listened on.
#[derive(Debug)]
pub struct AddressState {
    /// Its key.
    pub key: &'static str,
    /// The address.
    pub address: SocketAddr,
    /// Why it cannot be listened on, and what to do.
    pub problem: Option<String>,
    /// Whether the problem is that somebody listens there.
    pub is_taken: bool,
}

/// Tries the TCP addresses as a start does, and lets go of them at once. Must be called within a Tokio runtime.
pub async fn addresses(config: &Listen) -> Vec<AddressState> {
    let mut states = Vec::new();
    if let Some(address) = config.tcp {
        states.push(AddressState::of("listen.tcp", address, listen::bind_tcp(address).await.map(drop)));
    }
    if let Some(address) = config.metrics {
        states.push(AddressState::of("listen.metrics", address, Page::bind(address).map(drop).map_err(|it| it.error)));
    }
    states
}

impl AddressState {
    fn of(key: &'static str, address: SocketAddr, bound: io::Result<()>) -> Self {
        let is_taken = bound.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse);
        Self { key, address, problem: bound.err().map(listen::explained), is_taken }
    }
}

/// Says how long the certificate of the configuration is valid. `None` without TLS.
///
/// # Errors
/// When the certificates or the key cannot be used.
pub fn certificate(config: &Listen) -> Result<Option<String>, ConfigError> {
    let validity = listen::check_tls(config)?;
    let days = |validity: crate::certificate::Validity| {
        let (from, until) = (validity.from(), validity.until());
        format!("valid from {from} until {until}, {:.0} days from now", validity.days_left())
    };
    Ok(validity.map(days))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tokio::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn what_is_at_the_path_of_a_socket_is_told_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert_eq!(socket(&at("absent")).await, SocketState::Absent);
        fs::write(at("file"), "").unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink(at("nowhere"), at("link")).unwrap();
        for name in ["file", "folder", "link"] {
            let state = socket(&at(name)).await;
            assert!(matches!(&state, SocketState::Occupied(why) if why.contains("not a socket")), "{name}: {state:?}");
        }
        assert!(matches!(socket(&at("file/socket")).await, SocketState::Unknown(_)));
        let listener = UnixListener::bind(at("socket")).unwrap();
        let SocketState::Served(access) = socket(&at("socket")).await else { panic!("it is not served") };
        assert_eq!((access.owner, access.may_call), (here(), true));
        drop(listener);
        assert_eq!(socket(&at("socket")).await, SocketState::Left);
        assert!(at("socket").exists());
    }

    #[tokio::test]
    async fn addresses_that_are_taken_are_told() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Some(taken.local_addr().unwrap());
        let config = Listen { tcp: address, metrics: address, ..Listen::default() };
        let told = addresses(&config).await;
        assert_eq!(
            told.iter().map(|state| (state.key, state.is_taken)).collect::<Vec<_>>(),
            [("listen.tcp", true), ("listen.metrics", true)]
        );
        let problem = told[0].problem.clone().unwrap();
        assert!(problem.contains("stop the program that listens there"), "{problem}");
        drop(taken);
        assert!(addresses(&config).await.iter().all(|state| state.problem.is_none()));
    }
}
