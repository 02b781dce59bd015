//! What a group asks of the provider and its nodes: signatures and attributes, and how the daemon interprets them.

use super::Attribute;

/// The prefix of the attributes that pin the fabric between nodes.
const FABRIC: &str = "capabilities/gpu-interconnect/fabric/";
/// The attribute that carries the kind of trusted execution environment.
pub(super) const TEE_ATTRIBUTE: &str = "tee/type";
/// The attribute by which the daemon tells its bid price script that an order is confidential.
const CONFIDENTIAL: &str = "confidential-compute";

/// The auditors whose signatures a tenant demands of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignedBy {
    /// All of these auditors must have signed.
    pub all_of: Vec<String>,
    /// At least one of these auditors must have signed.
    pub any_of: Vec<String>,
}

/// What a group asks of the provider itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlacementRequirements {
    /// The auditors that must have signed the provider's attributes.
    pub signed_by: SignedBy,
    /// Attributes that the provider must have.
    pub attributes: Vec<Attribute>,
}

/// The network that connects the GPUs of several nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fabric {
    /// InfiniBand.
    Infiniband,
    /// RDMA over converged Ethernet.
    Roce,
}

impl Fabric {
    /// Returns the fabric's name in attributes and inventories.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Infiniband => "infiniband",
            Self::Roce => "roce",
        }
    }
}

/// Which parts of a pod run in a trusted execution environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tee {
    /// The CPU and its memory.
    Cpu,
    /// The GPUs too.
    CpuGpu,
}

impl PlacementRequirements {
    /// Returns the fabric that the group is pinned to: the first one that an attribute names. Other names and values
    /// are ignored.
    #[must_use]
    pub fn fabric(&self) -> Option<Fabric> {
        let named = |attribute: &Attribute| {
            let name = attribute.key.strip_prefix(FABRIC).filter(|_| attribute.value == "true")?;
            [Fabric::Infiniband, Fabric::Roce].into_iter().find(|fabric| fabric.name() == name)
        };
        self.attributes.iter().find_map(named)
    }

    /// Returns the trusted execution environment of the pods, from the first `tee/type`. A value other than `cpu` and
    /// `cpu-gpu` means none.
    #[must_use]
    pub fn tee(&self) -> Option<Tee> {
        let first = self.attributes.iter().find(|attribute| attribute.key == TEE_ATTRIBUTE)?;
        match first.value.as_str() {
            "cpu" => Some(Tee::Cpu),
            "cpu-gpu" => Some(Tee::CpuGpu),
            _ => None,
        }
    }

    /// Returns whether the group asks for confidential compute, by its environment or by the attribute.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.tee().is_some() || self.is_flagged_confidential()
    }

    /// Whether the attribute is set that makes the daemon flag the order as confidential to its script.
    pub(super) fn is_flagged_confidential(&self) -> bool {
        self.attributes.iter().any(|attribute| attribute.key == CONFIDENTIAL && attribute.value == "true")
    }

    /// Returns the requirements of a script request that asks for confidential compute.
    pub(super) fn confidential() -> Self {
        let attribute = Attribute { key: CONFIDENTIAL.to_owned(), value: "true".to_owned() };
        Self { attributes: vec![attribute], ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirements(attributes: &[(&str, &str)]) -> PlacementRequirements {
        let attribute = |(key, value): &(&str, &str)| Attribute { key: (*key).to_owned(), value: (*value).to_owned() };
        PlacementRequirements { attributes: attributes.iter().map(attribute).collect(), ..Default::default() }
    }

    #[test]
    fn the_first_fabric_that_is_true_is_the_pin() {
        let fabric = |attributes: &[(&str, &str)]| requirements(attributes).fabric();
        let (ib, roce) = (format!("{FABRIC}infiniband"), format!("{FABRIC}roce"));
        assert_eq!(fabric(&[(&ib, "false"), (&roce, "true"), (&ib, "true")]), Some(Fabric::Roce));
        assert_eq!(fabric(&[(&format!("{FABRIC}nvlink"), "true"), (&ib, "true")]), Some(Fabric::Infiniband));
        for attributes in
            [[("capabilities/gpu-interconnect", "true")], [(ib.as_str(), "True")], [("infiniband", "true")]]
        {
            assert_eq!(fabric(&attributes), None, "{attributes:?}");
        }
    }

    #[test]
    fn the_first_type_says_the_environment() {
        let tee = |attributes: &[(&str, &str)]| requirements(attributes).tee();
        assert_eq!(tee(&[("tee/type", "cpu-gpu"), ("tee/type", "cpu")]), Some(Tee::CpuGpu));
        assert_eq!(tee(&[("tee/type", "gpu"), ("tee/type", "cpu")]), None);
        let flagged = requirements(&[("confidential-compute", "true")]);
        assert_eq!((flagged.tee(), flagged.is_confidential()), (None, true));
        assert!(!requirements(&[("confidential-compute", "yes")]).is_confidential());
        assert!(PlacementRequirements::confidential().is_confidential());
    }
}
