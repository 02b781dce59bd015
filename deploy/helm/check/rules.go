package main

import (
	"fmt"
	"slices"
	"strings"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// What the types do not say: that the objects fit each other, and that the pods have no more rights than they need.
func (found *release) problems(elsewhere []string) []error {
	var problems []error
	wrong := func(format string, words ...any) { problems = append(problems, fmt.Errorf(format, words...)) }
	if len(found.deployments) != 1 {
		wrong("there are %d Deployments; one service has to run", len(found.deployments))
		return problems
	}
	deployment := found.deployments[0]
	found.names(wrong)
	found.selectors(deployment, wrong)
	found.network(deployment, wrong)
	if *deployment.Spec.Replicas != 1 || deployment.Spec.Strategy.Type != apps.RecreateDeploymentStrategyType {
		wrong("two services could run at once")
	}
	referred := pod(deployment.Name, &deployment.Spec.Template.Spec, wrong)
	for _, other := range found.pods {
		referred = append(referred, pod(other.Name, &other.Spec, wrong)...)
	}
	found.references(referred, elsewhere, wrong)
	return problems
}

type complaint = func(format string, words ...any)

// Every object has a name of its own, and the labels by which people find it.
func (found *release) names(wrong complaint) {
	var seen []string
	for _, object := range found.all {
		if slices.Contains(seen, object.name) {
			wrong("%s is there twice", object.name)
		}
		seen = append(seen, object.name)
		if object.GetNamespace() == "" {
			wrong("%s has no namespace", object.name)
		}
		for _, label := range []string{"app.kubernetes.io/name", "app.kubernetes.io/instance", "helm.sh/chart"} {
			if object.GetLabels()[label] == "" {
				wrong("%s has no label %s", object.name, label)
			}
		}
	}
}

// What selects the service's pod selects it, and nothing but a policy selects the pod of `helm test`.
func (found *release) selectors(deployment *apps.Deployment, wrong complaint) {
	template := deployment.Spec.Template.Labels
	selects := func(name string, selector map[string]string) {
		if len(selector) == 0 || !labels.SelectorFromSet(selector).Matches(labels.Set(template)) {
			wrong("%s does not select the service's pod", name)
		}
		for _, other := range found.pods {
			if labels.SelectorFromSet(selector).Matches(labels.Set(other.Labels)) {
				wrong("%s selects the pod %s", name, other.Name)
			}
		}
	}
	selects("the Deployment", deployment.Spec.Selector.MatchLabels)
	for _, service := range found.services {
		selects("the Service "+service.Name, service.Spec.Selector)
		for _, port := range service.Spec.Ports {
			if !slices.ContainsFunc(ports(deployment), func(of core.ContainerPort) bool { return of.Name == port.TargetPort.StrVal }) {
				wrong("the Service %s names the port %s, which no container has", service.Name, port.TargetPort.String())
			}
			if port.Name == "metrics" && service.Spec.Type != core.ServiceTypeClusterIP {
				wrong("the Service %s would publish the metrics", service.Name)
			}
		}
	}
	for _, budget := range found.budgets {
		selects("the PodDisruptionBudget", budget.Spec.Selector.MatchLabels)
	}
	for _, monitor := range found.monitors {
		var matches int
		for _, service := range found.services {
			if labels.SelectorFromSet(monitor.Spec.Selector.MatchLabels).Matches(labels.Set(service.Labels)) {
				matches++
				named := func(port core.ServicePort) bool { return port.Name == monitor.Spec.Endpoints[0].Port }
				if !slices.ContainsFunc(service.Spec.Ports, named) {
					wrong("the ServiceMonitor names a port that the Service %s does not have", service.Name)
				}
			}
		}
		if matches != 1 || !slices.Contains(monitor.Spec.NamespaceSelector.MatchNames, deployment.Namespace) {
			wrong("the ServiceMonitor selects %d Services", matches)
		}
	}
}

// A policy covers every pod, opens the ports of the service only, and each of its rules names who is let in.
func (found *release) network(deployment *apps.Deployment, wrong complaint) {
	for _, policy := range found.policies {
		selector, err := meta.LabelSelectorAsSelector(&policy.Spec.PodSelector)
		if err != nil || !selector.Matches(labels.Set(deployment.Spec.Template.Labels)) {
			wrong("the NetworkPolicy does not cover the service's pod: %v", err)
		}
		for _, other := range found.pods {
			if err == nil && !selector.Matches(labels.Set(other.Labels)) {
				wrong("the NetworkPolicy does not cover the pod %s", other.Name)
			}
		}
		for _, rule := range policy.Spec.Ingress {
			if len(rule.From) == 0 || len(rule.Ports) == 0 {
				wrong("a rule of the NetworkPolicy lets in everyone, or to every port")
			}
			for _, port := range rule.Ports {
				of := func(of core.ContainerPort) bool { return of.ContainerPort == port.Port.IntVal }
				if !slices.ContainsFunc(ports(deployment), of) {
					wrong("the NetworkPolicy opens the port %s, which no container has", port.Port.String())
				}
			}
		}
	}
}

func ports(deployment *apps.Deployment) []core.ContainerPort {
	var found []core.ContainerPort
	for _, container := range deployment.Spec.Template.Spec.Containers {
		found = append(found, container.Ports...)
	}
	return found
}

// Looks at a pod's rights and mounts, and returns what it refers to, as `KIND/NAME`.
func pod(name string, spec *core.PodSpec, wrong complaint) []string {
	if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
		wrong("%s has a token of Kubernetes", name)
	}
	if spec.HostNetwork || spec.HostPID || spec.HostIPC {
		wrong("%s shares namespaces with the node", name)
	}
	of := spec.SecurityContext
	if of == nil || of.RunAsNonRoot == nil || !*of.RunAsNonRoot || of.SeccompProfile == nil || of.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
		wrong("%s may run as root, or without seccomp", name)
	}
	// The first container is the chart's own; others are the operator's.
	container := spec.Containers[0]
	rights := container.SecurityContext
	if rights == nil || *rights.AllowPrivilegeEscalation || !*rights.ReadOnlyRootFilesystem || !slices.Contains(rights.Capabilities.Drop, "ALL") {
		wrong("%s has more rights than it needs", name)
	}
	if container.Resources.Limits.Memory().IsZero() || container.Resources.Requests.Cpu().IsZero() {
		wrong("%s has no limit of memory, or asks for no CPU", name)
	}
	for _, container := range spec.Containers {
		for _, mount := range container.VolumeMounts {
			if !slices.ContainsFunc(spec.Volumes, func(volume core.Volume) bool { return volume.Name == mount.Name }) {
				wrong("%s mounts the volume %s, which it does not have", name, mount.Name)
			}
		}
	}
	if spec.ServiceAccountName == "default" {
		return references(spec)
	}
	return append(references(spec), "ServiceAccount/"+spec.ServiceAccountName)
}

func references(spec *core.PodSpec) []string {
	var found []string
	for _, volume := range spec.Volumes {
		if volume.PersistentVolumeClaim != nil {
			found = append(found, "PersistentVolumeClaim/"+volume.PersistentVolumeClaim.ClaimName)
		}
		if volume.ConfigMap != nil {
			found = append(found, "ConfigMap/"+volume.ConfigMap.Name)
		}
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if source.ConfigMap != nil {
				found = append(found, "ConfigMap/"+source.ConfigMap.Name)
			}
			if source.Secret != nil {
				found = append(found, "Secret/"+source.Secret.Name)
			}
		}
	}
	return found
}

// Whatever a pod refers to is rendered, or said to be made elsewhere; and nothing is rendered for nobody.
func (found *release) references(referred, elsewhere []string, wrong complaint) {
	var rendered []string
	for _, object := range found.all {
		rendered = append(rendered, object.name)
	}
	for _, name := range referred {
		if slices.Contains(rendered, name) == slices.Contains(elsewhere, name) {
			wrong("a pod refers to %s, which has to be rendered or to be named as `# elsewhere: %s`", name, name)
		}
	}
	for _, name := range append(rendered, elsewhere...) {
		kind, _, _ := strings.Cut(name, "/")
		needed := slices.Contains([]string{"ConfigMap", "Secret", "PersistentVolumeClaim", "ServiceAccount"}, kind)
		if needed && !slices.Contains(referred, name) {
			wrong("no pod refers to %s", name)
		}
	}
}
