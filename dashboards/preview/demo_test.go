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
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/local/demo"
	"github.com/hookline-io/hookline/compose/setup"
	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/ingest"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/ingest/verify"
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
	metrics *Metrics // nil: there is no Prometheus here
	server  *httptest.Server

	ledger   *demo.Ledger
	accepted []demo.Event

	// restartIngest stops ingest and starts it anew: it tells how many deliveries it refused when a minute is over, and
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
	kafka, clickhouse := "--kafka-brokers="+broker.Addr, "--clickhouse-dsn="+d.engine.DSN+"/hookline"
	if err := parsed(t, new(setup.Command), kafka, clickhouse, "--zones=UTC,Asia/Tokyo", "--topics-partitions=4").Run(t.Context(), quiet(t)); err != nil {
		t.Fatal(err)
	}
	listen, ingestAdmin, processorAdmin := testkit.FreeAddress(t), testkit.FreeAddress(t), testkit.FreeAddress(t)
	d.metrics = prometheusWatching(t, ingestAdmin, processorAdmin)
	startIngest := func() (stop func()) {
		return d.run("ingest", ingestAdmin, parsed(t, new(ingest.Command), kafka, "--listen="+listen, "--admin-listen="+ingestAdmin, "--vendors="+file))
	}
	stopIngest := startIngest()
	d.restartIngest = func() { stopIngest(); stopIngest = startIngest() }
	d.run("processor", processorAdmin, parsed(t, new(processor.Command), kafka, clickhouse, "--admin-listen="+processorAdmin, "--vendors="+file, "--actions-allow=127.0.0.0/8"))

	config, err := vendors.Load(file, vendors.Options{Schemes: verify.Names()})
	if err != nil {
		t.Fatal(err)
	}
	if d.sender, err = sender.New("http://"+listen, config, &http.Client{Timeout: 20 * time.Second}); err != nil {
		t.Fatal(err)
	}
	if d.db, err = analytics.Open(t.Context(), analytics.Options{DSN: analytics.DSN(d.engine.DSN + "/hookline")}); err != nil {
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

func (d *demoStack) preview(assets string) *httptest.Server {
	d.t.Helper()
	boards, err := dashboards.Generate()
	if err != nil {
		d.t.Fatal(err)
	}
	engine, err := Open(d.engine.DSN + "/hookline")
	if err != nil {
		d.t.Fatal(err)
	}
	handler, err := Handler(Options{
		Boards: boards, Order: dashboards.UIDs(), Assets: assets, Engine: engine, Metrics: d.metrics, Log: slog.New(slog.NewTextHandler(d.t.Output(), nil)),
	})
	if err != nil {
		d.t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	d.t.Cleanup(server.Close)
	return server
}

// send makes n deliveries, one in 20 of them repeated and one in 100 forged, as fast as it goes or at a rate.
func (d *demoStack) send(n int, next func() demo.Event, limit rate.Limit) {
	d.t.Helper()
	const again, bad, workers = 20, 100, 8
	group, ctx := errgroup.WithContext(d.t.Context())
	group.SetLimit(workers)
	limiter := rate.NewLimiter(limit, 1)
	for i := range n {
		event := next()
		d.accepted = append(d.accepted, event)
		d.ledger.Accepted(event)
		if err := limiter.Wait(ctx); err != nil {
			break
		}
		group.Go(func() error {
			if i%bad == 0 {
				if err := d.post(ctx, event, true); err != nil {
					return err
				}
			}
			if i%again == 0 {
				if err := d.post(ctx, event, false); err != nil {
					return err
				}
			}
			return d.post(ctx, event, false)
		})
	}
	if err := group.Wait(); err != nil {
		d.t.Fatal(err)
	}
}

// trickle makes two deliveries a second, of what happens now and every fourth of them forged, until it is told to stop.
func (d *demoStack) trickle() (stop func()) {
	ctx, cancel := context.WithCancel(d.t.Context())
	ended := make(chan error, 1)
	go func() {
		limit := rate.NewLimiter(2, 1)
		for i := 0; limit.Wait(ctx) == nil; i++ {
			if err := d.post(ctx, d.traffic.Live(time.Now()), i%4 == 0); err != nil && ctx.Err() == nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			d.t.Error(err)
		}
	}
}

// post makes one delivery and wants it taken, or refused where it is forged.
func (d *demoStack) post(ctx context.Context, event demo.Event, bad bool) error {
	signed, err := d.sender.Sign(sender.Delivery{Vendor: event.Vendor, ID: event.ID, Header: event.Header, Body: event.Body}, time.Now())
	if err != nil {
		return err
	}
	want := good
	if bad {
		signed.Body, want = append([]byte{' '}, signed.Body...), forged
	}
	answer, err := d.sender.Post(ctx, signed)
	if err != nil {
		return err
	}
	if answer.Status != want {
		return fmt.Errorf("%s was answered with %d, want %d: %s", event.ID, answer.Status, want, answer.Body)
	}
	return nil
}

// poison sends an event that is signed as it should be and whose amount is no number.
func (d *demoStack) poison() {
	d.t.Helper()
	event := demo.Event{Vendor: "gulf-market", ID: "poison", Body: []byte(`{"id":"poison","event":"order.paid","paid_at":"2026-11-01T00:00:00Z","order":{"id":"o","total":"much","currency":"KWD"}}`)}
	if err := d.post(d.t.Context(), event, false); err != nil {
		d.t.Fatal(err)
	}
}

// settle waits until all that was sent is in the views.
func (d *demoStack) settle() {
	d.t.Helper()
	const patience = 4 * time.Minute // the rollup of vendors takes a few months at a time
	testkit.Eventually(d.t, patience, func() error {
		if stored, err := d.db.CountEvents(d.t.Context()); err != nil || stored < d.ledger.Events() {
			return fmt.Errorf("%d of %d events are stored (%w)", stored, d.ledger.Events(), err)
		}
		if state, err := d.db.RollupState(d.t.Context()); err != nil || state.Pending > 0 {
			return fmt.Errorf("the rollup is behind: %+v (%w)", state, err)
		}
		return nil
	})
	settleVendors(d.t, d.engine)
	testkit.Eventually(d.t, patience, func() error {
		if ask(d.t, d.engine, `SELECT count() FROM rejections`) == "0" || ask(d.t, d.engine, `SELECT count() FROM action_results`) == "0" {
			return errors.New("refused deliveries or results of actions are missing")
		}
		return nil
	})
}
