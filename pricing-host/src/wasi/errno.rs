//! Error numbers of preview 1, and how a function fails.

/// An error number that is returned to the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Errno(pub(super) u32);

impl Errno {
    /// No such descriptor.
    pub(super) const BADF: Self = Self(8);
    /// An address outside of the memory.
    pub(super) const FAULT: Self = Self(21);
    /// An invalid argument.
    pub(super) const INVAL: Self = Self(28);
    /// A function that does not exist here.
    pub(super) const NOSYS: Self = Self(52);
    /// Not a folder.
    pub(super) const NOTDIR: Self = Self(54);
    /// Not a socket.
    pub(super) const NOTSOCK: Self = Self(57);
    /// Not supported.
    pub(super) const NOTSUP: Self = Self(58);
    /// A stream has no positions.
    pub(super) const SPIPE: Self = Self(70);
    /// The descriptor lacks the right.
    pub(super) const NOTCAPABLE: Self = Self(76);
}

/// Why a function did not do what the guest asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// The guest gets an error number.
    Errno(Errno),
    /// The call ends.
    End(wasmtime::Error),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<wasmtime::Error> for Failure {
    fn from(error: wasmtime::Error) -> Self {
        Self::End(error)
    }
}

/// The result of a function.
pub(super) type Answer = Result<(), Failure>;
