//! Confidential compute: what the daemon reserves in addition to what a replica asks for.
//!
//! Each replica of a group that runs in a trusted execution environment gets a sidecar for remote attestation. Its
//! resources are reserved but not billed as the order's CPU or memory. They are also taken out of the service's own
//! requests, so the pod does not ask Kubernetes for more than it would without a sidecar. The amounts are those of
//! provider 0.16.2.

use crate::keyword::keywords;
use crate::order::Tee;
use crate::quantity::{Bytes, MilliCpu};

/// The CPU of a sidecar.
const CPU: MilliCpu = MilliCpu::new(100);
/// The memory of a sidecar.
const MEMORY: Bytes = Bytes::new(64 << 20);
/// The memory of a sidecar that also attests GPUs.
const MEMORY_WITH_GPU: Bytes = Bytes::new(128 << 20);

keywords! {
    /// The platform that the daemon found in its nodes' labels. Inventories do not contain it.
    TeePlatform {
        /// AMD SEV-SNP.
        Snp "snp"
        /// Intel TDX.
        Tdx "tdx"
    }
}

/// What a replica's sidecar takes from its node; nothing without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sidecar {
    /// CPU.
    pub cpu: MilliCpu,
    /// Memory.
    pub memory: Bytes,
}

impl Sidecar {
    /// The sidecar of replicas in an environment. A unit without GPUs gets the larger one too if its group asks for
    /// both CPU and GPU attestation.
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
