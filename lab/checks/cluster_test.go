package checks

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// cluster is what Kustomize makes of a folder, each document read strictly as the type that Kubernetes has for it: an unknown or
// misspelt field, or a value of the wrong type, is an error.
type cluster struct {
	namespaces []corev1.Namespace
	configs    map[string]corev1.ConfigMap
	secrets    map[string]corev1.Secret
	services   []corev1.Service
	workloads  map[string]workload
	budgets    []policyv1.PodDisruptionBudget
	scalers    []autoscalingv2.HorizontalPodAutoscaler
	policies   []networkingv1.NetworkPolicy
	ingresses  []networkingv1.Ingress
	monitors   []monitoringv1.PodMonitor
	rules      []monitoringv1.PrometheusRule
}

// workload is a Job, also one that a CronJob makes, a Deployment or a StatefulSet.
type workload struct {
	kind     string
	replicas *int32
	selector *metav1.LabelSelector
	pod      corev1.PodTemplateSpec
}

func (w workload) container() corev1.Container { return w.pod.Spec.Containers[0] }

// ours says whether it runs hookline.
func (w workload) ours() bool { return strings.Contains(w.container().Image, "/hookline:") }

// manifests are the folders that are shipped.
const manifests = root + "/compose/k8s"

func build(t *testing.T, folder string) resmap.ResMap {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

func kustomize(t *testing.T, folder string) cluster {
	t.Helper()
	c := cluster{configs: map[string]corev1.ConfigMap{}, secrets: map[string]corev1.Secret{}, workloads: map[string]workload{}}
	for _, r := range build(t, folder).Resources() {
		raw, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.add(r.GetKind(), raw); err != nil {
			t.Errorf("%s %s: %v", r.GetKind(), r.GetName(), err)
		}
		if r.GetKind() != "Namespace" && r.GetNamespace() != "hookline" {
			t.Errorf("%s %s is in the namespace %q", r.GetKind(), r.GetName(), r.GetNamespace())
		}
	}
	return c
}

func (c *cluster) add(kind string, raw []byte) error {
	switch kind {
	case "Namespace":
		return into(raw, "v1", func(o corev1.Namespace) { c.namespaces = append(c.namespaces, o) })
	case "ConfigMap":
		return into(raw, "v1", func(o corev1.ConfigMap) { c.configs[o.Name] = o })
	case "Service":
		return into(raw, "v1", func(o corev1.Service) { c.services = append(c.services, o) })
	case "Job":
		return into(raw, "batch/v1", func(o batchv1.Job) { c.workloads[o.Name] = workload{kind: kind, pod: o.Spec.Template} })
	case "CronJob":
		return into(raw, "batch/v1", func(o batchv1.CronJob) {
			c.workloads[o.Name] = workload{kind: "Job", pod: o.Spec.JobTemplate.Spec.Template}
		})
	case "Secret":
		return into(raw, "v1", func(o corev1.Secret) { c.secrets[o.Name] = o })
	case "PodMonitor":
		return into(raw, "monitoring.coreos.com/v1", func(o monitoringv1.PodMonitor) { c.monitors = append(c.monitors, o) })
	case "PrometheusRule":
		return into(raw, "monitoring.coreos.com/v1", func(o monitoringv1.PrometheusRule) { c.rules = append(c.rules, o) })
	case "Deployment":
		return into(raw, "apps/v1", func(o appsv1.Deployment) {
			c.workloads[o.Name] = workload{kind, o.Spec.Replicas, o.Spec.Selector, o.Spec.Template}
		})
	case "StatefulSet":
		return into(raw, "apps/v1", func(o appsv1.StatefulSet) {
			c.workloads[o.Name] = workload{kind, o.Spec.Replicas, o.Spec.Selector, o.Spec.Template}
		})
	case "PodDisruptionBudget":
		return into(raw, "policy/v1", func(o policyv1.PodDisruptionBudget) { c.budgets = append(c.budgets, o) })
	case "HorizontalPodAutoscaler":
		return into(raw, "autoscaling/v2", func(o autoscalingv2.HorizontalPodAutoscaler) { c.scalers = append(c.scalers, o) })
	case "NetworkPolicy":
		return into(raw, "networking.k8s.io/v1", func(o networkingv1.NetworkPolicy) { c.policies = append(c.policies, o) })
	case "Ingress":
		return into(raw, "networking.k8s.io/v1", func(o networkingv1.Ingress) { c.ingresses = append(c.ingresses, o) })
	}
	return fmt.Errorf("a kind that no test knows")
}

func into[T any](raw []byte, version string, keep func(T)) error {
	var o T
	if err := yaml.UnmarshalStrict(raw, &o); err != nil {
		return err
	}
	var meta metav1.TypeMeta
	if err := yaml.Unmarshal(raw, &meta); err != nil || meta.APIVersion != version {
		return fmt.Errorf("apiVersion %q, want %s: %v", meta.APIVersion, version, err)
	}
	keep(o)
	return nil
}

func clusters(t *testing.T, do func(*testing.T, cluster)) {
	for name, folder := range map[string]string{"base": manifests + "/base", "production": manifests + "/production", "everything": everything(t)} {
		t.Run(name, func(t *testing.T) {
			c := kustomize(t, folder)
			if len(c.workloads) < 3 || (len(c.policies) > 5) != (name == "everything") || len(c.budgets) != 2 || len(c.namespaces) != 1 {
				t.Fatalf("%d workloads, %d policies, %d budgets, %d namespaces", len(c.workloads), len(c.policies), len(c.budgets), len(c.namespaces))
			}
			do(t, c)
		})
	}
}

// everything is a copy of production with all that its file offers as comments.
func everything(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(manifests)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "production/kustomization.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	offered := regexp.MustCompile(`(?m)^#(\w+:$|  - |    files:)`)
	if found := len(offered.FindAll(text, -1)); found != 9 {
		t.Fatalf("production offers %d lines", found)
	}
	if err := os.WriteFile(file, offered.ReplaceAll(text, []byte("$1")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"migrator", "writer", "acme"} {
		writeSecret(t, filepath.Join(dir, "production"), name, "first of "+name)
	}
	return filepath.Join(dir, "production")
}

func writeSecret(t *testing.T, overlay, name, value string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(overlay, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(overlay, "secrets", name), []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
}

// port finds a container's port by its name.
func (w workload) port(name string) (int32, bool) {
	for _, p := range w.container().Ports {
		if p.Name == name {
			return p.ContainerPort, true
		}
	}
	return 0, false
}

func selects(s *metav1.LabelSelector, of map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && s != nil && selector.Matches(labels.Set(of))
}

// selected are the workloads whose pods a selector means.
func (c cluster) selected(s *metav1.LabelSelector) (out []workload) {
	for _, w := range c.workloads {
		if selects(s, w.pod.Labels) {
			out = append(out, w)
		}
	}
	return out
}
