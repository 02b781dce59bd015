//! Addresses for services that need to know theirs before they listen.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// An address of this machine that nothing listens on. The system does not give it to another program while this value
/// lives.
#[derive(Debug)]
pub struct FreeAddress(TcpSocket);

impl Default for FreeAddress {
    fn default() -> Self {
        Self::new()
    }
}

impl FreeAddress {
    /// Reserves an address.
    #[must_use]
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        // The socket that will listen there also has to set this option. This one never listens.
        socket.set_reuseaddr(true).expect("a socket that shares its address");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free address");
        Self(socket)
    }

    /// Returns the address.
    #[must_use]
    pub fn get(&self) -> SocketAddr {
        self.0.local_addr().expect("an address")
    }
}
