// Command kube-scheduler places pods with Kubernetes' own scheduling framework, its in-tree plugins and a profile, and
// says which nodes passed the filters, how they scored, and which one would be taken.
//
// It reads one case from each line of standard input and writes one answer to each line of standard output. A case has
// nodes, pods that are placed one after another, and perhaps a KubeSchedulerConfiguration. A pod that several nodes suit
// equally well goes to each of them with equal probability: the answer has the probability of each node over all ways.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
)

// The longest line that is read: a case with some hundreds of nodes.
const maxLine = 64 << 20

// Case is one line of the input.
type Case struct {
	ID    json.RawMessage `json:"id"`
	Nodes []Node          `json:"nodes"`
	Pods  []Pod           `json:"pods"`
	// A KubeSchedulerConfiguration in YAML. Empty is Kubernetes' default.
	Config string `json:"config"`
}

// Node is a node and what runs on it.
type Node struct {
	Name string `json:"name"`
	// Quantities by resource name, as in a node's status.
	Allocatable map[string]string `json:"allocatable"`
	// What the pods that run on it request, together.
	Used map[string]string `json:"used"`
	// Labels whose value is `true`.
	Labels []string `json:"labels"`
	// How many pods without any request run on it beside them.
	PodsWithoutRequests int `json:"pods_without_requests"`
}

// Pod is a pod that is to be placed.
type Pod struct {
	// Pods of the same service spread.
	Service string `json:"service"`
	// Quantities by resource name.
	Requests map[string]string `json:"requests"`
	// Labels that a node must have with the value `true`.
	NodeLabels []string `json:"node_labels"`
	// Pods with the same group do not share a node.
	InterconnectGroup *string `json:"interconnect_group"`
}

// Answer is one line of the output.
type Answer struct {
	ID    json.RawMessage `json:"id"`
	Steps []Step          `json:"steps"`
	// The first pod that fits nowhere in some way, and the probability of that.
	Pending *Pending `json:"pending"`
	// There were more ways than are followed. Then the steps end before the one in which there were.
	Truncated bool   `json:"truncated"`
	Error     string `json:"error,omitempty"`
}

// Step is what came of one pod.
type Step struct {
	// The probability of each node that may be taken, with six places.
	Nodes map[string]string `json:"nodes"`
	// The nodes that passed the filters and their scores, where all ways agree on them.
	Scores map[string]int64 `json:"scores,omitempty"`
}

// Pending is a pod that fits nowhere.
type Pending struct {
	Pod         int    `json:"pod"`
	Probability string `json:"probability"`
}

func main() {
	klog.LogToStderr(false)
	klog.SetOutput(discard{})
	metrics.Register()
	ctx := klog.NewContext(context.Background(), klog.New(nil))
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(make([]byte, 1<<20), maxLine)
	encoder := json.NewEncoder(os.Stdout)
	for input.Scan() {
		if err := encoder.Encode(answer(ctx, input.Bytes())); err != nil {
			fail(err)
		}
	}
	if err := input.Err(); err != nil {
		fail(err)
	}
}

type discard struct{}

func (discard) Write(bytes []byte) (int, error) { return len(bytes), nil }

func fail(err error) {
	fmt.Fprintln(os.Stderr, "error:", err)
	os.Exit(1)
}

func answer(ctx context.Context, line []byte) Answer {
	var given Case
	if err := json.Unmarshal(line, &given); err != nil {
		return Answer{Error: err.Error()}
	}
	placed, err := place(ctx, &given)
	if err != nil {
		return Answer{ID: given.ID, Error: err.Error()}
	}
	placed.ID = given.ID
	return *placed
}
