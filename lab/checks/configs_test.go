package checks

import (
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
)

// HAProxy itself reads its configuration; that the ingests' names mean nothing here is a warning.
func TestHAProxyAcceptsItsConfiguration(t *testing.T) {
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is not installed (Debian: apt-get install haproxy)")
	}
	out, err := exec.Command("haproxy", "-c", "-f", root+"/compose/haproxy/haproxy.cfg").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "[WARNING]") && !strings.Contains(line, "could not resolve address") {
			t.Error(line)
		}
	}
}

// properties turns a service's environment into the file that Kafka's image makes of it: KAFKA_A_B=v is a.b=v
// (https://github.com/apache/kafka/blob/trunk/docker/examples/README.md).
func properties(s types.ServiceConfig) string {
	var b strings.Builder
	for name, value := range s.Environment {
		key, ours := strings.CutPrefix(name, "KAFKA_")
		if !ours || name == "KAFKA_HEAP_OPTS" || value == nil {
			continue
		}
		key = strings.NewReplacer("___", "-", "__", "_", "_", ".").Replace(strings.ToLower(key))
		b.WriteString(key + "=" + *value + "\n")
	}
	return b.String()
}

// kafkaJars is the class path of Apache Kafka, as `hookline apache-kafka --fetch` keeps it.
func kafkaJars(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	jars, err := filepath.Glob(filepath.Join(cache, "hookline/kafka-*/kafka-metadata-*.jar"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("java"); err != nil || len(jars) == 0 {
		t.Skip("needs Java and `hookline apache-kafka --fetch`")
	}
	return filepath.Dir(jars[0]) + "/*"
}

// Kafka's own storage tool reads and checks the whole configuration before it formats a node's folder.
func TestKafkaAcceptsItsConfiguration(t *testing.T) {
	jars := kafkaJars(t)
	both(t, func(t *testing.T, _ string, p *types.Project) {
		ids := map[string]string{}
		for name, s := range p.Services {
			if !strings.HasPrefix(s.Image, "apache/kafka:") {
				continue
			}
			text, dir := properties(s), t.TempDir()
			text = strings.ReplaceAll(text, "/var/lib/kafka/data", dir+"/data")
			file := filepath.Join(dir, "server.properties")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("java", "-cp", jars, "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool",
				"format", "--cluster-id", *s.Environment["CLUSTER_ID"], "--config", file).CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s\n%s", name, err, out, text)
			}
			id := regexp.MustCompile(`(?m)^node.id=(.+)$`).FindStringSubmatch(text)[1]
			if ids[id] != "" {
				t.Errorf("%s and %s are both node %s", name, ids[id], id)
			}
			ids[id] = name
			flushes, replicated := strings.Contains(text, "log.flush.interval.messages=1"), strings.Contains(text, "min.insync.replicas=2")
			if flushes == replicated {
				t.Errorf("%s: an acknowledged record must survive the loss of the broker, by a flush or by replicas: %s", name, text)
			}
		}
		if want := map[bool]int{false: 1, true: 3}[len(p.Services["balancer"].Image) > 0]; len(ids) != want {
			t.Errorf("%d brokers, want %d", len(ids), want)
		}
	})
}

// ClickHouse's files are well-formed, and each variable that they take from the environment is set where they are
// mounted. No server is at hand to load them.
func TestClickHouseFilesGetTheirVariables(t *testing.T) {
	both(t, func(t *testing.T, _ string, p *types.Project) {
		files := 0
		for name, s := range p.Services {
			if !strings.HasPrefix(s.Image, "clickhouse/") {
				continue
			}
			for _, v := range s.Volumes {
				if v.Type != types.VolumeTypeBind {
					continue
				}
				err := filepath.WalkDir(v.Source, func(path string, d os.DirEntry, err error) error {
					if err != nil || filepath.Ext(path) != ".xml" {
						return err
					}
					files++
					for _, variable := range variables(t, path) {
						if value := s.Environment[variable]; value == nil || *value == "" {
							t.Errorf("%s: %s wants %s", name, path, variable)
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		}
		if files < 2 {
			t.Errorf("only %d files", files)
		}
	})
}

// variables are what an XML file takes from the environment.
func variables(t *testing.T, path string) (out []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	decoder, first := xml.NewDecoder(f), ""
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if first == "" {
			first = element.Name.Local
		}
		for _, a := range element.Attr {
			if a.Name.Local == "from_env" {
				out = append(out, a.Value)
			}
		}
	}
	if first != "clickhouse" {
		t.Errorf("%s begins with <%s>", path, first)
	}
	return out
}

// Two replicas and three Keepers, which name each other.
func TestReplicasAndKeepersNameEachOther(t *testing.T) {
	dir := checkout(t)
	p := project(t, dir, nil, "compose.yaml", "compose.ha.yaml")
	keeper, err := os.ReadFile(root + "/compose/clickhouse/server/keeper.xml")
	if err != nil {
		t.Fatal(err)
	}
	replica, err := os.ReadFile(root + "/compose/clickhouse/server/replica.xml")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"1", "2", "3"} {
		s, ok := p.Services["keeper-"+id]
		if !ok || *s.Environment["KEEPER_ID"] != id || s.Hostname != "keeper-"+id {
			t.Errorf("keeper %s: %+v", id, s.Environment)
		}
		if !strings.Contains(string(keeper), "<id>"+id+"</id><hostname>keeper-"+id+"</hostname>") || !strings.Contains(string(replica), "<host>keeper-"+id+"</host>") {
			t.Errorf("keeper-%s is not named", id)
		}
	}
	for _, name := range []string{"clickhouse", "clickhouse-2"} {
		if s := p.Services[name]; *s.Environment["CLICKHOUSE_REPLICA"] != name || s.Hostname != name {
			t.Errorf("%s is the replica %q", name, *s.Environment["CLICKHOUSE_REPLICA"])
		}
	}
	instances := map[string]bool{}
	for _, name := range []string{"processor", "processor-2"} {
		instances[*p.Services[name].Environment["HOOKLINE_INSTANCE"]] = true
	}
	if len(instances) != 2 {
		t.Error("two processors of one name would throw each other out of the group")
	}
}
