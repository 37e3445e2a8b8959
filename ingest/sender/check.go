package sender

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hookline-io/hookline/ingest/verify"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// CheckCommand is `hookline vendor check`.
type CheckCommand struct {
	Vendors string   `default:"vendors.yaml" type:"path" help:"The vendors' file to check."`
	Vendor  string   `help:"Name of the vendor whose sample the payload is."`
	Header  []string `short:"H" sep:"none" help:"A header the vendor sends, as 'Name: value'; may be repeated. Some vendors state the event's type or ID there."`
	Payload string   `arg:"" optional:"" help:"File with a sample body, or -: shows which events and sales it yields. Nothing is sent."`
}

// Help shows how to use it.
func (*CheckCommand) Help() string {
	return `All mistakes are listed, each with its line. Secrets must be there, for they are read as ingest reads them.

    hookline vendor check --vendors=vendors.yaml
    hookline vendor check --vendor=acme sample.json
    hookline vendor check --vendor=shop -H 'X-Shopify-Topic: orders/paid' order.json`
}

// Run checks the file and, with a payload, shows what becomes of it.
func (c *CheckCommand) Run() error {
	config, err := vendors.Load(c.Vendors, vendors.Options{Schemes: verify.Names()})
	if err != nil {
		return err
	}
	if _, err := New("", config, nil); err != nil {
		return err
	}
	fmt.Printf("%s is good: %d vendors\n", c.Vendors, len(config.Vendors))
	for _, warning := range append(config.Warnings, weaklyProven(config)...) {
		fmt.Println("warning: " + warning)
	}
	if c.Payload == "" {
		return nil
	}
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
	events, err := vendor.Identify(nil, header, body)
	if err != nil {
		return err
	}
	for _, e := range events {
		explain(os.Stdout, vendor, e)
	}
	return nil
}

// weaklyProven warns of the vendors whose signatures vouch for less than the body, or not for what an event is.
func weaklyProven(config *vendors.Config) []string {
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(config.Vendors)) {
		facts, _ := verify.DescribeSignature(config.Vendors[name].Signature) // New has taken it already
		if facts.Proof != schemas.ProofBody {
			warnings = append(warnings, fmt.Sprintf("%s: the signature vouches for less than the body: %s", name, facts.Note))
			continue
		}
		var unsigned []string
		proof := facts.EventProof(config.Vendors[name], facts.Proof)
		for _, fact := range []string{schemas.UnsignedID, schemas.UnsignedType, schemas.UnsignedTime} {
			if proof != proof.Without(fact) {
				unsigned = append(unsigned, strings.TrimPrefix(fact, "-"))
			}
		}
		if len(unsigned) > 0 {
			warnings = append(warnings, fmt.Sprintf(
				"%s: an event's %s may stand in a header that is not signed: key its sales by the body, and decide on what stands there", name, strings.Join(unsigned, " and ")))
		}
	}
	return warnings
}

// explain says what an event is and counts as.
func explain(w io.Writer, vendor *vendors.Vendor, e vendors.Identity) {
	when := "none of its own: counted as undated"
	switch {
	case e.BadTime != "":
		when = fmt.Sprintf("%q cannot be read with the configured format: the event would be dead-lettered", e.BadTime)
	case !e.Time.IsZero():
		when = e.Time.Format(time.RFC3339Nano)
	}
	fmt.Fprintf(w, "event  id=%s type=%s time=%s\n", e.ID, e.Type, when)
	outcome, err := vendor.Outcome(e)
	switch {
	case err != nil:
		fmt.Fprintf(w, "  counts as nothing: %v: it would be dead-lettered\n", err)
	case outcome.Object != "":
		fmt.Fprintf(w, "  states the whole of object=%s\n", outcome.Object)
	case len(outcome.Effects) == 0:
		fmt.Fprintf(w, "  counts as nothing: no rule under sales holds for it\n")
	}
	for _, effect := range outcome.Effects {
		month := "undated"
		if !effect.Time.IsZero() {
			month = effect.Time.Format("2006-01 (UTC)")
		}
		fmt.Fprintf(w, "  counts as %s of %s %s in %s, key=%s order=%s\n",
			effect.Kind, effect.Amount, effect.Currency, month, effect.Key, effect.Order)
	}
	if outcome.Test {
		fmt.Fprintln(w, "  test money: stored, never in figures")
	}
}

// ListCommand is `hookline vendor list`.
type ListCommand struct{}

// Run prints the presets, one line each.
func (c *ListCommand) Run() error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PRESET\tSIGNATURE IN\tPROOF\tRETRIES FOR\tCOUNTS")
	for _, p := range vendors.Presets() {
		facts, _ := verify.DescribeSignature(p.Signature) // a test describes every preset
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Name, first(facts.Headers, 1, "the body"), facts.Proof, duration(p.Retries), first(p.Sales, 2, "what you say"))
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
