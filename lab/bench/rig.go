package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hookline-io/hookline/compose/local/engine"
	"github.com/hookline-io/hookline/compose/local/packages"
	"github.com/hookline-io/hookline/compose/local/supervise"
	"github.com/hookline-io/hookline/internal/kafka"
)

// rig is where one section runs: processes over a folder of their own.
type rig struct {
	program          string
	dir              string
	measured, beside cores
	log              *slog.Logger
	running          []*process
	kafka            kafka.Options // of the broker, once it runs
	http, native     string        // addresses of the engine, once it runs
	vendors          string        // path of vendors.yaml
	secret           []byte        // of its vendors
	run              string        // what the IDs of its events begin with
}

// The vendors that the bench posts as: they sign as Stripe does, and their charges are sales. The load is of one, and
// the events that are watched on their way are of the other.
const (
	vendor = "bench"
	probe  = "probe"
)

// newRig makes a folder with a vendors.yaml. Close it.
func (b *bench) newRig() (*rig, error) {
	dir, err := os.MkdirTemp("", "hookline-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	r := &rig{program: b.Hookline, dir: dir, measured: b.measured, beside: b.beside, log: b.log, vendors: filepath.Join(dir, "vendors.yaml")}
	r.secret, r.run = []byte(rand.Text()), strings.ToLower(rand.Text()[:8])
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, r.secret, 0o600); err != nil {
		return nil, fmt.Errorf("write the vendor's secret: %w", err)
	}
	var text strings.Builder
	text.WriteString("vendors:\n")
	for _, name := range []string{vendor, probe} {
		fmt.Fprintf(&text, "  %s: {preset: stripe, secrets: [%q]}\n", name, "file:"+secret)
	}
	if err := os.WriteFile(r.vendors, []byte(text.String()), 0o600); err != nil {
		return nil, fmt.Errorf("write vendors.yaml: %w", err)
	}
	return r, nil
}

// close ends all processes and removes the folder, unless what happened in it is an error to look into.
func (r *rig) close(failed bool) {
	for i := len(r.running) - 1; i >= 0; i-- {
		r.running[i].stop()
	}
	if failed {
		r.log.Info("the logs are kept", "dir", r.dir)
		return
	}
	if err := os.RemoveAll(r.dir); err != nil {
		r.log.Warn("the bench's folder is still there", "dir", r.dir, "err", err)
	}
}

// startBroker starts Kafka with hookline's topics.
func (r *rig) startBroker(ctx context.Context) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	r.kafka = kafka.Options{Brokers: []string{address}, TopicPrefix: "webhooks"}
	if _, err := r.start(ctx, r.beside, supervise.TCP(address), "broker", "--listen="+address, "--data-dir="+filepath.Join(r.dir, "broker")); err != nil {
		return err
	}
	client, err := r.kafka.NewClient(r.log, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = kafka.CreateTopics(ctx, client, r.kafka, kafka.TopicOptions{Partitions: 12, Replication: 1, Retention: 24 * time.Hour, DeadLetterMaxAge: 24 * time.Hour})
	return err
}

// startEngine starts ClickHouse's engine, at the address that it had if it ran before.
func (r *rig) startEngine(ctx context.Context) (*process, error) {
	assets, err := packages.Ensure(ctx, r.log)
	if err != nil {
		return nil, err
	}
	for _, address := range []*string{&r.http, &r.native} {
		if *address != "" {
			continue
		}
		if *address, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	return r.start(ctx, r.beside, supervise.HTTP("http://"+r.http+"/ping"), "engine",
		"--listen="+r.http, "--listen-native="+r.native, "--data-dir="+filepath.Join(r.dir, "engine"), "--library="+assets.LibChdb())
}

// login are the flags of a part that uses ClickHouse as a user, with parameters of the DSN such as "?compress=lz4".
func (r *rig) login(user, parameters string) []string {
	return []string{
		"--clickhouse-dsn=clickhouse://" + user + "@" + r.native + "/hookline" + parameters,
		"--clickhouse-password=file:" + r.passwordFile(user),
	}
}

func (r *rig) passwordFile(user string) string {
	return engine.PasswordFile(filepath.Join(r.dir, "engine", "clickhouse"), user)
}

// ask has the engine answer a query with one value.
func (r *rig) ask(ctx context.Context, query string) (string, error) {
	password, err := os.ReadFile(r.passwordFile(engine.Owner))
	if err != nil {
		return "", fmt.Errorf("ask ClickHouse: %w", err)
	}
	text, err := get(ctx, "http://"+r.http+"/?"+url.Values{"database": {"hookline"}, "query": {query}, "user": {engine.Owner}, "password": {string(password)}}.Encode())
	if err != nil {
		return "", fmt.Errorf("ask ClickHouse: %w", err)
	}
	return strings.TrimSpace(text), nil
}

// startIngest starts what vendors post to, and returns its address.
func (r *rig) startIngest(ctx context.Context) (p *process, address string, err error) {
	return r.startServer(ctx, "ingest", "--kafka-brokers="+r.kafka.Brokers[0], "--vendors="+r.vendors)
}

// startProcessor starts what stores events, with parameters of ClickHouse's DSN.
func (r *rig) startProcessor(ctx context.Context, parameters string, args ...string) (*process, error) {
	args = append(args, "--kafka-brokers="+r.kafka.Brokers[0], "--vendors="+r.vendors)
	return r.startMeasured(ctx, "processor", append(args, r.login("writer", parameters)...)...)
}

// startFloor starts the bare handler that ingest is compared with.
func (r *rig) startFloor(ctx context.Context) (p *process, address string, err error) {
	return r.startServer(ctx, httpFloor)
}

func (r *rig) startServer(ctx context.Context, name string, args ...string) (p *process, address string, err error) {
	if address, err = freeAddress(); err != nil {
		return nil, "", err
	}
	p, err = r.startMeasured(ctx, name, append(args, "--listen="+address)...)
	return p, address, err
}

// startMeasured starts a part that has an admin listener on the core of what is measured.
func (r *rig) startMeasured(ctx context.Context, name string, args ...string) (*process, error) {
	admin, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := r.start(ctx, r.measured, supervise.HTTP("http://"+admin+"/readyz"), name, append(args, "--admin-listen="+admin)...)
	if err != nil {
		return nil, err
	}
	p.admin = "http://" + admin
	return p, nil
}

// during measures p while do runs. It returns what p used, and for how long.
func (p *process) during(ctx context.Context, do func() error) (used usage, took time.Duration, err error) {
	before, err := p.usage(ctx)
	if err != nil {
		return usage{}, 0, err
	}
	if err := do(); err != nil {
		return usage{}, 0, err
	}
	after, err := p.usage(ctx)
	if err != nil {
		return usage{}, 0, err
	}
	return usage{cpu: after.cpu - before.cpu, mallocs: after.mallocs - before.mallocs}, after.at.Sub(before.at), nil
}
