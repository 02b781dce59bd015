//! Configurations, and what is read, warned of and refused.

use super::*;
use crate::reserve::kubernetes::{
    FunctionShape, ResourceSpec, ScoreWeights, ScoringStrategy, ScoringStrategyType, UtilizationShapePoint,
};

const HEAD: &str = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";

/// Reads a configuration with one profile, given its keys.
fn profile(keys: &str) -> Result<SchedulerConfiguration, InputError> {
    let indented: String = keys.lines().map(|line| format!("    {line}\n")).collect();
    read(&format!("{HEAD}profiles:\n  - schedulerName: default-scheduler\n{indented}"))
}

fn warnings(configuration: &SchedulerConfiguration) -> Vec<String> {
    configuration.warnings.iter().map(ToString::to_string).collect()
}

/// The weights by a profile's plugins: NodeResourcesFit, NodeResourcesBalancedAllocation, PodTopologySpread.
fn weights(plugins: &str) -> [u32; 3] {
    let indented: String = plugins.lines().map(|line| format!("  {line}\n")).collect();
    let weights = profile(&format!("plugins:\n{indented}")).unwrap().profile.weights;
    [weights.node_resources_fit, weights.node_resources_balanced_allocation, weights.pod_topology_spread]
}

/// The scoring strategy by the arguments of NodeResourcesFit.
fn strategy(scoring: &str) -> Result<ScoringStrategy, InputError> {
    let indented: String = scoring.lines().map(|line| format!("        {line}\n")).collect();
    let list = format!("pluginConfig:\n  - name: NodeResourcesFit\n    args:\n      scoringStrategy:\n{indented}");
    Ok(profile(&list)?.profile.scoring_strategy)
}

#[test]
fn without_profiles_the_defaults_count() {
    for version in API_VERSIONS {
        for rest in ["", "profiles: []\n", "profiles:\n", "profiles:\n  - {}\n", "parallelism: 4\nextenders: []\n"] {
            let read = read(&format!("apiVersion: {version}\nkind: {KIND}\n{rest}")).unwrap();
            assert_eq!((read.profile, read.warnings), (Profile::default(), Vec::new()), "{rest}");
        }
    }
}

#[test]
fn the_default_schedulers_profile_counts_or_the_first_one() {
    let list = |names: [&str; 2]| {
        let one = |(place, name): (usize, &str)| {
            format!("  - schedulerName: {name}\n    percentageOfNodesToScore: {}\n", place + 1)
        };
        let profiles: String = names.into_iter().enumerate().map(one).collect();
        read(&format!("{HEAD}percentageOfNodesToScore: 9\nprofiles:\n{profiles}"))
    };
    let chosen = |names| list(names).unwrap().profile.percentage_of_nodes_to_score;
    assert_eq!([chosen(["other", "default-scheduler"]), chosen(["one", "two"])], [2, 1]);
    assert_eq!(list(["other", "default-scheduler"]).unwrap().warnings, []);
    let told = warnings(&list(["one", "two"]).unwrap());
    assert!(told.len() == 1 && told[0].contains("`profiles[0]`") && told[0].contains("the first one, `one`, is used"));
    assert!(list(["one", "one"]).unwrap_err().to_string().contains("a second profile is named `one`"));
    let unnamed = read(&format!("{HEAD}profiles:\n  - schedulerName: one\n  - {{}}\n")).unwrap_err();
    assert!(unnamed.to_string().contains("`schedulerName` is missing"), "{unnamed}");
    let global = read(&format!("{HEAD}percentageOfNodesToScore: 9\nprofiles:\n  - {{}}\n")).unwrap();
    assert_eq!(global.profile.percentage_of_nodes_to_score, 9);
}

#[test]
fn scoring_strategies_are_those_of_kubernetes() {
    let spec = |name: &str, weight| ResourceSpec::new(name.to_owned(), weight).unwrap();
    assert_eq!(strategy("type: LeastAllocated").unwrap(), ScoringStrategy::default());
    let most =
        strategy("type: MostAllocated\nresources:\n  - name: nvidia.com/gpu\n    weight: 3\n  - name: cpu\n").unwrap();
    let resources = vec![spec("nvidia.com/gpu", 3), spec("cpu", 1)];
    assert_eq!(most, ScoringStrategy::new(ScoringStrategyType::MostAllocated, resources));
    let ratio = strategy(
        "type: RequestedToCapacityRatio\nrequestedToCapacityRatio:\n  shape:\n    - {utilization: 0, score: 10}\n    - \
         {utilization: 100}\n",
    );
    let point = |utilization, score| UtilizationShapePoint { utilization, score };
    let shape = FunctionShape::new(vec![point(0, 10), point(100, 0)]).unwrap();
    let shape = ScoringStrategyType::RequestedToCapacityRatio(shape);
    assert_eq!(ratio.unwrap(), ScoringStrategy::new(shape, Vec::new()));
}

#[test]
fn strategies_that_kubernetes_refuses_are_errors_with_their_place() {
    for (scoring, message) in [
        (
            "type: leastAllocated",
            "line 9, column 19, at `profiles[0].pluginConfig[0].args.scoringStrategy.type`: `leastAllocated` is not known",
        ),
        ("resources: []", "`type` is missing"),
        ("type: 3", "`3` is a number; expected text"),
        ("type: RequestedToCapacityRatio", "`requestedToCapacityRatio` is missing"),
        ("type: RequestedToCapacityRatio\nrequestedToCapacityRatio: {}", "`shape` is missing"),
        ("type: RequestedToCapacityRatio\nrequestedToCapacityRatio: {shape: []}", "the shape has no points"),
        (
            "type: RequestedToCapacityRatio\nrequestedToCapacityRatio: {shape: [{utilization: 0, score: 11}]}",
            "point 0 of the shape",
        ),
        (
            "type: RequestedToCapacityRatio\nrequestedToCapacityRatio: {shape: [{utilization: 5}, {utilization: 5}]}",
            "does not increase",
        ),
        ("type: MostAllocated\nresources: [{name: cpu, weight: 101}]", "the weight `101` is out of range"),
        ("type: MostAllocated\nresources: [{name: cpu, weight: -1}]", "`-1` is not a whole number"),
        ("type: MostAllocated\nresources: [{name: cpu, weight: '3'}]", "`3` is text; expected a whole number"),
        ("type: MostAllocated\nresources: [{weight: 3}]", "`name` is missing"),
        ("type: MostAllocated\nresources: cpu", "expected a list"),
        ("type: MostAllocated\ntype: MostAllocated", "the key `type` is given twice"),
    ] {
        let error = strategy(scoring).unwrap_err().to_string();
        assert!(error.contains(message), "{scoring}: {error}");
    }
}

#[test]
fn weights_are_taken_from_score_then_from_multi_point_then_from_the_defaults() {
    assert_eq!(weights("score: {enabled: [{name: NodeResourcesFit, weight: 5}]}"), [5, 1, 2]);
    assert_eq!(weights("score: {disabled: [{name: PodTopologySpread}]}"), [1, 1, 0]);
    assert_eq!(weights("score: {disabled: [{name: '*'}], enabled: [{name: NodeResourcesFit}]}"), [1, 0, 0]);
    // A plugin that is enabled anew without a weight weighs 1, and not what it weighs by default.
    assert_eq!(weights("multiPoint: {enabled: [{name: PodTopologySpread}]}"), [1, 1, 1]);
    assert_eq!(weights("multiPoint: {enabled: [{name: PodTopologySpread, weight: 0}]}"), [1, 1, 1]);
    assert_eq!(weights("multiPoint: {disabled: [{name: NodeResourcesBalancedAllocation}]}"), [1, 0, 2]);
    let both = "score: {enabled: [{name: NodeResourcesFit, weight: 7}], disabled: [{name: NodeResourcesFit}]}\n\
                multiPoint: {enabled: [{name: NodeResourcesFit, weight: 3}, {name: PodTopologySpread, weight: 4}]}";
    assert_eq!(weights(both), [7, 1, 4]);
    let disabled = "score: {disabled: [{name: NodeResourcesFit}]}\n\
                    multiPoint: {enabled: [{name: NodeResourcesFit, weight: 3}]}";
    assert_eq!(weights(disabled), [0, 1, 2]);
    assert_eq!(
        weights("multiPoint: {disabled: [{name: '*'}], enabled: [{name: NodeResourcesFit, weight: 2}]}"),
        [2, 0, 0]
    );
}

#[test]
fn what_would_matter_and_is_not_understood_is_a_warning_with_its_place() {
    for (keys, expected) in [
        (
            "plugins: {score: {enabled: [{name: Trimaran, weight: 5}]}}",
            "the plugin `Trimaran` is not one of kube-scheduler's own",
        ),
        ("plugins: {filter: {enabled: [{name: Gpu}]}}", "`profiles[0].plugins.filter.enabled[0]`"),
        ("plugins: {filter: {disabled: [{name: NodeResourcesFit}]}}", "`NodeResourcesFit` is disabled here"),
        ("plugins: {filter: {disabled: [{name: NodeResourceFit}]}}", "did you mean `NodeResourcesFit`?"),
        ("plugins: {preScore: {disabled: [{name: PodTopologySpread}]}}", "`PodTopologySpread` is disabled here"),
        ("plugins: {scores: {}}", "unknown key `scores`"),
        (
            "pluginConfig: [{name: NodeResourcesFit, args: {ignoredResources: [a/b]}}]",
            "`ignoredResources` of NodeResourcesFit is left out",
        ),
        ("pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List}}]", "only the built-in constraints"),
        (
            "pluginConfig: [{name: PodTopologySpread, args: {defaultConstraints: [{maxSkew: 1}]}}]",
            "`defaultConstraints` of PodTopologySpread is left out",
        ),
        (
            "pluginConfig: [{name: NodeAffinity, args: {addedAffinity: {}}}]",
            "`addedAffinity` of NodeAffinity is left out",
        ),
        (
            "pluginConfig: [{name: NodeResourcesBalancedAllocation, args: {resources: [{name: nvidia.com/gpu}]}}]",
            "only `cpu` and `memory` are known here",
        ),
        ("pluginConfig: [{name: Trimaran, args: {}}]", "the arguments of the plugin `Trimaran` are left out"),
        (
            "pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: MostAllocated, \
             requestedToCapacityRatio: {}}}}]",
            "does not count with the strategy `MostAllocated`",
        ),
        ("pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategi: {}}}]", "did you mean `scoringStrategy`?"),
        ("pluginConfig: [{name: PodTopologySpread, args: {defaultingTyp: List}}]", "did you mean `defaultingType`?"),
        ("pluginConfig: [{name: NodeResourcesBalancedAllocation, args: {resource: []}}]", "unknown key `resource`"),
        ("shedulerName: x", "did you mean `schedulerName`?"),
    ] {
        let warnings = warnings(&profile(keys).unwrap());
        let [warning] = warnings.as_slice() else { panic!("{keys}: {warnings:?}") };
        assert!(warning.contains(expected) && warning.starts_with("line "), "{keys}: {warning}");
    }
    let extended = read(&format!("{HEAD}extenders: [{{urlPrefix: http://127.0.0.1}}]\nprofile: []\n")).unwrap();
    assert_eq!(extended.warnings.len(), 2, "{:?}", extended.warnings);
}

#[test]
fn what_changes_no_placement_is_read_without_a_warning() {
    let quiet = "plugins:\n  postFilter: {disabled: [{name: DefaultPreemption}]}\n  score: {enabled: [{name: ImageLocality, weight: 9}]}\n\
                 pluginConfig:\n  - {name: DefaultPreemption, args: {minCandidateNodesPercentage: 5}}\n  - {name: InterPodAffinity, args: \
                 {hardPodAffinityWeight: 3}}\n  - {name: NodeResourcesBalancedAllocation, args: {resources: [{name: memory, weight: 1}, \
                 {name: cpu, weight: 1}]}}\n  - {name: PodTopologySpread, args: {defaultingType: System}}\n";
    let read = profile(quiet).unwrap();
    assert_eq!((read.profile, warnings(&profile(quiet).unwrap())), (Profile::default(), Vec::new()));
}

#[test]
fn texts_that_are_not_one_configuration_are_refused() {
    for (text, message) in [
        ("", "the file is empty"),
        ("---\n", "expected a mapping"),
        ("- 1\n", "this is a list; expected a mapping"),
        ("kind: KubeSchedulerConfiguration\n", "`apiVersion` is missing"),
        ("apiVersion: kubescheduler.config.k8s.io/v1beta1\nkind: KubeSchedulerConfiguration\n", "did you mean"),
        ("apiVersion: v1\nkind: ConfigMap\n", "`v1` is not known"),
        ("apiVersion: kubescheduler.config.k8s.io/v1\nkind: ConfigMap\n", "`ConfigMap` is not known"),
        ("a: [\n", "not YAML"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
    let twice = read(&format!("{HEAD}---\n{HEAD}")).unwrap_err();
    assert!(twice.to_string().contains("a second document"), "{twice}");
    for rest in [
        "profiles: 3\n",
        "profiles: [3]\n",
        "percentageOfNodesToScore: 101\n",
        "percentageOfNodesToScore: many\n",
        "profiles: [{plugins: []}]\n",
        "profiles: [{plugins: {score: {enabled: {}}}}]\n",
        "profiles: [{plugins: {score: {enabled: [{name: NodeResourcesFit, weight: 2147483648}]}}}]\n",
        "profiles: [{plugins: {score: {enabled: [{name: NodeResourcesFit}, {name: NodeResourcesFit}]}}}]\n",
        "profiles: [{pluginConfig: [{name: NodeAffinity}, {name: NodeAffinity}]}]\n",
        "extenders: 3\n",
    ] {
        assert!(read(&format!("{HEAD}{rest}")).is_err(), "{rest}");
    }
    let large = format!("{HEAD}#{}\n", "x".repeat(MAX_INPUT_BYTES));
    assert!(read(&large).is_err());
    assert_eq!(read(HEAD).unwrap().profile.weights, ScoreWeights::default());
}
