package main

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/dynamic-resource-allocation/resourceslice/tracker"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/latest"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/dynamicresources"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/util/assumecache"
)

// The most ways in which ties may have come out that are followed. With more, a case is truncated.
const maxWays = 64

// way is one way in which the ties so far may have come out.
type way struct {
	probability *big.Rat
	// For each pod so far, its node.
	nodes []string
}

// cluster is a case as Kubernetes' objects.
type cluster struct {
	nodes   []*v1.Node
	running []*v1.Pod
	pods    []*v1.Pod
	sets    []runtime.Object
	profile *config.KubeSchedulerProfile
}

func place(ctx context.Context, given *Case) (*Answer, error) {
	cluster, err := objects(given)
	if err != nil {
		return nil, err
	}
	ways := []way{{probability: big.NewRat(1, 1)}}
	answer := &Answer{Steps: []Step{}}
	for index := range cluster.pods {
		step := Step{Nodes: map[string]string{}}
		total, pending := map[string]*big.Rat{}, new(big.Rat)
		var next []way
		for number, way := range ways {
			scores, err := cluster.scores(ctx, index, way.nodes)
			if err != nil {
				return nil, err
			}
			if number == 0 {
				step.Scores = scores
			} else if !maps.Equal(step.Scores, scores) {
				step.Scores = nil
			}
			best := highest(scores)
			if len(best) == 0 {
				pending.Add(pending, way.probability)
				continue
			}
			share := new(big.Rat).Quo(way.probability, big.NewRat(int64(len(best)), 1))
			for _, node := range best {
				if total[node] == nil {
					total[node] = new(big.Rat)
				}
				total[node].Add(total[node], share)
				next = append(next, cluster.followed(way, node, share, index))
			}
		}
		ways = merged(next)
		if len(ways) > maxWays {
			answer.Truncated = true
			return answer, nil
		}
		for node, probability := range total {
			step.Nodes[node] = probability.FloatString(6)
		}
		if pending.Sign() > 0 && answer.Pending == nil {
			answer.Pending = &Pending{Pod: index, Probability: pending.FloatString(6)}
		}
		if len(ways) == 0 {
			break
		}
		answer.Steps = append(answer.Steps, step)
	}
	return answer, nil
}

// followed is a way after its next pod was placed. Which of the pods of a service is on which node makes no difference
// to later ones, so they are kept in order.
func (cluster *cluster) followed(before way, node string, probability *big.Rat, index int) way {
	nodes := append(slices.Clone(before.nodes), node)
	service := func(pod int) string { return cluster.pods[pod].Labels[serviceLabel] }
	first := index
	for first > 0 && service(first-1) == service(index) {
		first--
	}
	slices.Sort(nodes[first:])
	return way{probability, nodes}
}

// merged joins the ways that came to the same.
func merged(ways []way) []way {
	known := map[string]int{}
	var distinct []way
	for _, way := range ways {
		key := strings.Join(way.nodes, "\n")
		if index, ok := known[key]; ok {
			distinct[index].probability = new(big.Rat).Add(distinct[index].probability, way.probability)
			continue
		}
		known[key] = len(distinct)
		distinct = append(distinct, way)
	}
	return distinct
}

func highest(scores map[string]int64) []string {
	var best []string
	for node, score := range scores {
		switch {
		case len(best) == 0 || score > scores[best[0]]:
			best = []string{node}
		case score == scores[best[0]]:
			best = append(best, node)
		}
	}
	slices.Sort(best)
	return best
}

func objects(given *Case) (*cluster, error) {
	cluster := &cluster{}
	for index := range given.Nodes {
		node, err := given.Nodes[index].object()
		if err != nil {
			return nil, err
		}
		running, err := given.Nodes[index].running()
		if err != nil {
			return nil, err
		}
		cluster.nodes = append(cluster.nodes, node)
		cluster.running = append(cluster.running, running...)
	}
	services := map[string]bool{}
	for index := range given.Pods {
		pod, err := given.Pods[index].object(index)
		if err != nil {
			return nil, err
		}
		cluster.pods = append(cluster.pods, pod)
		if service := given.Pods[index].Service; !services[service] {
			services[service] = true
			cluster.sets = append(cluster.sets, replicaSet(service))
		}
	}
	profile, err := profileOf(given.Config)
	cluster.profile = profile
	return cluster, err
}

// The ReplicaSet of a service, by whose selector PodTopologySpread knows the pods that belong together.
func replicaSet(service string) *appsv1.ReplicaSet {
	labels := map[string]string{serviceLabel: service}
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: service, Namespace: namespace},
		Spec:       appsv1.ReplicaSetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}},
	}
}

// profileOf is the profile `default-scheduler` of a configuration, or else its first.
func profileOf(yaml string) (*config.KubeSchedulerProfile, error) {
	configuration, err := latest.Default()
	if yaml != "" && err == nil {
		var object runtime.Object
		object, _, err = scheme.Codecs.UniversalDecoder().Decode([]byte(yaml), nil, nil)
		if err != nil {
			return nil, err
		}
		decoded, ok := object.(*config.KubeSchedulerConfiguration)
		if !ok {
			return nil, fmt.Errorf("not a KubeSchedulerConfiguration")
		}
		configuration = decoded
	}
	if err != nil {
		return nil, err
	}
	for index := range configuration.Profiles {
		if configuration.Profiles[index].SchedulerName == v1.DefaultSchedulerName {
			return &configuration.Profiles[index], nil
		}
	}
	return &configuration.Profiles[0], nil
}

// scores are the nodes that pass the filters for a pod, with their weighted sums, when the pods before it are placed.
func (cluster *cluster) scores(ctx context.Context, index int, placed []string) (map[string]int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pods := slices.Clone(cluster.running)
	for before, node := range placed {
		pod := cluster.pods[before].DeepCopy()
		pod.Spec.NodeName = node
		pods = append(pods, pod)
	}
	snapshot := cache.NewSnapshot(pods, cluster.nodes)
	client := fake.NewClientset()
	factory := informers.NewSharedInformerFactory(client, 0)
	// The informers are filled by hand and never started: that would wait a tenth of a second for each pod.
	sets := factory.Apps().V1().ReplicaSets().Informer().GetIndexer()
	for _, set := range cluster.sets {
		if err := sets.Add(set); err != nil {
			return nil, err
		}
	}
	devices, err := noDevices(ctx, client, factory)
	if err != nil {
		return nil, err
	}
	scheduling, err := frameworkruntime.NewFramework(ctx, plugins.NewInTreeRegistry(), cluster.profile,
		frameworkruntime.WithClientSet(client), frameworkruntime.WithInformerFactory(factory),
		frameworkruntime.WithSnapshotSharedLister(snapshot), frameworkruntime.WithSharedDRAManager(devices))
	if err != nil {
		return nil, err
	}
	return scored(ctx, scheduling, snapshot, cluster.pods[index])
}

// noDevices knows no devices that pods could claim. From 1.36 on the scheduler asks for them in any case (KEP-5004).
func noDevices(ctx context.Context, client kubernetes.Interface, factory informers.SharedInformerFactory) (*dynamicresources.DefaultDRAManager, error) {
	resources := factory.Resource().V1()
	offered, err := tracker.StartTracker(ctx, tracker.Options{SliceInformer: resources.ResourceSlices(), KubeClient: client})
	if err != nil {
		return nil, err
	}
	claims := assumecache.NewAssumeCache(klog.FromContext(ctx), resources.ResourceClaims().Informer(), "ResourceClaim", "", nil)
	return dynamicresources.NewDRAManager(ctx, claims, offered, factory), nil
}

func scored(ctx context.Context, scheduling framework.Framework, snapshot *cache.Snapshot, pod *v1.Pod) (map[string]int64, error) {
	nodes, err := snapshot.NodeInfos().List()
	if err != nil {
		return nil, err
	}
	state := framework.NewCycleState()
	result, status, _ := scheduling.RunPreFilterPlugins(ctx, state, pod)
	if !status.IsSuccess() {
		if status.IsRejected() {
			return map[string]int64{}, nil
		}
		return nil, status.AsError()
	}
	var feasible []fwk.NodeInfo
	for _, node := range nodes {
		if !result.AllNodes() && !result.NodeNames.Has(node.Node().Name) {
			continue
		}
		if scheduling.RunFilterPlugins(ctx, state, pod, node).IsSuccess() {
			feasible = append(feasible, node)
		}
	}
	scores := map[string]int64{}
	// As the scheduler does: a single node is not scored.
	if len(feasible) == 1 {
		scores[feasible[0].Node().Name] = 0
		return scores, nil
	}
	if len(feasible) == 0 {
		return scores, nil
	}
	if status := scheduling.RunPreScorePlugins(ctx, state, pod, feasible); !status.IsSuccess() {
		return nil, status.AsError()
	}
	list, status := scheduling.RunScorePlugins(ctx, state, pod, feasible)
	if !status.IsSuccess() {
		return nil, status.AsError()
	}
	for _, node := range list {
		scores[node.Name] = node.TotalScore
	}
	return scores, nil
}
