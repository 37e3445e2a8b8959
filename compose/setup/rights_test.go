package setup_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/setup"
	"github.com/hookline-io/hookline/ingest"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/processor"
	"github.com/hookline-io/hookline/processor/audit"
	"github.com/hookline-io/hookline/processor/deadletter"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// rights are those of docs/security.md, a line for each user: what it may do, and with which topics or groups.
const rights = `
ingest    topic   write     webhooks.events webhooks.rejections
processor topic   read      webhooks.events webhooks.rejections webhooks.events.retry webhooks.events.dlq
processor topic   write     webhooks.events.retry webhooks.events.dlq
processor group   read      hookline.store hookline.outcomes hookline.actions hookline.alerts
setup     topic   create    webhooks.events webhooks.events.retry webhooks.events.dlq webhooks.rejections
audit     topic   read      webhooks.events webhooks.rejections webhooks.events.retry webhooks.events.dlq
audit     topic   write     webhooks.events webhooks.events.retry
audit     group   describe  hookline.store
`

func users(t *testing.T) []kfake.Opt {
	t.Helper()
	acls := map[string][]kfake.ACL{}
	for line := range strings.Lines(strings.TrimSpace(rights)) {
		f := strings.Fields(line)
		for _, name := range f[3:] {
			acls[f[0]] = append(acls[f[0]], kfake.ACL{
				Resource:  map[string]kmsg.ACLResourceType{"topic": kmsg.ACLResourceTypeTopic, "group": kmsg.ACLResourceTypeGroup}[f[1]],
				Operation: map[string]kmsg.ACLOperation{"read": kmsg.ACLOperationRead, "write": kmsg.ACLOperationWrite, "create": kmsg.ACLOperationCreate, "describe": kmsg.ACLOperationDescribe}[f[2]],
				Name:      name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Allow: true,
			})
		}
	}
	opts := []kfake.Opt{kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("SCRAM-SHA-256", "admin", "admin")}
	for user, list := range acls {
		opts = append(opts, kfake.User("SCRAM-SHA-256", user, "right", list...))
	}
	return opts
}

// command returns T as the command line makes it.
func command[T any](t *testing.T, args ...string) *T {
	t.Helper()
	c := new(T)
	parser, err := kong.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return c
}

// Each part works with the rights that docs/security.md gives it, and ingest's user can do nothing else.
func TestEachPartNeedsNoMoreThanItsRights(t *testing.T) {
	cluster, err := kfake.NewCluster(users(t)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	engine := testkit.Engine(t)
	dir := t.TempDir()
	keep := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	password := "file:" + keep("password", "right")
	file := keep("vendors.yaml", "vendors:\n  acme:\n    preset: hub\n    secrets: [file:secret]\n    sales:\n      paid: {effect: sale, key: id, amount: amount, unit: major, currency: {const: EUR}}\n")
	keep("secret", "a secret for tests")
	as := func(user string, more ...string) []string {
		return append([]string{"--kafka-brokers=" + cluster.ListenAddrs()[0], "--kafka-sasl=scram-sha-256", "--kafka-user=" + user, "--kafka-password=" + password}, more...)
	}
	clickhouse := func(user string) string { return "--clickhouse-dsn=" + engine.As(t, user) + "/hookline" }
	store, look := clickhouse("writer"), clickhouse("migrator")
	log := slog.New(slog.DiscardHandler)

	if err := command[setup.Command](t, as("ingest", look)...).Run(t.Context(), log); err == nil {
		t.Error("ingest's user may create topics")
	}
	if err := command[setup.Command](t, as("setup", look)...).Run(t.Context(), log); err != nil {
		t.Fatalf("setup: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	listen := testkit.FreeAddress(t)
	go func() {
		ended <- command[ingest.Command](t, as("ingest", "--vendors="+file, "--listen="+listen, "--admin-listen=127.0.0.1:0")...).Run(ctx, log)
	}()
	go func() {
		ended <- command[processor.Command](t, as("processor", "--vendors="+file, "--admin-listen=127.0.0.1:0", "--session-timeout=25s", store)...).Run(ctx, log)
	}()
	config, err := vendors.Load(file, vendors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	vendor, err := sender.New("http://"+listen, config, &http.Client{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{`{"id":"evt_1","type":"paid","amount":"1.00"}`, `{"id":"evt_2","type":"paid","amount":"poison"}`} {
		d, err := vendor.Sign(sender.Delivery{Vendor: "acme", Body: []byte(body)}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, 20*time.Second, func() error {
			if answer, err := vendor.Post(t.Context(), d); err != nil || answer.Status != http.StatusOK {
				return fmt.Errorf("%d %s %w", answer.Status, answer.Body, err)
			}
			return nil
		})
	}
	// Forged: ingest reports it on its topic when it ends.
	if resp, err := http.Post("http://"+listen+"/webhooks/acme", "application/json", strings.NewReader("{}")); err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("a forged delivery: %v %v", resp, err)
	}
	db, err := analytics.Open(t.Context(), analytics.Options{DSN: analytics.DSN(engine.DSN + "/hookline")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	testkit.Eventually(t, 30*time.Second, func() error {
		n, err := db.CountEvents(t.Context())
		if err == nil && n != 2 {
			err = fmt.Errorf("%d events stored, want 2", n)
		}
		return err
	})
	testkit.Eventually(t, 20*time.Second, func() error {
		return command[audit.Command](t, as("audit", look, "--records=1m")...).Run(t.Context(), log)
	})
	testkit.Eventually(t, 20*time.Second, func() error {
		return command[deadletter.RedriveCommand](t, as("audit", store)...).Run(t.Context(), log)
	})
	stop()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
