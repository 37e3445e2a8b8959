package preview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/local/demo"
	"github.com/hookline-io/hookline/compose/setup"
	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/dashboards/preview/scrape"
	"github.com/hookline-io/hookline/ingest"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/processor"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// demoStack is ingest and the processor, run as the program runs them, between a broker and an engine; the demo's
// vendors; and, where the machine has one, a Prometheus that watches both parts.
type demoStack struct {
	t       *testing.T
	engine  *testkit.EngineProcess
	db      *analytics.DB
	sender  *sender.Sender
	traffic *demo.Traffic
	target  demo.Target
	metrics *Metrics // nil: there is no Prometheus here
	scraped *Metrics // the preview's own
	server  *httptest.Server

	ledger   *demo.Ledger
	accepted []demo.Event

	// restartIngest stops ingest and starts it again: it reports how many deliveries it refused when a minute is over, and
	// when it stops.
	restartIngest func()
}

// sender's answers that the demo expects.
const (
	good   = http.StatusOK
	forged = http.StatusForbidden
)

func newDemo(t *testing.T, assets string) *demoStack {
	t.Helper()
	d := &demoStack{t: t, engine: testkit.Engine(t), traffic: demo.NewTraffic(1, time.Now()), ledger: demo.NewLedger()}
	broker := testkit.Broker(t)
	// What fulfils orders takes all but a few of them.
	fulfilment := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	t.Cleanup(fulfilment.Close)
	file := sampleVendors(t, fulfilment.URL)
	brokers := "--kafka-brokers=" + broker.Addr
	clickhouse := func(user string) string { return "--clickhouse-dsn=" + d.engine.As(t, user) + "/hookline" }
	if err := parsed(t, new(setup.Command), brokers, clickhouse("migrator"), "--zones=UTC,Asia/Tokyo", "--topics-partitions=4").Run(t.Context(), quiet(t)); err != nil {
		t.Fatal(err)
	}
	listen, ingestAdmin, processorAdmin := testkit.FreeAddress(t), testkit.FreeAddress(t), testkit.FreeAddress(t)
	d.target = demo.Target{
		Ingest: "http://" + listen, Vendors: file,
		Kafka: kafka.Options{Brokers: []string{broker.Addr}, TopicPrefix: "webhooks"}, ClickHouse: analytics.Options{DSN: analytics.DSN(d.engine.DSN + "/hookline")},
	}
	d.metrics = prometheusWatching(t, ingestAdmin, processorAdmin)
	d.scraped = scraping(t, ingestAdmin, processorAdmin)
	startIngest := func() (stop func()) {
		return d.run("ingest", ingestAdmin, parsed(t, new(ingest.Command), brokers, "--listen="+listen, "--admin-listen="+ingestAdmin, "--vendors="+file))
	}
	stopIngest := startIngest()
	d.restartIngest = func() { stopIngest(); stopIngest = startIngest() }
	d.run("processor", processorAdmin, parsed(t, new(processor.Command), brokers, clickhouse("writer"), "--admin-listen="+processorAdmin, "--vendors="+file, "--actions-allow=127.0.0.0/8"))

	config, err := vendors.Load(file, vendors.Options{Schemes: signature.Names()})
	if err != nil {
		t.Fatal(err)
	}
	if d.sender, err = sender.New(d.target.Ingest, config, &http.Client{Timeout: 20 * time.Second}); err != nil {
		t.Fatal(err)
	}
	if d.db, err = analytics.Open(t.Context(), d.target.ClickHouse); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.db.Close() })
	d.server = d.preview(assets)
	return d
}

// sampleVendors writes the demo's vendors.yaml, with an action for the first vendor's sales.
func sampleVendors(t *testing.T, forward string) string {
	t.Helper()
	file, err := demo.WriteSample(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const first = "secrets: [file:secrets/acme-pay]\n"
	changed := strings.Replace(string(raw), first, first+"    actions: {charge.refunded: {forward: '"+forward+"', secret: file:secrets/sakura-resale}}\n", 1)
	if changed == string(raw) {
		t.Fatal("the demo's vendors.yaml has another first vendor")
	}
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// runner is a command of the program.
type runner interface {
	Run(ctx context.Context, log *slog.Logger) error
}

// parsed returns the command as it is for these arguments.
func parsed[T runner](t *testing.T, command T, arguments ...string) T {
	t.Helper()
	parser, err := kong.New(command, kong.Writers(io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(arguments); err != nil {
		t.Fatal(err)
	}
	return command
}

func quiet(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
}

// run runs a part until it is stopped or the test ends, and returns once it is ready.
func (d *demoStack) run(name, admin string, part runner) (stop func()) {
	d.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- part.Run(ctx, quiet(d.t)) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			d.t.Errorf("%s ended with %v", name, err)
		}
	})
	d.t.Cleanup(stop)
	testkit.Eventually(d.t, time.Minute, func() error { return answers("http://" + admin + "/readyz") })
	return stop
}

func answers(url string) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}

// prometheusWatching starts a Prometheus that asks the parts every second, or returns nil where there is none.
func prometheusWatching(t *testing.T, admins ...string) *Metrics {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Log("SKIPPED: no prometheus to ask (Debian: apt-get install prometheus): panels that ask it are not tried")
		return nil
	}
	dir, listen := t.TempDir(), testkit.FreeAddress(t)
	config := filepath.Join(dir, "prometheus.yml")
	text := "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: hookline, static_configs: [{targets: ['" + strings.Join(admins, "', '") + "']}]}]\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+listen, "--log.level=error")
	command.Stderr = t.Output()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill() // its data are the test's
		_ = command.Wait()
	})
	testkit.Eventually(t, time.Minute, func() error { return answers("http://" + listen + "/-/ready") })
	metrics, err := OpenMetrics("http://" + listen)
	if err != nil {
		t.Fatal(err)
	}
	return metrics
}

// scraping reads the parts every second in Prometheus' place.
func scraping(t *testing.T, admins ...string) *Metrics {
	t.Helper()
	var targets []string
	for _, admin := range admins {
		targets = append(targets, "http://"+admin+"/metrics")
	}
	store, err := scrape.New(targets, time.Second, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { store.Run(ctx); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	return Scraped(store)
}

func (d *demoStack) preview(assets string) *httptest.Server {
	d.t.Helper()
	boards, err := dashboards.Generate()
	if err != nil {
		d.t.Fatal(err)
	}
	engine, err := Open(d.engine.As(d.t, "grafana") + "/hookline")
	if err != nil {
		d.t.Fatal(err)
	}
	handler, err := Handler(Options{
		Boards: boards, Order: dashboards.UIDs(), Assets: assets, Engine: engine, Metrics: d.metrics, Refresh: 5 * time.Second, Log: slog.New(slog.NewTextHandler(d.t.Output(), nil)),
	})
	if err != nil {
		d.t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	d.t.Cleanup(server.Close)
	return server
}
