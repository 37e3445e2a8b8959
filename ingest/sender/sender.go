// Package sender is a vendor's side of ingest: it signs a payload as the vendor would and posts it. Tests, the demo
// and `hookline vendor` use it.
package sender

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Sender posts deliveries to one ingest.
type Sender struct {
	base      string
	client    *http.Client
	verifiers map[string]signature.Verifier
}

// New returns a Sender that posts to base, such as http://127.0.0.1:8080, for the vendors of config. Its error names
// every vendor whose secrets or options do not fit its scheme.
func New(base string, config *vendors.Config, client *http.Client) (*Sender, error) {
	s := &Sender{base: base, client: client, verifiers: map[string]signature.Verifier{}}
	certs := signature.NewCertClient(nil, nil) // needed to be made, asked only by who verifies
	var failures []error
	for _, name := range slices.Sorted(maps.Keys(config.Vendors)) {
		verifier, err := signature.New(config.Vendors[name].Signature, config.Vendors[name].Keys, certs)
		if err != nil {
			failures = append(failures, fmt.Errorf("vendor %s: %w", name, err))
		}
		s.verifiers[name] = verifier
	}
	if len(failures) > 0 {
		return nil, errors.Join(failures...)
	}
	return s, nil
}

// Delivery is a payload on its way to be signed.
type Delivery struct {
	Vendor string
	ID     string // for schemes that sign an ID
	Header http.Header
	Body   []byte
}

// Signed is a delivery as it goes over the wire. It can be sent any number of times.
type Signed struct {
	URL    string
	Header http.Header
	Body   []byte
}

// Sign signs d as its vendor would at now.
func (s *Sender) Sign(d Delivery, now time.Time) (Signed, error) {
	verifier, ok := s.verifiers[d.Vendor]
	if !ok {
		return Signed{}, fmt.Errorf("no vendor %q in the configuration", d.Vendor)
	}
	header := d.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json")
	}
	r := &signature.Request{Method: http.MethodPost, URL: s.base + "/webhooks/" + d.Vendor, Header: header, Body: d.Body, Now: now}
	if err := verifier.Sign(r, d.ID); err != nil {
		return Signed{}, fmt.Errorf("sign for vendor %s: %w", d.Vendor, err)
	}
	return Signed{r.URL, r.Header, r.Body}, nil
}

// Answer is what ingest said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Post sends a signed delivery once.
func (s *Sender) Post(ctx context.Context, d Signed) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return Answer{}, fmt.Errorf("post: %w", err)
	}
	req.Header = d.Header
	resp, err := s.client.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("post: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return Answer{}, fmt.Errorf("read the answer: %w", err)
	}
	return Answer{resp.StatusCode, resp.Header, body}, nil
}
