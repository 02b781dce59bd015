//! Which release of Kubernetes starts the pods.

use crate::keyword::keywords;

keywords! {
    /// The minor release of the cluster's kube-scheduler. What it scores changes now and then.
    #[derive(Default, PartialOrd, Ord)]
    KubernetesVersion {
        /// Kubernetes 1.34.
        #[default]
        V1_34 "1.34"
        /// Kubernetes 1.35, which scores as 1.34 does.
        V1_35 "1.35"
        /// Kubernetes 1.36: NodeResourcesBalancedAllocation compares a node with the pod to the node without it.
        V1_36 "1.36"
        /// Kubernetes 1.37, which scores as 1.36 does.
        V1_37 "1.37"
    }
}

impl KubernetesVersion {
    /// Whether NodeResourcesBalancedAllocation scores the change that a pod makes to a node, not what comes of it.
    pub(super) fn scores_change_of_balance(self) -> bool {
        self >= Self::V1_36
    }
}
