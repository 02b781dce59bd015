//! What a node is asked.

use std::fmt;

use pricing_http::Url;

use crate::chain::id::OrderId;

/// The version of the chain's market module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// The present one.
    V1Beta5,
    /// That of older nodes.
    V1Beta4,
}

/// A list of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Bids,
    Leases,
    Orders,
}

/// Which records of a list are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// Those of a provider.
    Provider(String),
    /// Those of a deployment. The numbers of the order in the id do not count.
    Deployment(OrderId),
    /// Those of an order.
    Order(OrderId),
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Query {
    /// The highest block.
    Latest,
    /// The block at a height.
    Block(u64),
    /// A page of a list.
    Page { list: List, filter: Filter, key: Option<String>, limit: u32 },
}

impl Query {
    /// The address at a node.
    pub(super) fn url(&self, node: &Url, version: Version) -> Url {
        let mut url = node.clone();
        let base = node.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{}", self.path(version)));
        if let Self::Page { filter, key, limit, .. } = self {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in filter.pairs() {
                pairs.append_pair(&format!("filters.{name}"), &value);
            }
            pairs.append_pair("pagination.limit", &limit.to_string());
            if let Some(key) = key {
                pairs.append_pair("pagination.key", key);
            }
        }
        url
    }

    fn path(&self, version: Version) -> String {
        let version = match version {
            Version::V1Beta5 => "v1beta5",
            Version::V1Beta4 => "v1beta4",
        };
        match self {
            Self::Latest => "/cosmos/base/tendermint/v1beta1/blocks/latest".to_owned(),
            Self::Block(height) => format!("/cosmos/base/tendermint/v1beta1/blocks/{height}"),
            Self::Page { list, .. } => format!("/akash/market/{version}/{list}/list"),
        }
    }

    /// Whether its address depends on the version of the market module.
    pub(super) fn has_version(&self) -> bool {
        matches!(self, Self::Page { .. })
    }
}

impl Filter {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Provider(provider) => vec![("provider", provider.clone())],
            Self::Deployment(id) => vec![("owner", id.owner.to_string()), ("dseq", id.dseq.to_string())],
            Self::Order(id) => vec![
                ("owner", id.owner.to_string()),
                ("dseq", id.dseq.to_string()),
                ("gseq", id.gseq.to_string()),
                ("oseq", id.oseq.to_string()),
            ],
        }
    }

    /// Whether a record is one of those that are wanted. A node that sends others has not filtered.
    pub(super) fn has(&self, owner: &str, numbers: (u64, u32, u32), provider: Option<&str>) -> bool {
        match self {
            Self::Provider(wanted) => provider == Some(wanted),
            Self::Deployment(id) => (&*id.owner, id.dseq) == (owner, numbers.0),
            Self::Order(id) => (&*id.owner, (id.dseq, id.gseq, id.oseq)) == (owner, numbers),
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bids => "bids",
            Self::Leases => "leases",
            Self::Orders => "orders",
        })
    }
}

impl fmt::Display for Query {
    /// Writes the request for people, without the node.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("blocks/latest"),
            Self::Block(height) => write!(f, "blocks/{height}"),
            Self::Page { list, filter, .. } => {
                let filters: Vec<String> =
                    filter.pairs().iter().map(|(name, value)| format!("{name} {value}")).collect();
                write!(f, "{list}/list of {}", filters.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_filters_and_keys() {
        let order = Filter::Order("akash1o/17/1/2".parse().unwrap());
        let page = Query::Page { list: List::Bids, filter: order, key: Some("AQ+/==".to_owned()), limit: 500 };
        let node: Url = "https://node.example/rest/".parse().unwrap();
        assert_eq!(
            page.url(&node, Version::V1Beta5).as_str(),
            "https://node.example/rest/akash/market/v1beta5/bids/list?filters.owner=akash1o&filters.dseq=17&\
             filters.gseq=1&filters.oseq=2&pagination.limit=500&pagination.key=AQ%2B%2F%3D%3D"
        );
        assert_eq!(page.to_string(), "bids/list of owner akash1o, dseq 17, gseq 1, oseq 2");
        assert_eq!(
            Query::Block(7).url(&node, Version::V1Beta4).as_str(),
            "https://node.example/rest/cosmos/base/tendermint/v1beta1/blocks/7"
        );
    }
}
