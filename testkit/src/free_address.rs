//! Addresses for services that must be told theirs before they listen.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// An address of this machine that nobody listens on. As long as this lives the system gives it to nobody else.
#[derive(Debug)]
pub struct FreeAddress(TcpSocket);

impl Default for FreeAddress {
    fn default() -> Self {
        Self::new()
    }
}

impl FreeAddress {
    /// Takes one.
    #[must_use]
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        // So may the socket that is to listen there: this one never does.
        socket.set_reuseaddr(true).expect("a socket that shares its address");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free address");
        Self(socket)
    }

    /// The address.
    #[must_use]
    pub fn get(&self) -> SocketAddr {
        self.0.local_addr().expect("an address")
    }
}
