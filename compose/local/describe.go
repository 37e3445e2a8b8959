package local

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hookline-io/hookline/compose/clickhouse"
	"github.com/hookline-io/hookline/compose/local/engine"
	"github.com/hookline-io/hookline/internal/terminal"
)

// The sale to try the stack with is of the sample's plainest vendor.
const (
	sampleVendor = "gulf-market"
	sampleFile   = "sale.json"
)

// writeSampleSale writes a sale to send, in the currency that boards of the sample vendors open with. It is another one at
// each start: one and the same counts only once.
func writeSampleSale(dir string) error {
	now := time.Now()
	id := strconv.FormatInt(now.UnixMilli(), 36)
	text, err := json.MarshalIndent(map[string]any{
		"id": "first_" + id, "event": "order.paid", "paid_at": now.UTC().Format(time.RFC3339),
		"order": map[string]any{"id": "order_" + id, "total": "1234.50", "currency": "USD"},
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("write a sale to try: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, sampleFile), text, 0o600); err != nil {
		return fmt.Errorf("write a sale to try: %w", err)
	}
	return nil
}

// describe says where everything is and how to try it.
func (s *Stack) describe(o *Options) {
	w, p := o.Out, s.Ports
	program, vendors := shorten(o.Program), shorten(s.Vendors)
	fmt.Fprintf(w, "\nhookline is ready (%.1f s). Ctrl-C stops it.\n\n", s.Started.Seconds())
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, row := range [][2]string{
		{"vendors post to", url(p.Ingest) + "/webhooks/{vendor}"},
		{"sales per month", url(p.Preview)},
		{"ClickHouse", "clickhouse://analyst@" + address(p.Native) + "/hookline, " + url(p.ClickHouse)},
		{"its users", strings.Join(append(clickhouse.Users(), engine.Owner), ", ")},
		{"their passwords", shorten(engine.PasswordFile(o.secrets(), "USER"))},
		{"Kafka", address(p.Kafka)},
		{"ingest, admin", url(p.IngestAdmin) + "/readyz, /metrics"},
		{"processor, admin", url(p.ProcessorAdmin) + "/readyz, /metrics"},
		{"vendors and secrets", vendors},
		{"data", shorten(o.DataDir)},
	} {
		fmt.Fprintf(table, "  %s\t%s\n", row[0], row[1])
	}
	_ = table.Flush()
	s.describeCommands(o)
	program, vendors = terminal.Word(program), terminal.Word(vendors)
	sale := terminal.Word(shorten(filepath.Join(o.DataDir, sampleFile)))
	if filepath.Dir(s.Vendors) != o.DataDir {
		fmt.Fprintf(w, "\nSend a payload as one of your vendors would:\n\n  %s vendor send --vendors %s --to %s --vendor NAME payload.json\n\n", program, vendors, url(p.Ingest))
		return
	}
	// The signature is computed where the line is run, so that neither it nor the secret is printed.
	fmt.Fprintf(w, `
Send a sale, as a vendor would:

  curl -sS '%s/webhooks/%s' --data-binary @%s \
    -H 'Content-Type: application/json' \
    -H "X-Hub-Signature-256: sha256=$(openssl dgst -sha256 -hmac "$(cat %s)" -r %s | cut -c1-64)"

or, with any vendor's way to sign:

  %s vendor send --vendors %s --to %s --vendor %s %s

`, url(p.Ingest), sampleVendor, sale, terminal.Word(shorten(filepath.Join(o.DataDir, "secrets", sampleVendor))), sale, program, vendors, url(p.Ingest), sampleVendor, sale)
}

// describeCommands prints what looks after the stack, with the environment that it needs.
func (s *Stack) describeCommands(o *Options) {
	writer := o.ClickHouse("writer", s.Ports.Native)
	fmt.Fprintf(o.Out, `
Look after it:

  export HOOKLINE_KAFKA_BROKERS=%s HOOKLINE_VENDORS=%s
  export HOOKLINE_CLICKHOUSE_DSN=%s HOOKLINE_CLICKHOUSE_PASSWORD=%s
  %[5]s doctor
  %[5]s audit
  %[5]s dlq list
`, address(s.Ports.Kafka), terminal.Word(s.Vendors), terminal.Word(string(writer.DSN)), terminal.Word(string(writer.Password)), terminal.Word(shorten(o.Program)))
}

// shorten returns path as it is seen from the working folder, where that is below it.
func shorten(path string) string {
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	relative, err := filepath.Rel(dir, path)
	if err != nil || !filepath.IsLocal(relative) {
		return path
	}
	return relative
}
