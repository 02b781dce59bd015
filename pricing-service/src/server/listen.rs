//! The sockets that the service listens on.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Router;

use super::ServeError;
use crate::config;

/// Everything that the service listens on.
pub(super) struct Listeners {
    unix: Option<Socket>,
    tcp: Option<TcpListener>,
}

/// A Unix socket, whose file goes when the service does.
struct Socket {
    listener: UnixListener,
    _file: SocketFile,
}

struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = fs::remove_file(&self.0);
    }
}

impl Listeners {
    pub(super) fn bind(config: &config::Listen) -> Result<Self, ServeError> {
        let failed =
            |address: String| move |error: io::Error| ServeError::Listen { address, message: error.to_string() };
        let path = &config.socket;
        let unix = (!path.as_os_str().is_empty()).then(|| unix(path)).transpose();
        let unix = unix.map_err(failed(path.display().to_string()))?;
        let tcp = config.tcp.map(|address| {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        });
        let tcp = tcp.transpose().map_err(failed(config.tcp.map(|a| a.to_string()).unwrap_or_default()))?;
        Ok(Self { unix, tcp })
    }

    /// Serves until told to stop, then lets the calls in flight end.
    pub(super) async fn serve(
        self,
        router: Router,
        stop: CancellationToken,
        drain: Duration,
    ) -> Result<(), ServeError> {
        let failed = |error: tonic::transport::Error| ServeError::Failed(error.to_string());
        let unix = async {
            match self.unix {
                None => Ok(()),
                Some(socket) => {
                    let incoming = UnixListenerStream::new(socket.listener);
                    router.clone().serve_with_incoming_shutdown(incoming, stop.cancelled()).await
                }
            }
        };
        let tcp = async {
            match self.tcp {
                None => Ok(()),
                Some(listener) => {
                    let incoming = TcpListenerStream::new(listener);
                    router.clone().serve_with_incoming_shutdown(incoming, stop.cancelled()).await
                }
            }
        };
        let too_long = async {
            stop.cancelled().await;
            tokio::time::sleep(drain).await;
        };
        tokio::select! {
            served = async { tokio::try_join!(unix, tcp) } => served.map(|_| ()).map_err(failed),
            () = too_long => Ok(()),
        }
    }
}

/// Binds a socket that only its owner may use. A socket file that nobody listens on any more is replaced.
fn unix(path: &Path) -> io::Result<Socket> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket"));
        }
        Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another service listens there"));
        }
        Ok(_) => fs::remove_file(path)?,
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(Socket { listener, _file: SocketFile(path.to_owned()) })
}
