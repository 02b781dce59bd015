//! The profile of a kube-scheduler: the strategy and the weights of its scores.
//!
//! Names are those of Kubernetes' configuration. The default is that of an unconfigured kube-scheduler.

/// What a scheduler's profile says about the scores of nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The strategy of NodeResourcesFit.
    pub scoring_strategy: ScoringStrategy,
    /// The weights of the plugins' scores.
    pub weights: ScoreWeights,
    /// The part of the nodes that is enough to find, in percent. 0 stands for the default, which depends on the number
    /// of nodes.
    pub percentage_of_nodes_to_score: u32,
}

impl Profile {
    /// Whether every node is scored, however large the cluster is.
    pub(super) fn scores_every_node(&self) -> bool {
        self.percentage_of_nodes_to_score >= 100
    }
}

/// The weights of the plugins whose scores differ between nodes. A plugin that is disabled weighs 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreWeights {
    /// NodeResourcesFit.
    pub node_resources_fit: u32,
    /// NodeResourcesBalancedAllocation.
    pub node_resources_balanced_allocation: u32,
    /// PodTopologySpread.
    pub pod_topology_spread: u32,
}

impl Default for ScoreWeights {
    fn default() -> Self {
        Self { node_resources_fit: 1, node_resources_balanced_allocation: 1, pod_topology_spread: 2 }
    }
}

/// The strategy of NodeResourcesFit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScoringStrategy {
    strategy_type: ScoringStrategyType,
    resources: Vec<ResourceSpec>,
}

impl Default for ScoringStrategy {
    /// LeastAllocated over CPU and memory.
    fn default() -> Self {
        Self::new(ScoringStrategyType::LeastAllocated, Vec::new())
    }
}

impl ScoringStrategy {
    /// A strategy over some resources. Without any, CPU and memory count alike, as in Kubernetes.
    #[must_use]
    pub fn new(strategy_type: ScoringStrategyType, resources: Vec<ResourceSpec>) -> Self {
        let default = || ["cpu", "memory"].map(|name| ResourceSpec { name: name.to_owned(), weight: 1 }).to_vec();
        Self { strategy_type, resources: if resources.is_empty() { default() } else { resources } }
    }

    /// How a resource is scored.
    #[must_use]
    pub fn strategy_type(&self) -> &ScoringStrategyType {
        &self.strategy_type
    }

    /// Whether this is the default strategy: LeastAllocated, and CPU and memory count alike.
    pub(super) fn is_least_allocated_of_cpu_and_memory(&self) -> bool {
        let counts_alike = match self.resources.as_slice() {
            [one, other] => {
                one.weight == other.weight
                    && [&*one.name, &*other.name].iter().all(|name| ["cpu", "memory"].contains(name))
                    && one.name != other.name
            }
            _ => false,
        };
        counts_alike && self.strategy_type == ScoringStrategyType::LeastAllocated
    }

    /// The resources, at least one.
    #[must_use]
    pub fn resources(&self) -> &[ResourceSpec] {
        &self.resources
    }
}

/// How NodeResourcesFit scores a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScoringStrategyType {
    /// By what is left.
    LeastAllocated,
    /// By what is used.
    MostAllocated,
    /// By a shape over what is used.
    RequestedToCapacityRatio(FunctionShape),
}

impl ScoringStrategyType {
    /// Its name in Kubernetes.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::LeastAllocated => "LeastAllocated",
            Self::MostAllocated => "MostAllocated",
            Self::RequestedToCapacityRatio(_) => "RequestedToCapacityRatio",
        }
    }
}

/// A resource that counts in a strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceSpec {
    name: String,
    weight: u64,
}

impl ResourceSpec {
    /// A resource, by its name in Kubernetes, with a weight from 1 to 100.
    ///
    /// # Errors
    /// When the weight is out of range.
    pub fn new(name: String, weight: u64) -> Result<Self, StrategyError> {
        if (1..=100).contains(&weight) { Ok(Self { name, weight }) } else { Err(StrategyError::Weight(weight)) }
    }

    /// The resource's name, such as `nvidia.com/gpu`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The weight in the mean.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.weight
    }
}

/// A point of a shape: the score at a utilization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtilizationShapePoint {
    /// Percent, from 0 to 100.
    pub utilization: u64,
    /// From 0 to 10.
    pub score: u64,
}

/// The shape of RequestedToCapacityRatio: points with ascending utilization, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionShape {
    points: Vec<UtilizationShapePoint>,
}

impl FunctionShape {
    /// The highest utilization.
    const MAX_UTILIZATION: u64 = 100;
    /// The highest score of a point: `MaxCustomPriorityScore`.
    const MAX_SCORE: u64 = 10;
    /// What a point's score is multiplied by, so that the highest one is that of a node.
    const SCALE: u64 = 10;

    /// A shape.
    ///
    /// # Errors
    /// When there is no point, one is out of range, or utilization does not increase.
    pub fn new(points: Vec<UtilizationShapePoint>) -> Result<Self, StrategyError> {
        if points.is_empty() {
            return Err(StrategyError::NoPoints);
        }
        for (place, point) in points.iter().enumerate() {
            if point.utilization > Self::MAX_UTILIZATION || point.score > Self::MAX_SCORE {
                return Err(StrategyError::Point(place));
            }
        }
        let ascends = points.is_sorted_by(|one, next| one.utilization < next.utilization);
        if ascends { Ok(Self { points }) } else { Err(StrategyError::NotAscending) }
    }

    /// Each point's utilization and score, the score scaled to that of a node.
    pub(super) fn points(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.points
            .iter()
            .map(move |point| (signed(point.utilization), signed(point.score.saturating_mul(Self::SCALE))))
    }
}

/// Why Kubernetes refuses a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrategyError {
    /// The weight of a resource.
    #[error("the weight `{0}` is out of range; expected a number from 1 to 100")]
    Weight(u64),
    /// A shape without points.
    #[error("the shape has no points; expected at least one")]
    NoPoints,
    /// A point of a shape, by its index.
    #[error(
        "point {0} of the shape (counted from 0) is out of range; expected a utilization of at most 100 and a score of at most 10"
    )]
    Point(usize),
    /// The order of a shape's points.
    #[error("the utilization of the shape's points does not increase from each to the next")]
    NotAscending,
}
