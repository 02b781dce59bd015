//! Checks where the service listens.

use std::net::SocketAddr;

use super::ConfigError;
use super::model::Listen;

impl Listen {
    /// Checks who could call the service, without listening.
    ///
    /// # Errors
    /// When other machines could call without TLS, when nobody could call, or when there is TLS without an address.
    pub fn check(&self) -> Result<(), ConfigError> {
        match (self.tcp, &self.tls) {
            (Some(address), None) if !is_loopback(address) => Err(ConfigError::unusable(
                "listen.tcp",
                format_args!(
                    "anyone who can reach `{address}` could ask for prices and reload the service; name an address of this \
                     machine alone, such as `127.0.0.1:{}`, or set `certificate`, `key` and `client_ca` in `[listen.tls]`",
                    address.port()
                ),
            )),
            (None, Some(_)) => Err(ConfigError::unusable("listen.tls", "it needs an address in `tcp`")),
            (None, None) if self.socket.as_os_str().is_empty() => {
                Err(ConfigError::unusable("listen", "no client could connect; name a `socket`, or an address in `tcp`"))
            }
            _ => Ok(()),
        }
    }
}

/// Returns whether only this machine can reach an address.
fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// Deserialises the section, without the other checks of the configuration.
    fn listen(text: &str) -> Listen {
        toml::from_str::<Config>(&format!("[listen]\n{text}")).unwrap().listen
    }

    #[test]
    fn without_tls_only_loopback_is_listened_on() {
        for good in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            listen(&format!("tcp = \"{good}\"")).check().unwrap();
        }
        for wrong in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "192.168.1.1:9310", "[::ffff:10.0.0.1]:1", "8.8.8.8:1"] {
            let error = listen(&format!("tcp = \"{wrong}\"")).check().unwrap_err().to_string();
            assert!(error.starts_with("listen.tcp: anyone who can reach `"), "{error}");
        }
        let tls = "[listen.tls]\ncertificate = \"c\"\nkey = \"k\"\nclient_ca = \"a\"";
        listen(&format!("tcp = \"0.0.0.0:1\"\n{tls}")).check().unwrap();
        assert!(listen(tls).check().is_err());
        assert!(listen("socket = \"\"").check().is_err());
    }
}
