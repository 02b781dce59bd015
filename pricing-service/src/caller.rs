//! Who calls, as far as their connection says.

/// Whether a user may call over the Unix socket of a service: only the service's own user and root.
pub(crate) fn may_call(caller: u32, service: u32) -> bool {
    caller == service || caller == 0
}

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
