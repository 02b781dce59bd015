//! Confidential compute: what the daemon reserves for it beside what a replica asks for.
//!
//! Each replica of a group in a trusted execution environment gets a sidecar that answers for it. It is reserved, and not
//! billed as the order's CPU or memory; and it is taken out of the service's own requests, so that the pod asks Kubernetes
//! for no more than without it. As provider 0.16.2 has it.

use crate::order::Tee;

/// What a sidecar takes of CPU, in thousandths of a thread.
const CPU: u64 = 100;
/// What it takes of memory.
const MEMORY: u64 = 64 << 20;
/// What it takes of memory where it also answers for GPUs.
const MEMORY_WITH_GPU: u64 = 128 << 20;

/// The platform that the daemon found on the labels of its nodes. Inventories do not tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeePlatform {
    /// AMD SEV-SNP.
    Snp,
    /// Intel TDX.
    Tdx,
}

impl TeePlatform {
    /// Every platform.
    pub const ALL: [Self; 2] = [Self::Snp, Self::Tdx];

    /// The platform's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Snp => "snp",
            Self::Tdx => "tdx",
        }
    }
}

/// What a replica's sidecar takes of its node; nothing without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sidecar {
    /// Thousandths of a thread.
    pub cpu: u64,
    /// Bytes.
    pub memory: u64,
}

impl Sidecar {
    /// The sidecar of replicas in an environment. A unit without GPUs has the larger one too.
    #[must_use]
    pub fn new(tee: Option<Tee>, platform: Option<TeePlatform>) -> Self {
        let memory = match (tee, platform) {
            (None, _) => return Self::default(),
            (Some(Tee::CpuGpu), Some(_)) => MEMORY_WITH_GPU,
            (Some(_), _) => MEMORY,
        };
        Self { cpu: CPU, memory }
    }
}
