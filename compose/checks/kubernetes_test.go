package checks

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// cluster is what Kustomize makes of a folder, each document read strictly as the type that Kubernetes has for it: an unknown or
// misspelt field, or a value of the wrong type, is an error.
type cluster struct {
	namespaces []corev1.Namespace
	configs    map[string]corev1.ConfigMap
	services   []corev1.Service
	workloads  map[string]workload
	budgets    []policyv1.PodDisruptionBudget
	scalers    []autoscalingv2.HorizontalPodAutoscaler
	policies   []networkingv1.NetworkPolicy
	ingresses  []networkingv1.Ingress
}

// workload is a Job, Deployment or StatefulSet.
type workload struct {
	kind     string
	replicas *int32
	selector *metav1.LabelSelector
	pod      corev1.PodTemplateSpec
}

func (w workload) container() corev1.Container { return w.pod.Spec.Containers[0] }

func kustomize(t *testing.T, folder string) cluster {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, "compose/k8s", folder))
	if err != nil {
		t.Fatal(err)
	}
	c := cluster{configs: map[string]corev1.ConfigMap{}, workloads: map[string]workload{}}
	for _, r := range built.Resources() {
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
	for _, folder := range []string{"base", "production"} {
		t.Run(folder, func(t *testing.T) {
			c := kustomize(t, folder)
			if len(c.workloads) != 3 || len(c.policies) < 5 || len(c.budgets) != 2 || len(c.namespaces) != 1 {
				t.Fatalf("something is missing: %+v", c)
			}
			do(t, c)
		})
	}
}

func TestPodsAreConfined(t *testing.T) {
	clusters(t, func(t *testing.T, c cluster) {
		if c.namespaces[0].Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
			t.Error("the namespace does not ask for the restricted pod security standard")
		}
		for name, w := range c.workloads {
			pod, one := w.pod.Spec, w.container()
			if pod.SecurityContext == nil || one.SecurityContext == nil {
				t.Fatalf("%s: no security context", name)
			}
			if !*pod.SecurityContext.RunAsNonRoot || *pod.SecurityContext.RunAsUser == 0 || pod.SecurityContext.SeccompProfile.Type != "RuntimeDefault" {
				t.Errorf("%s: %+v", name, pod.SecurityContext)
			}
			if *one.SecurityContext.AllowPrivilegeEscalation || !*one.SecurityContext.ReadOnlyRootFilesystem || !slices.Equal(one.SecurityContext.Capabilities.Drop, []corev1.Capability{"ALL"}) {
				t.Errorf("%s: %+v", name, one.SecurityContext)
			}
			if *pod.AutomountServiceAccountToken {
				t.Errorf("%s holds a token for the cluster", name)
			}
			if one.Resources.Requests.Cpu().IsZero() || one.Resources.Requests.Memory().IsZero() || one.Resources.Limits.Memory().IsZero() {
				t.Errorf("%s: resources %+v", name, one.Resources)
			}
			if !regexp.MustCompile(`^[a-z./-]+:v\d+\.\d+\.\d+`).MatchString(one.Image) {
				t.Errorf("%s: image %s", name, one.Image)
			}
		}
	})
}

func TestPodsAreToldWhatHooklineKnows(t *testing.T) {
	clusters(t, func(t *testing.T, c cluster) {
		for name, w := range c.workloads {
			one := w.container()
			known := knownEnv(t, one.Args[0])
			for _, from := range one.EnvFrom {
				config, ok := c.configs[from.ConfigMapRef.Name]
				if !ok {
					t.Errorf("%s: no ConfigMap %s", name, from.ConfigMapRef.Name)
				}
				for variable := range config.Data {
					if strings.HasPrefix(variable, "HOOKLINE_") && !known[variable] {
						t.Errorf("%s: 'hookline %s' does not know %s", name, one.Args[0], variable)
					}
				}
			}
			earlier := map[string]bool{}
			for _, env := range one.Env {
				if strings.HasPrefix(env.Name, "HOOKLINE_") && !known[env.Name] {
					t.Errorf("%s: 'hookline %s' does not know %s", name, one.Args[0], env.Name)
				}
				if from := env.ValueFrom; from != nil && from.ConfigMapKeyRef != nil {
					if _, ok := c.configs[from.ConfigMapKeyRef.Name].Data[from.ConfigMapKeyRef.Key]; !ok {
						t.Errorf("%s: no %s in ConfigMap %s", name, from.ConfigMapKeyRef.Key, from.ConfigMapKeyRef.Name)
					}
				}
				for _, m := range regexp.MustCompile(`\$\((\w+)\)`).FindAllStringSubmatch(env.Value, -1) {
					if !earlier[m[1]] { // Kubernetes would leave it as it stands
						t.Errorf("%s: %s uses %s, which is not set before it", name, env.Name, m[1])
					}
				}
				earlier[env.Name] = true
			}
		}
	})
}

func TestPodsHaveWhatTheyMount(t *testing.T) {
	secrets := []string{"hookline-clickhouse", "hookline-vendors"} // which base/kustomization.yaml asks for
	clusters(t, func(t *testing.T, c cluster) {
		for name, w := range c.workloads {
			volumes := map[string]bool{}
			for _, v := range w.pod.Spec.Volumes {
				volumes[v.Name] = true
				switch {
				case v.ConfigMap != nil:
					if c.configs[v.ConfigMap.Name].Data["vendors.yaml"] == "" {
						t.Errorf("%s: no vendors.yaml in ConfigMap %s", name, v.ConfigMap.Name)
					}
				case v.Secret == nil || !slices.Contains(secrets, v.Secret.SecretName):
					t.Errorf("%s: volume %s of nothing that is there", name, v.Name)
				}
			}
			for _, m := range w.container().VolumeMounts {
				if !volumes[m.Name] || !m.ReadOnly {
					t.Errorf("%s: mount %+v", name, m)
				}
				delete(volumes, m.Name)
			}
			if len(volumes) > 0 {
				t.Errorf("%s: nobody mounts %v", name, volumes)
			}
		}
	})
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

func TestPodsAreProbedSpreadAndDrained(t *testing.T) {
	clusters(t, func(t *testing.T, c cluster) {
		for name, w := range c.workloads {
			if w.kind == "Job" {
				continue
			}
			one := w.container()
			for path, probe := range map[string]*corev1.Probe{"/livez": one.LivenessProbe, "/readyz": one.ReadinessProbe} {
				if probe == nil || probe.HTTPGet.Path != path {
					t.Fatalf("%s: %s is not probed: %+v", name, path, probe)
				}
				if _, ok := w.port(probe.HTTPGet.Port.StrVal); !ok {
					t.Errorf("%s: no port %s", name, probe.HTTPGet.Port.StrVal)
				}
			}
			if len(w.pod.Spec.TopologySpreadConstraints) != 2 {
				t.Errorf("%s is not spread", name)
			}
			for _, s := range w.pod.Spec.TopologySpreadConstraints {
				if !selects(s.LabelSelector, w.pod.Labels) {
					t.Errorf("%s: spread does not select its own pods", name)
				}
			}
			if !selects(w.selector, w.pod.Labels) {
				t.Errorf("%s does not select its own pods", name)
			}
			least := map[string]int64{"hookline-ingest": 10 + 10, "hookline-processor": 15 + 15 + 5}[name]
			if *w.pod.Spec.TerminationGracePeriodSeconds <= least {
				t.Errorf("%s has %d s to stop, and may take %d", name, *w.pod.Spec.TerminationGracePeriodSeconds, least)
			}
			if port := w.pod.Annotations["prometheus.io/port"]; !slices.ContainsFunc(one.Ports, func(p corev1.ContainerPort) bool { return strconv.Itoa(int(p.ContainerPort)) == port }) {
				t.Errorf("%s: Prometheus is sent to port %q", name, port)
			}
		}
	})
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

func TestEverySelectorAndPortMeansSomething(t *testing.T) {
	clusters(t, func(t *testing.T, c cluster) {
		ports := func(what string, of []workload, name string) {
			for _, w := range of {
				if _, ok := w.port(name); !ok && w.kind != "Job" {
					t.Errorf("%s: port %s of nobody", what, name)
				}
			}
			if len(of) == 0 {
				t.Errorf("%s selects no pod", what)
			}
		}
		for _, s := range c.services {
			for _, p := range s.Spec.Ports {
				ports("service "+s.Name, c.selected(&metav1.LabelSelector{MatchLabels: s.Spec.Selector}), p.TargetPort.StrVal)
			}
		}
		for _, b := range c.budgets {
			if of := c.selected(b.Spec.Selector); len(of) != 1 {
				t.Errorf("budget %s is for %d workloads", b.Name, len(of))
			}
		}
		for _, p := range c.policies {
			of := c.selected(&p.Spec.PodSelector)
			for _, rule := range p.Spec.Ingress {
				for _, port := range rule.Ports {
					ports("policy "+p.Name, of, port.Port.StrVal)
				}
			}
			if len(of) == 0 {
				t.Errorf("policy %s selects no pod", p.Name)
			}
		}
		for _, i := range c.ingresses {
			backend := i.Spec.Rules[0].HTTP.Paths[0].Backend.Service
			at := slices.IndexFunc(c.services, func(s corev1.Service) bool { return s.Name == backend.Name })
			if at < 0 || c.services[at].Spec.Ports[0].Name != backend.Port.Name {
				t.Errorf("ingress %s leads to %+v", i.Name, backend)
			}
		}
	})
}

func TestAutoscalersScaleWhatIsThere(t *testing.T) {
	c := kustomize(t, "production")
	if len(c.scalers) != 2 {
		t.Fatalf("%d autoscalers", len(c.scalers))
	}
	help, err := exec.Command(binary(t), "setup", "--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	partitions, err := strconv.Atoi(regexp.MustCompile(`--topics-partitions=(\d+)`).FindStringSubmatch(string(help))[1])
	if err != nil {
		t.Fatal(err)
	}
	rule, err := os.ReadFile(root + "/compose/k8s/production/prometheus-adapter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range c.scalers {
		w, ok := c.workloads[h.Spec.ScaleTargetRef.Name]
		if !ok || w.kind != h.Spec.ScaleTargetRef.Kind || w.replicas != nil || *h.Spec.MinReplicas < 2 {
			t.Errorf("%s scales %+v", h.Name, h.Spec.ScaleTargetRef)
		}
		if w.kind == "StatefulSet" && int(h.Spec.MaxReplicas) > partitions {
			t.Errorf("%s: %d processors for %d partitions", h.Name, h.Spec.MaxReplicas, partitions)
		}
		for _, m := range h.Spec.Metrics {
			if m.External != nil && !strings.Contains(string(rule), "as: "+m.External.Metric.Name+"}") {
				t.Errorf("prometheus-adapter.yaml does not make %s", m.External.Metric.Name)
			}
		}
	}
}

// The ConfigMaps' names end in a hash, so that who changes vendors.yaml restarts the pods that read it.
func TestAChangeOfVendorsRollsThePods(t *testing.T) {
	base, production := kustomize(t, "base"), kustomize(t, "production")
	name := func(c cluster) string {
		return c.workloads["hookline-ingest"].pod.Spec.Volumes[0].ConfigMap.Name
	}
	if name(base) == name(production) || !strings.HasPrefix(name(base), "hookline-vendors-") {
		t.Errorf("%s and %s", name(base), name(production))
	}
}
