//! The cards that a resource unit asks for.

use super::{GpuKind, GpuSelector};

/// The GPU attribute that asks for an interconnect between nodes. Its value is the label of the peers.
pub const INTERCONNECT_KEY: &str = "interconnect/group";

/// The GPUs that a resource unit asks for: the number per replica, and the alternatives for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GpuRequest {
    /// Cards per replica.
    pub units: u64,
    /// The acceptable kinds. Empty if the order names none, as script requests may do.
    pub alternatives: Vec<GpuSelector>,
    /// The label of the replicas that communicate with each other, if the cards need an interconnect between nodes.
    pub interconnect: Option<String>,
}

impl GpuRequest {
    /// Whether a card of this kind is acceptable: it matches any alternative, or the order names none.
    #[must_use]
    pub fn allows(&self, kind: &GpuKind) -> bool {
        self.alternatives.is_empty() || self.alternatives.iter().any(|selector| selector.matches(kind))
    }

    /// Whether a card of this kind is acceptable by the daemon's reading of the request: of two alternatives for the
    /// same model the later one counts, and one for the model takes precedence over one for any model.
    #[must_use]
    pub fn allows_by_daemon(&self, kind: &GpuKind) -> bool {
        let of_vendor = || self.alternatives.iter().rev().filter(|selector| selector.vendor() == kind.vendor());
        let exact = of_vendor().find(|selector| selector.model() == Some(kind.model()));
        let counts = exact.or_else(|| of_vendor().find(|selector| selector.model().is_none()));
        self.alternatives.is_empty() || counts.is_some_and(|selector| selector.matches(kind))
    }

    /// The kinds that the request names, with `*` for any model. If it names none, the one kind that may be any card.
    pub(crate) fn named_kinds(&self) -> Vec<GpuKind> {
        if self.alternatives.is_empty() {
            return vec![GpuKind::canonical("*", "*", None, None)];
        }
        self.alternatives.iter().map(GpuSelector::kind).collect()
    }

    /// Whether the request leaves the model to the provider: `*`, or more than one model.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        let mut models = self.alternatives.iter().map(|s| (s.vendor(), s.model()));
        match models.next() {
            None | Some((_, None)) => true,
            Some(first) => models.any(|model| model != first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemon_goes_by_the_last_alternative_for_a_model() {
        let selector = |model, ram| GpuSelector::new("nvidia", model, ram, None);
        let request = GpuRequest {
            units: 1,
            alternatives: vec![selector("a100", None), selector("a100", Some("80Gi")), selector("*", None)],
            interconnect: None,
        };
        let kind = |model, ram| GpuKind::new("nvidia", model, ram, "SXM4");
        let both = |kind: &GpuKind| (request.allows(kind), request.allows_by_daemon(kind));
        assert_eq!(both(&kind("a100", "80Gi")), (true, true));
        assert_eq!(both(&kind("a100", "40Gi")), (true, false));
        assert_eq!(both(&kind("t4", "16Gi")), (true, true));
        assert_eq!(both(&GpuKind::new("amd", "mi210", "64Gi", "PCIe")), (false, false));
    }
}
