package dashboards

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/alerting"
	"github.com/grafana/grafana-foundation-sdk/go/cog"

	"github.com/hookline-io/hookline/dashboards/grafana"
	"github.com/hookline-io/hookline/internal/secret"
)

// GrafanaOptions say which Grafana is meant and where in it.
type GrafanaOptions struct {
	URL     string     `name:"grafana-url" required:"" placeholder:"URL" help:"Address of Grafana 12.1 or later, such as https://grafana.example.com, with the path that it is served under, if any."`
	Token   secret.Ref `name:"grafana-token" required:"" placeholder:"REF" help:"Token of a service account with the role Admin, by reference: env:NAME or file:/path."`
	Folder  string     `name:"grafana-folder" default:"hookline" help:"UID of the folder for boards and alert rules. It is created where there is none."`
	Webhook secret.Ref `name:"alert-webhook" placeholder:"REF" help:"Address that alerts are POSTed to, by reference: env:NAME or file:/path. Without it the rules are there, and where they go is left to Grafana's notification policies."`
}

func (o GrafanaOptions) client() (*grafana.Client, error) {
	token, err := o.Token.Read()
	if err != nil {
		return nil, err
	}
	return grafana.New(o.URL, token)
}

// compare asks Grafana what it has of all that we have.
func (o GrafanaOptions) compare(ctx context.Context, client *grafana.Client) ([]grafana.Change, error) {
	wanted, err := o.wanted()
	if err != nil {
		return nil, err
	}
	return client.Compare(ctx, wanted)
}

func (o GrafanaOptions) wanted() (grafana.Wanted, error) {
	wanted := grafana.Wanted{Folder: grafana.Folder{UID: o.Folder, Title: o.Folder}}
	files, err := Generate()
	if err != nil {
		return wanted, err
	}
	for _, uid := range UIDs() {
		board, err := grafana.NewDocument(json.RawMessage(files[uid+".json"]))
		if err != nil {
			return wanted, err
		}
		wanted.Boards = append(wanted.Boards, board)
	}
	all, err := rules(o.Folder)
	if err != nil {
		return wanted, err
	}
	group := alerting.RuleGroup{
		Title: cog.ToPtr(ruleGroup), FolderUid: &o.Folder, Interval: cog.ToPtr(alerting.Duration(everyMinuteSeconds)), Rules: all,
	}
	if wanted.Rules, err = grafana.NewDocument(group); err != nil || o.Webhook == "" {
		return wanted, err
	}
	address, err := o.Webhook.Read()
	if err != nil {
		return wanted, err
	}
	if wanted.Contact, err = grafana.NewDocument(contactPoint(string(address.Reveal()))); err != nil {
		return wanted, err
	}
	branch, err := policy().ObjectMatchers(alerting.ObjectMatchers{{serviceLabel, "=", service}}).Build()
	if err != nil {
		return wanted, fmt.Errorf("notification policy: %w", err)
	}
	wanted.Policy, err = grafana.NewDocument(branch)
	return wanted, err
}

// DiffCommand is "hookline dashboards diff".
type DiffCommand struct {
	GrafanaOptions `embed:""`
}

// exit is an error that ends the program with a status of its own, as diff(1) does.
type exit struct {
	error
	status int
}

// ExitCode implements kong.ExitCoder.
func (e exit) ExitCode() int { return e.status }

// Unwrap returns the error.
func (e exit) Unwrap() error { return e.error }

// Help shows how to use it.
func (DiffCommand) Help() string {
	return `    hookline dashboards diff --grafana-url=https://grafana.example.com --grafana-token=file:/run/secrets/grafana`
}

// Run prints what push would change, as unified diffs. The exit status is 0 where nothing, 1 where something, 2
// where Grafana could not be asked.
func (c DiffCommand) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

func (c DiffCommand) run(ctx context.Context, out io.Writer) error {
	const different, trouble = 1, 2
	client, err := c.client()
	if err != nil {
		return exit{err, trouble}
	}
	changes, err := c.compare(ctx, client)
	if err != nil {
		return exit{err, trouble}
	}
	differ := 0
	for _, change := range changes {
		if change.Needed() {
			differ++
			fmt.Fprint(out, change.Diff())
		}
	}
	if differ > 0 {
		return exit{fmt.Errorf("%d of %d things differ in Grafana: hookline dashboards push", differ, len(changes)), different}
	}
	return nil
}

// PushCommand is "hookline dashboards push".
type PushCommand struct {
	GrafanaOptions `embed:""`
	DryRun         bool `help:"Only say what would be changed."`
}

// Help says when to use it.
func (PushCommand) Help() string {
	return `For a Grafana whose files are not yours to provision. What is so already is not written, and nothing is deleted. 'hookline dashboards diff' shows the changes first.

    hookline dashboards push --grafana-url=https://grafana.example.com --grafana-token=file:/run/secrets/grafana --dry-run
    hookline dashboards push --grafana-url=https://grafana.example.com --grafana-token=file:/run/secrets/grafana`
}

// Run makes Grafana have what we have, and writes nothing that is so already.
func (c PushCommand) Run(ctx context.Context, log *slog.Logger) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	// A proxy may keep its health to itself; what follows says what else is wrong.
	if version, err := client.Version(ctx); err == nil && doubt(version) != "" {
		log.Warn(doubt(version), "version", version)
	}
	changes, err := c.compare(ctx, client)
	if err != nil {
		return err
	}
	if err := writable(changes); err != nil {
		return err
	}
	missing, err := client.Missing(ctx, []grafana.Source{{UID: ClickHouseUID, Type: ClickHouseType}, {UID: PrometheusUID, Type: prometheusType}})
	if err != nil {
		log.Warn("Grafana's data sources could not be looked at", "err", err)
	}
	for _, problem := range missing {
		log.Warn("boards and rules that need it are empty until it is there: see compose/grafana/provisioning/datasources", "what", problem)
	}
	for _, change := range changes {
		done := "updated"
		switch {
		case !change.Needed():
			log.Info("as it should be", "what", change.Name)
			continue
		case change.New():
			done = "created"
		}
		if c.DryRun {
			log.Info("would be "+done, "what", change.Name)
			continue
		}
		if err := change.Apply(ctx); err != nil {
			return err
		}
		log.Info(done, "what", change.Name)
	}
	return nil
}

// doubt is why boards may not work in a version of Grafana; empty where they do, and where the version is not stated.
func doubt(version string) string {
	const newest = 13 // whose API was read: see docs/adr/0019
	var major, minor int
	switch read, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); {
	case read < 2:
		return ""
	case major < 12 || major == 12 && minor < 1:
		return "boards need Grafana 12.1 or later: before it, the choice of vendors and the units of money do not work"
	case major > newest:
		return "this version of Grafana was not tried: what it refuses may be due to a newer API"
	}
	return ""
}

// writable refuses, before anything is written, to change what files of Grafana's own provisioning manage: Grafana would
// refuse it half-way.
func writable(changes []grafana.Change) error {
	var names []string
	for _, change := range changes {
		if change.Provisioned() && change.Needed() {
			names = append(names, change.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("nothing was written: files of Grafana's own provisioning manage %s. Update those files "+
		"(hookline dashboards generate --out=… --alerting=… writes them), or remove them from Grafana's provisioning, restart it, and push again",
		strings.Join(names, ", "))
}
