package checks

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	promlabels "github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Kubernetes' own validator holds the manifests against the schemas that API servers publish: what is required, of which
// type, and what no field is called.
func TestKubernetesSchemasTakeTheManifests(t *testing.T) {
	for folder, path := range map[string]string{"base": manifests + "/base", "everything": everything(t)} {
		built := build(t, path)
		for _, r := range built.Resources() { // kinds of Prometheus Operator, whose types kustomize reads them as
			if r.GetKind() == "PodMonitor" || r.GetKind() == "PrometheusRule" {
				if err := built.Remove(r.CurId()); err != nil {
					t.Fatal(err)
				}
			}
		}
		text, err := built.AsYaml()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), folder+".yaml")
		validate := func(text string) (string, error) {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("go", "tool", "-modfile=../../internal/tools/kubectl-validate.mod", "kubectl-validate", "--version=1.30", file).CombinedOutput()
			return string(out), err
		}
		if out, err := validate(string(text)); err != nil {
			t.Errorf("%s: %v\n%s", folder, err, out)
		}
		for right, wrong := range map[string]string{"maxSkew: 1": "maxSkew: one", " containers:": " initContainers:", "podSelector:": "podselector:", "serviceName:": "servicename:"} {
			if !strings.Contains(string(text), right) {
				continue
			}
			if out, err := validate(strings.Replace(string(text), right, wrong, 1)); err == nil {
				t.Errorf("%s: %s is taken:\n%s", folder, wrong, out)
			}
		}
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
			if !regexp.MustCompile(`^[a-z./-]+:v?\d+\.\d+\.\d+`).MatchString(one.Image) {
				t.Errorf("%s: image %s", name, one.Image)
			}
		}
	})
}

func TestPodsAreToldWhatHooklineKnows(t *testing.T) {
	clusters(t, func(t *testing.T, c cluster) {
		for name, w := range c.workloads {
			if !w.ours() {
				continue
			}
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
				case v.Secret != nil && len(c.secrets) > 0: // the overlay makes them
					for _, item := range v.Secret.Items {
						if len(c.secrets[v.Secret.SecretName].Data[item.Key]) == 0 {
							t.Errorf("%s: no %s in Secret %s", name, item.Key, v.Secret.SecretName)
						}
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
	c := kustomize(t, manifests+"/production")
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

// The names of ConfigMaps and, in an overlay with secretGenerator, of Secrets end in a hash: a change of vendors.yaml, of a vendor's
// secret or of a password restarts the pods that read it.
func TestAChangeOfVendorsOrSecretsRollsThePods(t *testing.T) {
	overlay := everything(t)
	before := kustomize(t, overlay)
	changed := func() (names []string) {
		after := kustomize(t, overlay)
		for name, w := range after.workloads {
			if !reflect.DeepEqual(w.pod, before.workloads[name].pod) {
				names = append(names, name)
			}
		}
		before = after
		slices.Sort(names)
		return names
	}
	if got := changed(); len(got) > 0 {
		t.Errorf("without a change these roll: %v", got)
	}
	writeSecret(t, overlay, "acme", "second")
	if got, want := changed(), []string{"hookline-ingest", "hookline-processor"}; !slices.Equal(got, want) {
		t.Errorf("a vendor's new secret rolls %v, want %v", got, want)
	}
	writeSecret(t, overlay, "writer", "second")
	if got := changed(); !slices.Contains(got, "hookline-processor") || slices.Contains(got, "hookline-ingest") {
		t.Errorf("a new password rolls %v", got)
	}
	if err := os.WriteFile(filepath.Join(overlay, "vendors.yaml"), []byte("vendors: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := changed(), []string{"hookline-ingest", "hookline-processor"}; !slices.Equal(got, want) {
		t.Errorf("a new vendors.yaml rolls %v, want %v", got, want)
	}
}

// Policies know namespaces by labels that the cluster has none of until somebody sets them.
func TestEveryLabelOfANamespaceIsExplained(t *testing.T) {
	explained, err := os.ReadFile(manifests + "/network/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, labels := kustomize(t, everything(t)), 0
	for _, p := range c.policies {
		var peers []networkingv1.NetworkPolicyPeer
		for _, rule := range p.Spec.Ingress {
			peers = append(peers, rule.From...)
		}
		for _, rule := range p.Spec.Egress {
			peers = append(peers, rule.To...)
		}
		for _, peer := range peers {
			if peer.NamespaceSelector == nil {
				continue
			}
			for label, value := range peer.NamespaceSelector.MatchLabels {
				if label == "kubernetes.io/metadata.name" && value == "kube-system" { // which Kubernetes sets, of a namespace that each cluster has
					continue
				}
				labels++
				if !strings.Contains(string(explained), " "+label+"="+value) {
					t.Errorf("policy %s: nothing says to set %s=%s", p.Name, label, value)
				}
			}
		}
	}
	if labels < 4 {
		t.Errorf("only %d labels", labels)
	}
}

var update = flag.Bool("update", false, "write compose/k8s/monitoring/rules.yaml from compose/prometheus/rules.yml")

// One set of rules: those of compose/prometheus.
func TestPrometheusOperatorHasTheSameRules(t *testing.T) {
	source, err := os.ReadFile(root + "/compose/prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	_, groups, found := strings.Cut(string(source), "\ngroups:\n")
	if !found {
		t.Fatal("rules.yml has no groups")
	}
	text := "# Generated from compose/prometheus/rules.yml: go test -run TestPrometheusOperatorHasTheSameRules -update, in lab/checks.\n" +
		"apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: hookline}\nspec:\n  groups:\n" +
		regexp.MustCompile(`(?m)^(.)`).ReplaceAllString(groups, "  $1")
	file := manifests + "/monitoring/rules.yaml"
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != text {
		t.Errorf("%s is not what rules.yml makes; write it with -update: %v", file, err)
	}
	c := kustomize(t, everything(t))
	if len(c.rules) != 1 || len(c.rules[0].Spec.Groups) == 0 || len(c.rules[0].Spec.Groups[0].Rules) < 10 {
		t.Errorf("Prometheus Operator reads %+v", c.rules)
	}
}

// The rules ask for job and part, which Prometheus Operator would set otherwise.
func TestThePodMonitorLabelsAsTheRulesAsk(t *testing.T) {
	c := kustomize(t, everything(t))
	if len(c.monitors) != 1 {
		t.Fatalf("%d monitors", len(c.monitors))
	}
	monitor := c.monitors[0].Spec
	of := c.selected(&monitor.Selector)
	if len(of) != 2 {
		t.Fatalf("it asks %d workloads", len(of))
	}
	for _, w := range of {
		endpoint := monitor.PodMetricsEndpoints[0]
		if _, ok := w.port(*endpoint.Port); !ok {
			t.Errorf("no port %s", *endpoint.Port)
		}
		var configs []*relabel.Config
		for _, r := range endpoint.RelabelConfigs {
			config := relabel.DefaultRelabelConfig
			config.Action, config.TargetLabel = relabel.Action(r.Action), r.TargetLabel
			if r.Replacement != nil {
				config.Replacement = *r.Replacement
			}
			if r.Regex != "" {
				config.Regex = relabel.MustNewRegexp(r.Regex)
			}
			for _, label := range r.SourceLabels {
				config.SourceLabels = append(config.SourceLabels, model.LabelName(label))
			}
			configs = append(configs, &config)
		}
		name := w.pod.Labels["app.kubernetes.io/name"]
		for _, config := range configs {
			if err := config.Validate(model.UTF8Validation); err != nil {
				t.Fatal(err)
			}
		}
		got := promlabels.NewBuilder(promlabels.FromStrings("__meta_kubernetes_pod_label_app_kubernetes_io_name", name, "__meta_kubernetes_pod_name", name+"-0", "job", "hookline/hookline"))
		if !relabel.ProcessBuilder(got, configs...) || got.Get("job") != "hookline" || got.Get("instance") != name+"-0" || "hookline-"+got.Get("part") != name {
			t.Errorf("%s is labelled %s", name, got.Labels())
		}
	}
}
