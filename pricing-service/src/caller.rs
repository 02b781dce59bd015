//! Who calls, as far as their connection says.

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The service's own user, or root.
    Owner,
    /// Who has a certificate of `client_ca`.
    Certified,
    /// Anybody on this machine.
    Anybody,
}
