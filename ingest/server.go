package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/hookline-io/hookline/ingest/verify"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// server answers vendors. The path of a delivery is receive: limit, verify, identify, enqueue.
type server struct {
	queue     *enqueuer
	metrics   *metrics
	log       *slog.Logger
	maxBody   int64
	publicURL string
	sources   atomic.Pointer[map[string]*source]
	stopping  atomic.Bool // not ready any more; deliveries that still come are still taken
	certs     verify.CertSource
	now       func() time.Time
}

// source is one vendor and how its deliveries are verified.
type source struct {
	vendor     *vendors.Vendor
	verifier   verify.Verifier
	handshakes bool // the scheme may answer without an event
}

// newSources prepares every vendor's verifier, and reports every one that cannot be prepared.
func newSources(config *vendors.Config, certs verify.CertSource) (map[string]*source, error) {
	sources := make(map[string]*source, len(config.Vendors))
	var failures []error
	for name, vendor := range config.Vendors {
		verifier, err := verify.New(vendor.Signature, vendor.Keys, certs)
		if err != nil {
			failures = append(failures, fmt.Errorf("vendor %s: %w", name, err))
			continue
		}
		facts, _ := verify.Describe(vendor.Signature.Scheme)
		sources[name] = &source{vendor: vendor, verifier: verifier, handshakes: facts.Handshake != ""}
	}
	return sources, errors.Join(failures...)
}

func (s *server) handler() http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Any("/webhooks/:vendor", s.deliver)
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if !c.Response().Committed {
			s.refuse(c, unknownVendor, time.Now(), err)
		}
	}
	return e
}

// deliver answers one delivery and counts it.
func (s *server) deliver(c echo.Context) error {
	start := s.now()
	name := c.Param("vendor")
	source, ok := (*s.sources.Load())[name]
	if !ok {
		s.refuse(c, unknownVendor, start, newProblem(http.StatusNotFound, reasonUnknownVendor,
			fmt.Sprintf("There is no vendor %.64q here. Check the last part of the URL you were given.", name), nil))
		return nil
	}
	answer, err := s.receive(c, source, start)
	if err != nil {
		s.refuse(c, name, start, err)
		return nil
	}
	s.metrics.answered(name, answer.status, "", time.Since(start))
	return c.Blob(answer.status, answer.contentType, answer.body)
}

// answer is what an accepted delivery gets back.
type answer struct {
	status      int
	contentType string
	body        []byte
}

func (s *server) receive(c echo.Context, from *source, received time.Time) (answer, error) {
	r := c.Request()
	if r.Method != http.MethodPost && (r.Method != http.MethodGet || !from.handshakes) {
		c.Response().Header().Set("Allow", http.MethodPost)
		return answer{}, newProblem(http.StatusMethodNotAllowed, reasonRequest, "Send events with POST.", nil)
	}
	body, err := readBody(c.Response(), r, s.maxBody)
	if err != nil {
		return answer{}, err
	}
	proven, err := from.verifier.Verify(&verify.Request{Method: r.Method, URL: s.url(r), Header: r.Header, Body: body, Now: received})
	if err != nil {
		return answer{}, unverified(err, from.vendor.Name)
	}
	if challenge := proven.Challenge; challenge != nil {
		return answer{challenge.Status, challenge.ContentType, challenge.Body}, nil
	}
	if r.Method != http.MethodPost {
		return answer{}, newProblem(http.StatusForbidden, string(verify.ReasonMismatch), "This is no handshake of this vendor's.", nil)
	}
	contentType := r.Header.Get("Content-Type")
	if err := checkType(contentType, from.vendor.Content()); err != nil {
		return answer{}, err
	}
	identities, err := from.vendor.Identify(nil, r.Header, body)
	if err != nil {
		return answer{}, newProblem(http.StatusBadRequest, reasonBody,
			"The signature is good, but the body is not what is configured for this vendor: "+err.Error(), err)
	}
	events := make([]schemas.Event, len(identities))
	ids := make([]string, len(identities))
	for i, id := range identities {
		ids[i] = id.ID
		events[i] = schemas.Event{
			ID: id.ID, Vendor: from.vendor.Name, Type: id.Type, Time: id.Time, BadTime: id.BadTime, Received: received,
			ContentType: contentType, KeyID: proven.KeyID, Proof: proven.Proof, Data: id.Data,
		}
	}
	if err := s.queue.enqueue(r.Context(), events); err != nil {
		return answer{}, err
	}
	s.metrics.events.WithLabelValues(from.vendor.Name).Add(float64(len(events)))
	body, err = json.Marshal(accepted{Events: ids})
	return answer{http.StatusOK, "application/json", body}, err
}

// accepted is the body of a 200: the events now on Kafka.
type accepted struct {
	Events []string `json:"events"`
}

// unverified refuses a delivery whose signature is not good. It tells a vendor's engineer what to look at, and
// an attacker nothing that the documentation does not.
func unverified(err error, vendor string) error {
	failure, ok := errors.AsType[*verify.Error](err)
	if !ok {
		return fmt.Errorf("verify: %w", err)
	}
	status := http.StatusForbidden
	switch {
	case failure.Status != 0:
		status = failure.Status
	case failure.Reason == verify.ReasonBody:
		return newProblem(http.StatusBadRequest, string(failure.Reason), failure.Detail, err)
	}
	return newProblem(status, string(failure.Reason),
		fmt.Sprintf("The signature was not accepted: %s. Check that you sign the exact bytes of the body with the secret of vendor %q, and that your clock is right.", failure.Detail, vendor), err)
}

// url is the URL as the vendor has it, which some schemes sign.
func (s *server) url(r *http.Request) string {
	if s.publicURL != "" {
		return s.publicURL + r.URL.RequestURI()
	}
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host + r.URL.RequestURI()
}

// refuse answers with the problem that err means, counts it, and logs it where the fault is ours.
func (s *server) refuse(c echo.Context, vendor string, start time.Time, err error) {
	p := asProblem(err)
	if p.Status >= http.StatusInternalServerError {
		s.log.Error("delivery not accepted", "vendor", vendor, "status", p.Status, "reason", p.Reason, "err", err)
	} else {
		s.log.Debug("delivery refused", "vendor", vendor, "status", p.Status, "reason", p.Reason, "err", err)
	}
	s.metrics.answered(vendor, p.Status, p.Reason, time.Since(start))
	if err := p.write(c.Response()); err != nil {
		s.log.Debug("answer not sent", "vendor", vendor, "err", err)
	}
}
