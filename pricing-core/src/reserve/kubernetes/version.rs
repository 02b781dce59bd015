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
    /// What to write in place of a release that is not known: which releases are, and which of them comes closest.
    #[must_use]
    pub fn hint(word: &str) -> String {
        let (oldest, newest) = (Self::V1_34, Self::V1_37);
        let supported = format!("{} to {} are supported", oldest.name(), newest.name());
        match release(word) {
            Some(release) if Some(release) < oldest.release() => format!(
                "{supported}; use {}, the oldest of them, but an older release may score nodes differently",
                oldest.name()
            ),
            Some(release) if Some(release) > newest.release() => format!(
                "{supported}; use {}, the newest of them, but a newer release may score nodes differently",
                newest.name()
            ),
            Some((major, minor)) => format!("{supported}; write `{major}.{minor}`"),
            None => supported,
        }
    }

    /// The numbers of the release.
    fn release(self) -> Option<(u32, u32)> {
        release(self.name())
    }

    /// Whether NodeResourcesBalancedAllocation scores the change that a pod makes to a node, not what comes of it.
    pub(super) fn scores_change_of_balance(self) -> bool {
        self >= Self::V1_36
    }
}

/// The major and the minor number of a release, such as `1.36`, `v1.36.2` or `1.36.2-gke.100`. None if it is not one.
fn release(word: &str) -> Option<(u32, u32)> {
    let mut numbers = word.strip_prefix('v').unwrap_or(word).split('.');
    let (major, minor) = (numbers.next()?, numbers.next()?);
    // Some clouds call a minor release `36+`.
    Some((major.parse().ok()?, minor.strip_suffix('+').unwrap_or(minor).parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_that_is_not_supported_has_a_hint_which_to_use() {
        for (word, expected) in [
            ("1.38", "use 1.37, the newest of them, but a newer release may score nodes differently"),
            ("2.0", "use 1.37"),
            ("v1.100.3", "use 1.37"),
            ("1.33", "use 1.34, the oldest of them, but an older release may score nodes differently"),
            ("1.9.11", "use 1.34"),
            ("v1.36.2-gke.100", "write `1.36`"),
            ("1.35+", "write `1.35`"),
        ] {
            let hint = KubernetesVersion::hint(word);
            assert!(hint.starts_with("1.34 to 1.37 are supported; ") && hint.contains(expected), "{word}: {hint}");
        }
        for word in ["", "1", "latest", "1.", "1.x", "-1.34", "99999999999.1"] {
            assert_eq!(KubernetesVersion::hint(word), "1.34 to 1.37 are supported", "{word}");
        }
    }

    #[test]
    fn the_first_release_is_the_oldest_and_the_last_one_the_newest() {
        let releases: Vec<_> = KubernetesVersion::ALL.iter().map(|version| version.release().unwrap()).collect();
        assert!(releases.is_sorted());
        let ends = (releases.first().copied(), releases.last().copied());
        assert_eq!(ends, (KubernetesVersion::V1_34.release(), KubernetesVersion::V1_37.release()));
    }
}
