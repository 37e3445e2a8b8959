package sender

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Options say whose payload it is.
type Options struct {
	Vendors string   `default:"vendors.yaml" type:"path" help:"The vendors' file, with the secrets to sign with."`
	Vendor  string   `required:"" help:"Name of the vendor in that file."`
	Header  []string `short:"H" sep:"none" help:"A header the vendor sends beside the signature, as 'Name: value'; may be repeated."`
	To      string   `default:"http://127.0.0.1:8080" help:"Where ingest listens."`
	ID      string   `help:"Delivery ID, for schemes that sign one; random by default."`
	Payload string   `arg:"" help:"File with the body, or - for standard input. It is sent byte for byte."`
}

// SignCommand is `hookline vendor sign`.
type SignCommand struct {
	Options `embed:""`
}

// SendCommand is `hookline vendor send`.
type SendCommand struct {
	Options `embed:""`
	Timeout time.Duration `default:"10s" help:"Time to wait for the answer."`
}

// Help shows how to use it.
func (*SignCommand) Help() string {
	return `The command that it prints works for as long as the scheme accepts its time, mostly five minutes.

    hookline vendor sign --vendor=acme sale.json | sh`
}

// Run prints a curl command that sends the payload, signed.
func (c *SignCommand) Run() error {
	_, signed, err := c.sign()
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "curl -sS %s", quote(signed.URL))
	for _, name := range slices.Sorted(maps.Keys(signed.Header)) {
		for _, value := range signed.Header[name] {
			fmt.Fprintf(&b, " \\\n  -H %s", quote(name+": "+value))
		}
	}
	fmt.Fprintf(&b, " \\\n  --data-binary @%s\n", quote(c.Payload))
	_, err = io.WriteString(os.Stdout, b.String())
	return err
}

// Help shows how to use it.
func (*SendCommand) Help() string {
	return `Sent is the file byte for byte, signed with the vendor's secret in vendors.yaml, so ingest takes it as the vendor's. Prints the answer; the exit status is 0 only for a 200.

    hookline vendor send --vendor=acme sale.json
    hookline vendor send --vendor=acme --to=https://hooks.example.com - < sale.json`
}

// Run sends the payload, signed, and prints the answer. It fails unless the delivery was accepted.
func (c *SendCommand) Run(ctx context.Context) error {
	s, signed, err := c.sign()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	answer, err := s.Post(ctx, signed)
	if err != nil {
		return fmt.Errorf("%w (is `hookline ingest` or `hookline local` running at %s?)", err, c.To)
	}
	fmt.Printf("%d %s\n%s\n", answer.Status, http.StatusText(answer.Status), strings.TrimSpace(string(answer.Body)))
	if answer.Status != http.StatusOK {
		return fmt.Errorf("not accepted: status %d", answer.Status)
	}
	return nil
}

func (o *Options) sign() (*Sender, Signed, error) {
	config, err := vendors.Load(o.Vendors, vendors.Options{Schemes: signature.Names()})
	if err != nil {
		return nil, Signed{}, err
	}
	body, err := readPayload(o.Payload)
	if err != nil {
		return nil, Signed{}, err
	}
	header, err := parseHeaders(o.Header)
	if err != nil {
		return nil, Signed{}, err
	}
	s, err := New(strings.TrimSuffix(o.To, "/"), config, http.DefaultClient)
	if err != nil {
		return nil, Signed{}, err
	}
	id := o.ID
	if id == "" {
		random := make([]byte, 12)
		rand.Read(random) // never fails: crypto/rand
		id = "msg_" + hex.EncodeToString(random)
	}
	signed, err := s.Sign(Delivery{Vendor: o.Vendor, ID: id, Header: header, Body: body}, time.Now())
	return s, signed, err
}

func readPayload(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	body, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	return body, nil
}

func parseHeaders(lines []string) (http.Header, error) {
	header := http.Header{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("header %q: want 'Name: value'", line)
		}
		header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return header, nil
}

// quote makes one word of s for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
