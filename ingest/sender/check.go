package sender

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/terminal"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// CheckCommand is `hookline vendor check`.
type CheckCommand struct {
	Vendors        string   `default:"vendors.yaml" type:"path" help:"The vendors' file to check."`
	Vendor         string   `help:"Name of the vendor whose sample the payload is."`
	Header         []string `short:"H" sep:"none" help:"A header the vendor sends, as 'Name: value'; may be repeated. Some vendors state the event's type or ID there."`
	Diff           string   `type:"path" placeholder:"FILE" help:"Another vendors' file, such as the one in use: shows what changes from it to the checked one, for events and money or, with a payload, for that."`
	WithoutSecrets bool     `help:"Check everything but the secrets, which need not be there."`
	Payload        string   `arg:"" optional:"" help:"File with a sample body, or -: shows which events and sales it yields. Nothing is sent."`
}

// Help shows how to use it.
func (*CheckCommand) Help() string {
	return `All mistakes are listed, each with its line. Secrets must be there, for they are read as ingest reads them, unless --without-secrets is given. With a sample, each effect is shown with the place that each of its parts stands at; the exit status is 1 where an event of it would be dead-lettered.

    hookline vendor check --vendors=vendors.yaml
    hookline vendor check --vendor=acme sample.json
    hookline vendor check --vendor=shop -H 'X-Shopify-Topic: orders/paid' order.json
    hookline vendor check --vendors=new.yaml --diff=vendors.yaml`
}

// Run checks the file and, with a payload, shows what becomes of it.
func (c *CheckCommand) Run() error { return c.run(terminal.Writer{Writer: os.Stdout}) }

func (c *CheckCommand) run(w io.Writer) error {
	config, err := vendors.Load(c.Vendors, vendors.Options{Schemes: signature.Names(), WithoutSecrets: c.WithoutSecrets})
	if err != nil {
		return err
	}
	if !c.WithoutSecrets {
		if _, err := New("", config, nil); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "%s is good: %d vendors\n", c.Vendors, len(config.Vendors))
	for _, warning := range append(config.Warnings, signature.Advice(config, "")...) {
		fmt.Fprintln(w, "warning: "+warning)
	}
	var other *vendors.Config
	if c.Diff != "" {
		if other, err = vendors.Load(c.Diff, vendors.Options{Schemes: signature.Names(), WithoutSecrets: true}); err != nil {
			return err
		}
	}
	if c.Payload != "" {
		return c.sample(w, config, other)
	}
	if other != nil {
		diffConfigs(w, other, config)
	}
	return nil
}

// sample shows what becomes of the payload, or what changes for it from other.
func (c *CheckCommand) sample(w io.Writer, config, other *vendors.Config) error {
	vendor, ok := config.Vendors[c.Vendor]
	if !ok {
		return fmt.Errorf("--vendor %q is not in %s", c.Vendor, c.Vendors)
	}
	body, err := readPayload(c.Payload)
	if err != nil {
		return err
	}
	header, err := parseHeaders(c.Header)
	if err != nil {
		return err
	}
	if other != nil {
		diffSample(w, other.Vendors[c.Vendor], vendor, header, body)
		return nil
	}
	bad, err := explainSample(w, vendor, header, body)
	if err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%d of the sample's events would be dead-lettered", bad)
	}
	return nil
}

// ListCommand is `hookline vendor list`.
type ListCommand struct{}

// Run prints the presets, one line each.
func (c *ListCommand) Run() error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PRESET\tSIGNATURE IN\tPROOF\tRETRIES FOR\tCOUNTS")
	for _, p := range vendors.Presets() {
		facts, _ := signature.DescribeSignature(p.Signature) // a test describes every preset
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Name, first(append(facts.Places, facts.Headers...), 1, "the body"), facts.Proof,
			duration(p.Retries), first(p.Sales, 2, "what you say"))
	}
	fmt.Fprintln(w, "docs/vendors.md says more of each.")
	return w.Flush()
}

// first names so many of the texts, and says how many more there are.
func first(texts []string, shown int, none string) string {
	switch {
	case len(texts) == 0:
		return none
	case shown == 1 || len(texts) <= shown:
		return strings.Join(texts[:min(shown, len(texts))], ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(texts[:shown], ", "), len(texts)-shown)
}

// Command is `hookline vendor`.
type Command struct {
	Check CheckCommand `cmd:"" help:"Check vendors.yaml; with a sample payload, show which events and sales it yields."`
	Docs  DocsCommand  `cmd:"" help:"Write docs/vendors.md: the presets and schemes, from what this program does."`
	List  ListCommand  `cmd:"" help:"List the presets: the vendors that hookline knows."`
	Send  SendCommand  `cmd:"" help:"Sign a payload as its vendor would and post it."`
	Sign  SignCommand  `cmd:"" help:"Sign a payload and print the curl command that posts it."`
}
