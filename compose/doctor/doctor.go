// Package doctor looks at everything that hookline stands on, and says of what is wrong what to do about it. It
// changes nothing.
package doctor

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/secret"
)

// Options say what to look at.
type Options struct {
	Vendors string        `default:"vendors.yaml" type:"path" help:"The vendors' file, and every secret that it refers to."`
	Group   string        `default:"hookline.store" help:"Consumer group of the processors."`
	Timeout time.Duration `default:"10s" help:"Time that each part may take to answer."`
	Skip    []string      `enum:"kafka,clickhouse,vendors,grafana" placeholder:"PART" help:"Parts not to look at, such as those that this machine need not reach: ${enum}."`

	Grafana    GrafanaOptions    `embed:"" prefix:"grafana-"`
	Kafka      kafka.Options     `embed:"" prefix:"kafka-"`
	ClickHouse analytics.Options `embed:"" prefix:"clickhouse-"`

	Now func() time.Time `kong:"-"` // time.Now
}

// GrafanaOptions say where Grafana is. Without a URL it is not looked at.
type GrafanaOptions struct {
	URL   string     `name:"url" placeholder:"URL" help:"Address of Grafana, to look at it too."`
	Token secret.Ref `name:"token" placeholder:"REF" help:"Where a token of a Grafana service account (role Viewer) is kept: env:NAME or file:/path. Without it only Grafana's health is looked at."`
}

// Status is how serious a finding is.
type Status string

// The statuses, from good to bad.
const (
	OK      Status = "ok"
	Unknown Status = "unknown" // it could not be found out; that by itself is no fault
	Warning Status = "warning" // it works, and will not for long, or not as safely as it could
	Failed  Status = "failed"  // it does not work
)

// Finding is what was found of one thing.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	Found  string `json:"found"`
	Fix    string `json:"fix,omitempty"` // what to do
}

// Report is everything that was found.
type Report struct {
	Findings []Finding `json:"findings"`
}

// Failed counts what does not work.
func (r *Report) Failed() (n int) {
	for _, f := range r.Findings {
		if f.Status == Failed {
			n++
		}
	}
	return n
}

func ok(check, found string) Finding           { return Finding{check, OK, found, ""} }
func unknown(check, found string) Finding      { return Finding{check, Unknown, found, ""} }
func warning(check, found, fix string) Finding { return Finding{check, Warning, found, fix} }
func failed(check, found, fix string) Finding  { return Finding{check, Failed, found, fix} }

// Run looks at each part in turn. What cannot be looked at is a finding, too.
func Run(ctx context.Context, log *slog.Logger, o Options) *Report {
	if o.Now == nil {
		o.Now = time.Now
	}
	report := &Report{}
	for _, part := range []struct {
		name string
		look func(context.Context, *slog.Logger, Options) []Finding
	}{
		{"vendors", lookAtVendors},
		{"kafka", lookAtKafka},
		{"clickhouse", lookAtClickHouse},
		{"grafana", lookAtGrafana},
	} {
		if slices.Contains(o.Skip, part.name) {
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, o.Timeout)
		report.Findings = append(report.Findings, part.look(bounded, log, o)...)
		cancel()
	}
	return report
}
