package checks

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// rig runs hookline's services as Compose would start them, with their commands and environments, as processes of this
// machine. In place of ClickHouse it has one engine of `hookline local`, and in place of Kafka one broker of it, or Apache
// Kafka's with the stack's own configuration where HOOKLINE_TEST_KAFKA says apache. Names of hosts and mounts are replaced.
type rig struct {
	t       *testing.T
	project *types.Project
	dir     string
	broker  string
	engine  string // http://host:port
	tables  string // folder of the engine
	ports   map[string]string
	stores  map[string]func() *exec.Cmd
	running map[string]*exec.Cmd
}

func newRig(t *testing.T, files ...string) *rig {
	t.Helper()
	dir := checkout(t)
	r := &rig{t: t, dir: dir, project: project(t, dir, nil, files...), ports: map[string]string{}, running: map[string]*exec.Cmd{}}
	bin := t.TempDir()
	full := filepath.Join(bin, "hookline")
	build := exec.Command("go", "build", "-o", bin, ".", "./compose/local/engine/hookline-engine")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	vendors := filepath.Join(dir, "compose/config/vendors.yaml")
	text, err := os.ReadFile(vendors)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vendors, []byte(r.local(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	r.engine = "http://" + r.address("clickhouse:8123")
	r.stores = map[string]func() *exec.Cmd{}
	r.tables = t.TempDir()
	r.stores["clickhouse"] = func() *exec.Cmd {
		return exec.Command(full, "engine", "--data-dir", r.tables, "--listen", r.address("clickhouse:8123"), "--listen-native", r.address("clickhouse:9000"))
	}
	if onApache() {
		r.brokers()
	} else {
		log := t.TempDir()
		r.broker = r.address("kafka:9092")
		r.stores["kafka"] = func() *exec.Cmd { return exec.Command(full, "broker", "--data-dir", log, "--listen", r.broker) }
	}
	for name := range r.stores {
		r.start(name)
	}
	r.eventually(time.Minute, func() error {
		_, err := r.query("SELECT 1")
		return err
	})
	r.eventually(time.Minute, func() error {
		if out, err := r.command("setup").CombinedOutput(); err != nil {
			return fmt.Errorf("setup: %v\n%s", err, out)
		}
		return nil
	})
	return r
}

// onApache says whether the brokers are Apache Kafka's, as `make test-kafka` has it.
func onApache() bool { return os.Getenv("HOOKLINE_TEST_KAFKA") == "apache" }

// brokers are Apache Kafka with the environments of the stack's brokers.
func (r *rig) brokers() {
	jars := kafkaJars(r.t)
	var seeds []string
	for name, s := range r.project.Services {
		if !strings.HasPrefix(s.Image, "apache/kafka:") {
			continue
		}
		dir := r.t.TempDir()
		text := regexp.MustCompile(`([\w-]*):(909[23])`).ReplaceAllStringFunc(properties(s), func(at string) string {
			host, port, _ := strings.Cut(at, ":")
			return r.address(cmp.Or(host, name) + ":" + port)
		})
		text = strings.ReplaceAll(text, "/var/lib/kafka/data", dir+"/data")
		file := filepath.Join(dir, "server.properties")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
		java := func(class string, args ...string) *exec.Cmd {
			return exec.Command("java", append([]string{"-cp", jars, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", class}, args...)...)
		}
		if out, err := java("kafka.tools.StorageTool", "format", "--cluster-id", *s.Environment["CLUSTER_ID"], "--config", file).CombinedOutput(); err != nil {
			r.t.Fatalf("%s: %v\n%s\n%s", name, err, out, text)
		}
		r.stores[name] = func() *exec.Cmd { return java("kafka.Kafka", file) }
		seeds = append(seeds, r.address(name+":9092"))
	}
	r.broker = strings.Join(seeds, ",")
}

// address is where what listens at host:port among the containers listens here.
func (r *rig) address(of string) string {
	if r.ports[of] == "" {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			r.t.Fatal(err)
		}
		r.ports[of] = ln.Addr().String()
		ln.Close()
	}
	return r.ports[of]
}

// local replaces the paths of mounts by those of the checkout.
func (r *rig) local(text string) string {
	return strings.NewReplacer(
		"/run/secrets/vendors", filepath.Join(r.dir, "compose/.secrets/vendors"),
		"/run/secrets", filepath.Join(r.dir, "compose/.secrets"),
		"/etc/hookline", filepath.Join(r.dir, "compose/config"),
	).Replace(text)
}

// command is a service's command in its environment.
func (r *rig) command(service string) *exec.Cmd {
	s, ok := r.project.Services[service]
	if !ok {
		r.t.Fatalf("no service %s", service)
	}
	cmd := exec.Command(binary(r.t), s.Command...)
	for name, value := range s.Environment {
		v := r.local(*value)
		switch {
		case name == "HOOKLINE_KAFKA_BROKERS":
			v = r.broker
		case name == "HOOKLINE_CLICKHOUSE_DSN":
			v = "clickhouse://" + login(r.t, s) + "@" + r.address("clickhouse:9000") + "/hookline"
		case name == "HOOKLINE_CLICKHOUSE_PASSWORD":
			v = "file:" + r.password(login(r.t, s))
		case name == "HOOKLINE_CLICKHOUSE_REPLICATED":
			v = "false"
		case strings.HasPrefix(name, "HOOKLINE_TOPICS_") && !onApache():
			v = "1"
		case name == "HOOKLINE_TRUSTED_PROXIES":
			v = "127.0.0.1/32"
		case strings.HasSuffix(name, "LISTEN"):
			v = r.address(service + v)
		}
		cmd.Env = append(cmd.Env, name+"="+v)
	}
	return cmd
}

// login is the user that a service is to ClickHouse.
func login(t *testing.T, s types.ServiceConfig) string {
	t.Helper()
	dsn, err := url.Parse(strings.Split(*s.Environment["HOOKLINE_CLICKHOUSE_DSN"], ",")[0])
	if err != nil {
		t.Fatal(err)
	}
	return dsn.User.Username()
}

// password is the file with the password of a user of the engine.
func (r *rig) password(user string) string {
	return filepath.Join(r.tables, "clickhouse", user+".password")
}

func (r *rig) launch(name string, cmd *exec.Cmd) {
	r.t.Helper()
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.running[name] = cmd
	r.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
		if r.t.Failed() {
			r.t.Logf("%s said: …%s", name, log.Bytes()[max(0, log.Len()-2000):])
		}
	})
}

// start starts a service, and waits until its own health check says that it is ready where it is one of ours.
func (r *rig) start(service string) {
	r.t.Helper()
	if store, ok := r.stores[service]; ok {
		r.launch(service, store())
		return
	}
	r.launch(service, r.command(service))
	check := r.project.Services[service].HealthCheck.Test
	port := check[len(check)-1][strings.LastIndex(check[len(check)-1], ":"):]
	url := "http://" + r.address(service+strings.TrimSuffix(port, "/readyz")) + "/readyz"
	r.eventually(30*time.Second, func() error {
		if out, err := exec.Command(binary(r.t), check[2], url).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %v: %s", service, err, out)
		}
		return nil
	})
}

func (r *rig) signal(service string, s os.Signal) {
	r.t.Helper()
	if err := r.running[service].Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
	_, _ = r.running[service].Process.Wait()
}

func (r *rig) query(sql string) (string, error) {
	password, err := os.ReadFile(r.password("owner"))
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.engine, strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	request.SetBasicAuth("owner", string(password))
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, out)
	}
	return strings.TrimSpace(string(out)), err
}

func (r *rig) eventually(limit time.Duration, cond func() error) {
	r.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := cond()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatal(err)
		}
		<-time.After(50 * time.Millisecond)
	}
}
