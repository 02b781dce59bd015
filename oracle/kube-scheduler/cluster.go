package main

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	namespace    = "lease"
	serviceLabel = "akash.network/manifest-service"
	groupLabel   = "akash.network/interconnect-group"
	hostname     = "kubernetes.io/hostname"
	// A node takes so many pods: more than any case has.
	podsOfNode = "100000"
)

func quantities(texts map[string]string) (v1.ResourceList, error) {
	list := v1.ResourceList{}
	for name, text := range texts {
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			return nil, fmt.Errorf("quantity %q of %s: %w", text, name, err)
		}
		list[v1.ResourceName(name)] = quantity
	}
	return list, nil
}

func (node *Node) object() (*v1.Node, error) {
	allocatable, err := quantities(node.Allocatable)
	if err != nil {
		return nil, err
	}
	allocatable[v1.ResourcePods] = resource.MustParse(podsOfNode)
	labels := map[string]string{hostname: node.Name}
	for _, label := range node.Labels {
		labels[label] = "true"
	}
	return &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: node.Name, Labels: labels},
		Status:     v1.NodeStatus{Allocatable: allocatable, Capacity: allocatable},
	}, nil
}

// The pods that run on a node: one that requests all that is used, and those without requests.
func (node *Node) running() ([]*v1.Pod, error) {
	used, err := quantities(node.Used)
	if err != nil {
		return nil, err
	}
	// A pod that does not name CPU or memory counts as if it requested some.
	for _, name := range []v1.ResourceName{v1.ResourceCPU, v1.ResourceMemory} {
		if _, named := used[name]; !named {
			used[name] = resource.Quantity{}
		}
	}
	pods := []*v1.Pod{running(node.Name, "used", used)}
	for index := range node.PodsWithoutRequests {
		pods = append(pods, running(node.Name, fmt.Sprint("idle-", index), nil))
	}
	return pods, nil
}

func running(node, name string, requests v1.ResourceList) *v1.Pod {
	pod := podWith(fmt.Sprintf("%s-%s", node, name), requests)
	pod.Namespace = "system"
	pod.Spec.NodeName = node
	return pod
}

func podWith(name string, requests v1.ResourceList) *v1.Pod {
	resources := v1.ResourceRequirements{Requests: requests}
	return &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, UID: types.UID(name), Labels: map[string]string{}},
		Spec:       v1.PodSpec{Containers: []v1.Container{{Name: "main", Image: "main", Resources: resources}}},
	}
}

// A replica of a service, as its ReplicaSet makes it.
func (pod *Pod) object(index int) (*v1.Pod, error) {
	requests, err := quantities(pod.Requests)
	if err != nil {
		return nil, err
	}
	object := podWith(fmt.Sprintf("%s-%d", pod.Service, index), requests)
	object.Labels[serviceLabel] = pod.Service
	yes := true
	object.OwnerReferences = []metav1.OwnerReference{
		{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: pod.Service, UID: types.UID(pod.Service), Controller: &yes},
	}
	object.Spec.Affinity = &v1.Affinity{NodeAffinity: pod.nodeAffinity(), PodAntiAffinity: pod.antiAffinity()}
	if pod.InterconnectGroup != nil {
		object.Labels[groupLabel] = *pod.InterconnectGroup
	}
	return object, nil
}

func (pod *Pod) nodeAffinity() *v1.NodeAffinity {
	if len(pod.NodeLabels) == 0 {
		return nil
	}
	var term v1.NodeSelectorTerm
	for _, label := range pod.NodeLabels {
		term.MatchExpressions = append(term.MatchExpressions, v1.NodeSelectorRequirement{
			Key: label, Operator: v1.NodeSelectorOpIn, Values: []string{"true"},
		})
	}
	return &v1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{term}},
	}
}

func (pod *Pod) antiAffinity() *v1.PodAntiAffinity {
	if pod.InterconnectGroup == nil {
		return nil
	}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{groupLabel: *pod.InterconnectGroup}}
	return &v1.PodAntiAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: []v1.PodAffinityTerm{
			{LabelSelector: selector, TopologyKey: hostname},
		},
	}
}
