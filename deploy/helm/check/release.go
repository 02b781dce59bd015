package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// The objects of a release, by kind.
type release struct {
	all         []object
	deployments []*apps.Deployment
	pods        []*core.Pod
	services    []*core.Service
	configMaps  []*core.ConfigMap
	secrets     []*core.Secret
	claims      []*core.PersistentVolumeClaim
	accounts    []*core.ServiceAccount
	policies    []*networking.NetworkPolicy
	budgets     []*policy.PodDisruptionBudget
	monitors    []*monitoring.ServiceMonitor
}

type object struct {
	meta.Object
	// Such as `Secret/bidprice-tls`.
	name string
}

// Reads a stream of YAML documents. A field that its type does not have, or that is there twice, is an error.
func read(path string) (*release, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		apps.AddToScheme, core.AddToScheme, networking.AddToScheme, policy.AddToScheme, monitoring.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewYAMLReader(bufio.NewReader(file))
	var found release
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return &found, nil
		}
		if err != nil {
			return nil, err
		}
		decoded, _, err := strict.Decode(document, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("%w, in:\n%s", err, document)
		}
		if err := found.add(decoded); err != nil {
			return nil, err
		}
	}
}

func (found *release) add(decoded runtime.Object) error {
	switch decoded := decoded.(type) {
	case *apps.Deployment:
		found.deployments = append(found.deployments, decoded)
	case *core.Pod:
		found.pods = append(found.pods, decoded)
	case *core.Service:
		found.services = append(found.services, decoded)
	case *core.ConfigMap:
		found.configMaps = append(found.configMaps, decoded)
	case *core.Secret:
		found.secrets = append(found.secrets, decoded)
	case *core.PersistentVolumeClaim:
		found.claims = append(found.claims, decoded)
	case *core.ServiceAccount:
		found.accounts = append(found.accounts, decoded)
	case *networking.NetworkPolicy:
		found.policies = append(found.policies, decoded)
	case *policy.PodDisruptionBudget:
		found.budgets = append(found.budgets, decoded)
	case *monitoring.ServiceMonitor:
		found.monitors = append(found.monitors, decoded)
	default:
		return fmt.Errorf("the chart has no business with %T", decoded)
	}
	kind := decoded.GetObjectKind().GroupVersionKind().Kind
	of, err := accessor(decoded)
	if err != nil {
		return err
	}
	found.all = append(found.all, object{Object: of, name: kind + "/" + of.GetName()})
	return nil
}

func accessor(decoded runtime.Object) (meta.Object, error) {
	if of, ok := decoded.(meta.ObjectMetaAccessor); ok {
		return of.GetObjectMeta(), nil
	}
	return nil, fmt.Errorf("%T has no metadata", decoded)
}
