package sender

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// check runs `vendor check` on a file, with a sample if there is one.
func check(t *testing.T, file, sample string, command CheckCommand) (string, error) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	command.Vendors, command.WithoutSecrets = write("vendors.yaml", file), true
	if command.Diff != "" {
		command.Diff = write("other.yaml", command.Diff)
	}
	if sample != "" {
		command.Payload = write("sample.json", sample)
	}
	var out strings.Builder
	err := command.run(&out)
	return out.String(), err
}

const (
	shopFile = `vendors: {shop: {signature: {scheme: hub}, events: {id: id, type: type, time: at}, test: {mode: test}, sales: {
		paid: {when: {state: [done, sent]}, unit: major, currency: {first: [money, cur]}, order: id, effects: [
			{effect: sale, amount: {first: [gross, {path: net, plus: vat}]}}, {effect: refund, each: back, key: {join: [parent:id, n]}, amount: sum}]}, off: null}}}`
	shopSample = `{"id":"o1","type":"paid","at":"2026-01-31T23:00:00Z","state":"done","cur":"EUR","net":10,"vat":2,"back":[{"n":1,"sum":3}],"mode":"live"}`
)

func TestCheckShowsWhereEachPartStands(t *testing.T) {
	out, err := check(t, shopFile, shopSample, CheckCommand{Vendor: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"event  id=o1 type=paid time=2026-01-31T23:00:00Z\n",
		"  counts as sale of 12 EUR in 2026-01 (UTC), key=o1 order=o1\n      amount   from net + vat\n      currency from cur\n      key      from the event's ID\n",
		"  counts as refund of 3 EUR in 2026-01 (UTC), key=o1:1 order=o1\n      amount   from sum\n      currency from parent:cur\n      key      from parent:id + n\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if strings.Contains(out, "test money") {
		t.Error(out)
	}
}

func TestCheckSaysWhyNothingCounts(t *testing.T) {
	for name, tt := range map[string]struct{ from, to, want string }{
		"no rule holds": {`"state":"done"`, `"state":"open"`, "no rule for its type holds: state is done or sent"},
		"another type":  {`"type":"paid"`, `"type":"made"`, `no rule under sales is for the type "made"`},
		"switched off":  {`"type":"paid"`, `"type":"off"`, "its type is switched off under sales"},
		"no type":       {`"type":"paid",`, ``, "it has no type: nothing at type"},
		"test money":    {`"mode":"live"`, `"mode":"test"`, "test money: stored and shown apart, never in figures"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := check(t, shopFile, strings.Replace(shopSample, tt.from, tt.to, 1), CheckCommand{Vendor: "shop"})
			if err != nil || !strings.Contains(out, tt.want) {
				t.Errorf("%v; %q is not in\n%s", err, tt.want, out)
			}
		})
	}
}

func TestCheckFailsForDeadLetters(t *testing.T) {
	for name, sample := range map[string]string{
		"no amount":      strings.Replace(shopSample, `"net":10,`, ``, 1),
		"no such time":   strings.Replace(shopSample, `"2026-01-31T23:00:00Z"`, `"soon"`, 1),
		"an error body":  `{"id":"o1","type":"paid","state":"done","code":"cannot_view"}`,
		"no JSON at all": `<html>`,
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := check(t, shopFile, sample, CheckCommand{Vendor: "shop"}); err == nil {
				t.Error(out)
			}
		})
	}
}

func TestCheckDiff(t *testing.T) {
	before := strings.Replace(shopFile, "[done, sent]", "done", 1)
	out, err := check(t, shopFile, "", CheckCommand{Diff: before})
	if err != nil || !strings.Contains(out, "- shop sales.paid: where state is done:") || !strings.Contains(out, "+ shop sales.paid: where state is done or sent:") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := check(t, shopFile, "", CheckCommand{Diff: shopFile}); err != nil || !strings.Contains(out, "both files say the same") {
		t.Errorf("%v\n%s", err, out)
	}
	sent := strings.Replace(shopSample, `"done"`, `"sent"`, 1)
	out, err = check(t, shopFile, sent, CheckCommand{Diff: before, Vendor: "shop"})
	if err != nil || !strings.Contains(out, "-   counts as nothing: no rule for its type holds: state is done\n") || !strings.Contains(out, "+   counts as sale of 12 EUR") {
		t.Errorf("%v\n%s", err, out)
	}
}
