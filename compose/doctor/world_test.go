package doctor_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/doctor"
	"github.com/hookline-io/hookline/compose/setup"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// world is a set-up in which nothing is wrong: kfake with three brokers, a database of its own in ClickHouse's engine,
// a vendors' file and a processor's place in its group.
type world struct {
	*testing.T
	doctor.Options
	engine  *testkit.EngineProcess
	another string // name of a database that nobody has
	cluster *kfake.Cluster
	client  *kgo.Client
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newWorld(t *testing.T, engine *testkit.EngineProcess, database string) *world {
	t.Helper()
	w := &world{T: t, engine: engine}
	var err error
	if w.cluster, err = kfake.NewCluster(kfake.NumBrokers(3)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.cluster.Close)
	w.Vendors = w.keep("vendors.yaml", "vendors:\n  acme:\n    preset: stripe\n    secrets: [file:acme_secret]\n")
	if err := os.WriteFile(filepath.Join(filepath.Dir(w.Vendors), "acme_secret"), []byte("whsec_test"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.Group, w.Timeout = "hookline.store", 20*time.Second
	w.Kafka = kafka.Options{Brokers: w.cluster.ListenAddrs(), TopicPrefix: "webhooks"}
	w.ClickHouse = analytics.Options{
		DSN:      analytics.DSN(strings.Replace(engine.URL, "://", "://"+testkit.Owner+"@", 1) + "/" + database),
		Password: secret.Ref("file:" + engine.PasswordFile(testkit.Owner)),
	}
	if err := setup.Run(t.Context(), discard(), setup.Options{
		SetupOptions: analytics.SetupOptions{Zones: []string{"UTC"}}, Kafka: w.Kafka, ClickHouse: w.ClickHouse,
		Topics: kafka.TopicOptions{Partitions: 2, Replication: 3, Retention: 168 * time.Hour, DeadLetterMaxAge: 2160 * time.Hour},
	}); err != nil {
		t.Fatal(err)
	}
	if w.client, err = w.Kafka.NewClient(discard(), nil, kgo.ConsumerGroup(w.Group), kgo.ConsumeTopics("webhooks.events")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	testkit.Eventually(t, 20*time.Second, func() error {
		if state, err := kafka.DescribeGroup(t.Context(), w.client, w.Group); err != nil || state.Members == 0 {
			return fmt.Errorf("nobody has joined: %+v %w", state, err)
		}
		return nil
	})
	return w
}

// alone makes w a set-up that it shares with no other test: what changes more than options begins with it.
func (w *world) alone() { *w = *newWorld(w.T, w.engine, w.another) }

func (w *world) keep(name, text string) string {
	w.Helper()
	path := filepath.Join(w.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

// sql runs a statement past everything that is under test.
func (w *world) sql(statement string) {
	w.Helper()
	u, err := url.Parse(string(w.ClickHouse.DSN))
	if err != nil {
		w.Fatal(err)
	}
	w.engine.Ask(w.T, strings.Trim(u.Path, "/"), statement)
}

func (w *world) alter(topic, setting, value string) {
	w.Helper()
	_, err := kadm.NewClient(w.client).AlterTopicConfigs(w.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: setting, Value: &value}}, topic)
	if err != nil {
		w.Fatal(err)
	}
}

// inFront puts a proxy before the engine, which changes what is asked or answers itself.
func (w *world) inFront(change func(w http.ResponseWriter, query string) (string, bool)) {
	w.Helper()
	target, err := url.Parse(w.engine.URL)
	if err != nil {
		w.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadGateway)
			return
		}
		query, done := change(rw, string(body))
		if done {
			return
		}
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(query)), int64(len(query))
		r.Header.Del("Content-Encoding")
		proxy.ServeHTTP(rw, r)
	}))
	w.Cleanup(server.Close)
	w.ClickHouse.DSN = analytics.DSN(strings.Replace(string(w.ClickHouse.DSN), strings.TrimPrefix(w.engine.URL, "http://"), strings.TrimPrefix(server.URL, "http://"), 1))
}
