//! Endpoints: the ways to reach a service from outside.

use std::collections::BTreeSet;

/// The kind of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointKind {
    /// A hostname on the provider's shared HTTP ingress.
    SharedHttp,
    /// A random external port.
    RandomPort,
    /// A leased IP address.
    LeasedIp,
}

impl EndpointKind {
    /// Returns the chain's name for the kind.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SharedHttp => "SHARED_HTTP",
            Self::RandomPort => "RANDOM_PORT",
            Self::LeasedIp => "LEASED_IP",
        }
    }

    /// Returns the chain's number for the kind.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::SharedHttp => 0,
            Self::RandomPort => 1,
            Self::LeasedIp => 2,
        }
    }

    /// All kinds, by number.
    pub const ALL: [Self; 3] = [Self::SharedHttp, Self::RandomPort, Self::LeasedIp];
}

/// One endpoint of a resource unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The kind.
    pub kind: EndpointKind,
    /// Which leased IP, from 1. Endpoints with the same number share an address. 0 for other kinds.
    pub sequence_number: u32,
}

/// A resource unit's endpoints: listed, or, in a script request, only counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoints {
    /// Listed, as on the chain.
    Listed(Vec<Endpoint>),
    /// Counted, as in the request to the bid price script.
    Counted {
        /// The number of endpoints of all kinds.
        endpoints: u64,
        /// How many of them are leased IPs.
        leased_ips: u64,
    },
}

impl Endpoints {
    /// Returns the number of endpoints of all kinds that the unit has, all replicas together.
    #[must_use]
    pub fn quantity(&self) -> u64 {
        match self {
            Self::Listed(list) => u64::try_from(list.len()).unwrap_or(u64::MAX),
            Self::Counted { endpoints, .. } => *endpoints,
        }
    }

    /// Returns the sequence numbers of the leased IPs. Counted endpoints have none.
    pub fn leased_ip_numbers(&self) -> impl Iterator<Item = u32> + '_ {
        let list = match self {
            Self::Listed(list) => list.as_slice(),
            Self::Counted { .. } => &[],
        };
        list.iter().filter(|e| e.kind == EndpointKind::LeasedIp).map(|e| e.sequence_number)
    }
}

/// Returns how many addresses a group leases: the distinct sequence numbers of listed endpoints, plus the counted
/// leased IPs.
pub fn leased_ips<'a>(endpoints: impl Iterator<Item = &'a Endpoints>) -> u64 {
    let mut numbers = BTreeSet::new();
    let mut counted = 0_u64;
    for endpoints in endpoints {
        numbers.extend(endpoints.leased_ip_numbers());
        if let Endpoints::Counted { leased_ips, .. } = endpoints {
            counted = counted.saturating_add(*leased_ips);
        }
    }
    counted.saturating_add(u64::try_from(numbers.len()).unwrap_or(u64::MAX))
}
