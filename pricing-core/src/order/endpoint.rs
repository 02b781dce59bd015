//! Endpoints: the ways in that a service is given.

use std::collections::BTreeSet;

/// What an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointKind {
    /// A name on the provider's shared HTTP ingress.
    SharedHttp,
    /// A random external port.
    RandomPort,
    /// An IP address of its own.
    LeasedIp,
}

impl EndpointKind {
    /// The chain's name for the kind.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SharedHttp => "SHARED_HTTP",
            Self::RandomPort => "RANDOM_PORT",
            Self::LeasedIp => "LEASED_IP",
        }
    }

    /// The chain's number for the kind.
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
    /// What it is.
    pub kind: EndpointKind,
    /// Which leased IP, from 1; endpoints with one number share an address. 0 for other kinds.
    pub sequence_number: u32,
}

/// A resource unit's endpoints: listed, or, in a script request, only counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoints {
    /// As the chain lists them.
    Listed(Vec<Endpoint>),
    /// As the bid price script is told of them.
    Counted {
        /// Endpoints of every kind.
        endpoints: u64,
        /// Those of them that are leased IPs.
        leased_ips: u64,
    },
}

impl Endpoints {
    /// How many endpoints of every kind the unit has, all replicas together.
    #[must_use]
    pub fn quantity(&self) -> u64 {
        match self {
            Self::Listed(list) => u64::try_from(list.len()).unwrap_or(u64::MAX),
            Self::Counted { endpoints, .. } => *endpoints,
        }
    }

    /// The sequence numbers of the leased IPs that are listed.
    pub fn leased_ip_numbers(&self) -> impl Iterator<Item = u32> + '_ {
        let list = match self {
            Self::Listed(list) => list.as_slice(),
            Self::Counted { .. } => &[],
        };
        list.iter().filter(|e| e.kind == EndpointKind::LeasedIp).map(|e| e.sequence_number)
    }
}

/// How many addresses a group leases: distinct sequence numbers where endpoints are listed, plus what is only counted.
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
