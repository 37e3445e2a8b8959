// Package ingest is the vendors' side of hookline: signed HTTP deliveries in, events on Kafka out. A delivery is
// answered with 200 only once all in-sync replicas have every event of it (invariant 1).
package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/certificate"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/service"
	"github.com/hookline-io/hookline/internal/trace"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Options configure ingest.
type Options struct {
	Listen         string        `default:":8080" help:"Address that vendors POST to."`
	Vendors        string        `default:"vendors.yaml" type:"path" help:"Who may send, and how each signs. Read again on SIGHUP."`
	PublicURL      string        `help:"Scheme and host that vendors have, such as https://hooks.example.com, where it is not what the request says; some schemes sign the URL."`
	MaxBody        int64         `default:"1048576" help:"Largest accepted body in bytes."`
	ReadTimeout    time.Duration `default:"10s" help:"Time a vendor has to send a whole request."`
	EnqueueTimeout time.Duration `default:"2500ms" help:"Time Kafka has to acknowledge before the vendor gets 500. Keep it below the vendors' own time limits; the strictest known is Slack's 3 s."`
	Linger         time.Duration `default:"1ms" help:"Time an event waits for others to go to Kafka with it, which saves up to half of the processor time; 0 for none."`
	MaxWaiting     int           `default:"20000" help:"Events that may wait for Kafka's acknowledgement; further deliveries get 503."`
	DrainDelay     time.Duration `default:"0s" help:"Time between saying not-ready and closing the listener, for load balancers to notice."`
	DrainTimeout   time.Duration `default:"10s" help:"Time that deliveries in flight have to finish when stopping."`

	TLS    TLSOptions           `embed:"" prefix:"tls-"`
	Limits LimitOptions         `embed:""`
	Kafka  kafka.Options        `embed:"" prefix:"kafka-"`
	Admin  service.AdminOptions `embed:"" prefix:"admin-" set:"admin_listen=127.0.0.1:9081"`
}

// TLSOptions are the flags of a listener that has TLS of its own, where no load balancer has it.
type TLSOptions struct {
	Cert string `name:"cert" type:"path" placeholder:"PATH" help:"PEM file of our certificate, with those between it and its authority: vendors then POST to https. Read again when it is replaced."`
	Key  string `name:"key" type:"path" placeholder:"PATH" help:"PEM file of the certificate's private key."`
}

// Command is `hookline ingest`.
type Command struct {
	Options `embed:""`
}

// Help says what it needs and how it is spoken to.
func (*Command) Help() string {
	return `Needs Kafka's topics ('hookline setup') and vendors.yaml, and listens at two addresses: vendors POST to http://HOST:8080/webhooks/NAME, and the admin listener answers /readyz, /livez and /metrics.

    hookline ingest --vendors=vendors.yaml --kafka-brokers=kafka-1:9092,kafka-2:9092

SIGHUP has it read vendors.yaml and the secrets again; a file with a mistake changes nothing and the log says what is wrong. SIGTERM stops it once what is in flight has been answered.`
}

// Run implements the command.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	return Run(ctx, log, c.Options)
}

// Run serves vendors until ctx is done, then finishes the deliveries in flight.
func Run(ctx context.Context, log *slog.Logger, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	if warning := o.Limits.fitFiles(); warning != "" {
		log.Warn(warning)
	}
	s := &server{
		log: log, maxBody: o.MaxBody, publicURL: o.PublicURL, now: time.Now, certs: signature.NewCertClient(nil, nil), confirms: newConfirms(), seldom: rate.Sometimes{Interval: time.Second},
		memory: &memoryLimiter{maxDeliveries: o.Limits.MaxDeliveries, maxBytes: o.Limits.MaxInflight, trusted: o.Limits.TrustedProxies},
	}
	var client *kgo.Client
	admin := service.NewAdmin(func(ctx context.Context) error {
		if s.stopping.Load() {
			return errors.New("stopping")
		}
		return o.Kafka.Ping(ctx, client)
	})
	s.metrics = newMetrics(admin.Registry)
	if err := s.load(o.Vendors); err != nil {
		return err
	}
	ln, err := service.Listen("ingest", o.Listen, "--listen")
	if err != nil {
		return err
	}
	var pair *certificate.Server
	if o.TLS != (TLSOptions{}) {
		if pair, err = certificate.NewServer(o.TLS.Cert, o.TLS.Key, log); err != nil {
			return errors.Join(err, ln.Close())
		}
		ln = tls.NewListener(ln, pair.Config())
	}
	adminLn, err := service.Listen("ingest's admin listener", o.Admin.Listen, "--admin-listen")
	if err != nil {
		return errors.Join(err, ln.Close())
	}

	client, err = o.Kafka.NewClient(log, kafka.Named(admin.Registry, "ingest"), o.producer()...)
	if err != nil {
		return errors.Join(err, ln.Close(), adminLn.Close())
	}
	defer client.Close()
	if err := o.Kafka.CheckAccess(ctx, log, client); err != nil {
		return errors.Join(err, ln.Close(), adminLn.Close())
	}
	traces, err := trace.FromEnv(ctx, log, "hookline-ingest")
	if err != nil {
		return errors.Join(err, ln.Close(), adminLn.Close())
	}
	s.tracer = tracer{traces}
	s.queue = &enqueuer{
		client: client, topic: o.Kafka.Topics().Events, timeout: o.EnqueueTimeout, metrics: s.metrics, tracer: s.tracer,
		maxEvents: int64(o.MaxWaiting), maxBytes: o.Limits.MaxInflight,
	}
	s.rejections = newRejections(client, o.Kafka.Topics().Rejections, log)
	s.guard = newGuard(o.Limits, s.metrics.closed, s.metrics.evicted, log)
	watch(admin.Registry, s.guard, s.memory, pair)

	group, running := errgroup.WithContext(ctx)
	adminCtx, stopAdmin := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error {
		defer stopAdmin() // last, so that operators can watch the drain
		return s.serve(running, ln, o)
	})
	group.Go(func() error { return admin.Serve(adminCtx, adminLn, o.Admin.Hosts) })
	group.Go(func() error { return service.OnHangup(running, func() { s.reload(o.Vendors) }) })
	group.Go(func() error { return s.rejections.run(running) })
	group.Go(func() error {
		s.guard.run(running)
		return nil
	})
	log.Info("ingest is listening", "address", ln.Addr().String(), "tls", pair != nil, "admin", adminLn.Addr().String(), "vendors", len(*s.sources.Load()))
	err = group.Wait()
	s.rejections.stop(context.WithoutCancel(ctx))
	err = errors.Join(err, traces.Close(ctx))
	log.Info("ingest stopped")
	return err
}

// maxBodyLimit leaves room for the headers of an event in its record.
const maxBodyLimit = kafka.MaxRecordBytes - 64<<10

// check refuses options under which some deliveries could never be accepted.
func (o *Options) check() error {
	if o.MaxBody > maxBodyLimit {
		return fmt.Errorf("--max-body %d: at most %d, so that an event with its headers fits into a record", o.MaxBody, maxBodyLimit)
	}
	if o.Limits.MaxInflight > 0 && o.Limits.MaxInflight <= o.MaxBody {
		return fmt.Errorf("--max-inflight %d: there must be room for more than one body of --max-body %d", o.Limits.MaxInflight, o.MaxBody)
	}
	return nil
}

// producer bounds what waits for Kafka, in events and in bytes.
func (o *Options) producer() []kgo.Opt {
	opts := append(kafka.ProducerOptions(), kgo.ProducerLinger(o.Linger), kgo.MaxBufferedRecords(o.MaxWaiting), kgo.RecordDeliveryTimeout(o.EnqueueTimeout))
	if o.Limits.MaxInflight > 0 {
		opts = append(opts, kgo.MaxBufferedBytes(int(o.Limits.MaxInflight)))
	}
	return opts
}

// load reads the vendors' file and puts it in force, all of it or nothing.
func (s *server) load(path string) error {
	config, err := vendors.Load(path, vendors.Options{Schemes: signature.Names()})
	if err != nil {
		return err
	}
	for _, warning := range config.Warnings {
		s.log.Warn("vendors: " + warning)
	}
	for _, advice := range signature.Advice(config, s.publicURL) {
		s.log.Warn("vendors: " + advice)
	}
	sources, err := newSources(config, s.certs, s.metrics)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	s.sources.Store(&sources)
	return nil
}

// reload loads the vendors' file again. A bad file changes nothing, and the log says so.
func (s *server) reload(path string) {
	if err := s.load(path); err != nil {
		s.log.Error("vendors not reloaded: the ones in force stay", "err", err)
		return
	}
	s.log.Info("vendors reloaded", "vendors", len(*s.sources.Load()))
}
