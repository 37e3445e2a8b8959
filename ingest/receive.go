package ingest

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/jsonscan"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// vendorEndpoint is one vendor, how its deliveries are verified and how many it may send.
type vendorEndpoint struct {
	vendor     *vendors.Vendor
	verifier   signature.Verifier
	bucket     *rate.Limiter // nil: no limit
	handshakes bool          // the scheme may answer without an event
	readsURL   bool          // the scheme looks at the URL, which has to be put together for it
	counters   vendorCounters

	waiting     share
	whole, part schemas.Proof // of events whose body is signed as a whole, and as the scheme has it else
}

// newSources prepares every vendor's verifier, and reports every one that cannot be prepared.
func newSources(config *vendors.Config, certs signature.CertSource, m *metrics) (map[string]*vendorEndpoint, error) {
	sources := make(map[string]*vendorEndpoint, len(config.Vendors))
	var failures []error
	for _, name := range slices.Sorted(maps.Keys(config.Vendors)) {
		vendor := config.Vendors[name]
		verifier, err := signature.New(vendor.Signature, vendor.Keys, certs)
		if err != nil {
			failures = append(failures, fmt.Errorf("vendor %s: %w", name, err))
			continue
		}
		facts, _ := signature.DescribeSignature(vendor.Signature) // New has taken it already
		handshakes := facts.Handshake != ""
		sources[name] = &vendorEndpoint{
			vendor: vendor, verifier: verifier, bucket: newBucket(vendor.Limits), counters: m.of(name), handshakes: handshakes,
			readsURL: handshakes || facts.ReadsURL,
			whole:    facts.EventProof(vendor, schemas.ProofBody), part: facts.EventProof(vendor, facts.Proof),
		}
	}
	return sources, errors.Join(failures...)
}

// answer is what an accepted delivery gets back.
type answer struct {
	status      int
	contentType string
	body        []byte
}

// receive takes a delivery in. The order is that of limits.go: what is cheap to refuse is refused first.
func (s *server) receive(c echo.Context, from *vendorEndpoint, received time.Time) (answer, error) {
	r := c.Request()
	if r.Method == http.MethodOptions && from.vendor.Answers.Origin != "" {
		return from.permit(c.Response().Header(), r)
	}
	if err := from.checkMethod(c.Response(), r.Method); err != nil {
		return answer{}, err
	}
	if list := from.vendor.Limits.Allow; len(list) > 0 && !allowed(list, c.RealIP()) {
		return answer{}, newProblem(reasonAddress, "Deliveries of this vendor are not taken from your address.", nil)
	}
	addr, _ := netip.ParseAddr(c.RealIP()) // no address at all is an address like any other
	held, err := s.memory.reserve(r.ContentLength, addr.Unmap().WithZone(""), isKnown(r.Context()), func() bool { return s.guard.makeWay(received) })
	if err != nil {
		return answer{}, err
	}
	defer held.release()
	memory := s.bodies.get() // goes back only once Kafka has the events: its client may hold a body for longer than a request that failed
	body, err := readBody(r, s.maxBody, held, memory.bytes)
	if err != nil {
		return answer{}, err
	}
	signed := signature.Request{Method: r.Method, Header: r.Header, Body: body, Now: received}
	if from.readsURL {
		signed.URL = s.url(r)
	}
	proven, err := from.verifier.Verify(&signed)
	if err != nil {
		return answer{}, unverified(err, from.vendor)
	}
	if proven.KeyID != "" { // a ping that anyone may send proves nothing
		s.guard.verified(r.Context())
	}
	if challenge := proven.Challenge; challenge != nil {
		if challenge.Confirm != "" {
			if err := s.confirm(r.Context(), from.vendor.Name, challenge.Confirm); err != nil {
				return answer{}, err
			}
		}
		return answer{challenge.Status, challenge.ContentType, challenge.Body}, nil
	}
	if r.Method != http.MethodPost {
		return answer{}, newProblem(string(signature.ReasonMismatch), "This is no handshake of this vendor's.", nil)
	}
	var one [1]schemas.Event // most deliveries carry one event
	events, err := from.identify(one[:0], r.Header, body)
	if err != nil {
		return answer{}, err
	}
	proof := from.part
	if proven.Proof == schemas.ProofBody {
		proof = from.whole
	}
	for i := range events {
		events[i].Received, events[i].KeyID, events[i].Proof = received, proven.KeyID, proof
	}
	if wait := from.take(len(events), received); wait > 0 {
		return answer{}, newProblem(reasonRate, fmt.Sprintf(
			"More than %d events per second. Send this delivery again after the time in Retry-After.", from.vendor.Limits.Rate), nil).retry(wait)
	}
	if !from.waiting.take(s.queue, len(events), len(body)) {
		return answer{}, newProblem(reasonShare, "More of your events wait for our queue than one vendor may have. Send this delivery again.", nil).retry(2 * time.Second)
	}
	defer from.waiting.leave(s.queue, len(events), len(body))
	if err := s.queue.enqueue(r.Context(), events); err != nil {
		return answer{}, err
	}
	from.counters.events.Add(float64(len(events)))
	if s.log.Enabled(r.Context(), slog.LevelDebug) {
		for i := range events {
			s.log.Debug("event accepted", "event", events[i].ID, "vendor", from.vendor.Name, "type", events[i].Type)
		}
	}
	taken := from.accepted(events)
	s.bodies.put(memory, body)
	return taken, nil
}

// permit answers a sender that asks whether it may send, as CloudEvents' webhooks do (Azure Event Grid among them). It proves
// nothing and costs nothing: the deliveries that follow are verified like any other.
// https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md#4-abuse-protection
func (from *vendorEndpoint) permit(h http.Header, r *http.Request) (answer, error) {
	origins := r.Header["Webhook-Request-Origin"]
	allowed := from.vendor.Answers.Origin
	if len(origins) != 1 || origins[0] == "" {
		return answer{}, newProblem(string(signature.ReasonMissing), "Ask with WebHook-Request-Origin, once.", nil)
	}
	if allowed != "*" && !strings.EqualFold(allowed, origins[0]) {
		return answer{}, newProblem(string(signature.ReasonMismatch), "Deliveries from this WebHook-Request-Origin are not taken.", nil)
	}
	h.Set("WebHook-Allowed-Origin", allowed)
	h.Set("WebHook-Allowed-Rate", "*")
	if perMinute := 60 * from.vendor.Limits.Rate; perMinute > 0 {
		h.Set("WebHook-Allowed-Rate", strconv.Itoa(perMinute))
	}
	h.Set("Allow", http.MethodPost)
	return answer{status: http.StatusOK}, nil
}

func (from *vendorEndpoint) checkMethod(w http.ResponseWriter, method string) error {
	allow := http.MethodPost
	if from.handshakes {
		allow += ", " + http.MethodGet
	}
	if method == http.MethodPost || method == http.MethodGet && from.handshakes {
		return nil
	}
	w.Header().Set("Allow", allow)
	return newProblem(reasonMethod, "Send events with POST.", nil)
}

// identify appends the events of a verified delivery to dst.
func (from *vendorEndpoint) identify(dst []schemas.Event, header http.Header, body []byte) ([]schemas.Event, error) {
	contentType := header.Get("Content-Type")
	if err := checkType(contentType, from.vendor.Content()); err != nil {
		return nil, err
	}
	var one [1]vendors.Identity
	identities, err := from.vendor.Identify(one[:0], header, body)
	if err != nil {
		return nil, newProblem(reasonBody,
			"The signature is good, but the body is not what is configured for this vendor: "+err.Error(), err)
	}
	for _, id := range identities {
		dst = append(dst, schemas.Event{
			ID: id.ID, Vendor: from.vendor.Name, Type: id.Type, Time: id.Time, BadTime: id.BadTime, BadID: id.BadID,
			ContentType: contentType, Test: id.Test, Delivery: id.Delivery, Data: id.Data,
		})
	}
	return dst, nil
}

// longestType is how much of a Content-Type is kept as it is.
const longestType = 100

// storedType is what is kept of a Content-Type, which no signature covers: of one that is long or not plain text nothing but the
// kind of the body.
func storedType(header string) string {
	plain := func(text string) bool {
		return len(text) <= longestType && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
	}
	if plain(header) {
		return header
	}
	if kind, _, err := mime.ParseMediaType(header); err == nil && plain(kind) {
		return kind
	}
	return ""
}

// accepted is the answer to a delivery whose events are now on Kafka: what the vendor insists on, or else
// {"events": [their IDs]}.
func (from *vendorEndpoint) accepted(events []schemas.Event) answer {
	if own := from.vendor.Answers.Accepted; own.Status != 0 {
		return answer{own.Status, own.Type, []byte(own.Body)}
	}
	body := append(make([]byte, 0, 64), `{"events":[`...)
	for i := range events {
		if i > 0 {
			body = append(body, ',')
		}
		body = jsonscan.AppendText(body, events[i].ID)
	}
	return answer{http.StatusOK, "application/json", append(body, "]}"...)}
}

// unverified refuses a delivery whose signature is not good. It says to a vendor's engineer what to look at, and
// an attacker nothing that the documentation does not.
func unverified(err error, vendor *vendors.Vendor) error {
	failure, ok := errors.AsType[*signature.Error](err)
	if !ok {
		return fmt.Errorf("verify: %w", err)
	}
	reason := string(failure.Reason)
	switch failure.Reason {
	case signature.ReasonBody:
		return newProblem(reason, failure.Detail, err)
	case signature.ReasonCertificate:
		return newProblem(reason, failure.Detail+". Send the delivery again.", err).retry(time.Minute)
	case signature.ReasonNoKey:
		return newProblem(reason, fmt.Sprintf("We have no secret of vendor %q that is still valid. This is our fault. Send the delivery again later.", vendor.Name), err)
	}
	p := newProblem(reason, fmt.Sprintf(
		"The signature was not accepted: %s. Check that you sign the exact bytes of the body with the secret of vendor %q, and that your clock is right.", failure.Detail, vendor.Name), err)
	p.login = vendor.Signature.Scheme == "basic" // some senders log in only once they are asked to (RFC 7617)
	if status := cmp.Or(vendor.Answers.Refused.Status, failure.Status); status != 0 {
		return p.as(status)
	}
	return p
}

// url is the URL as the vendor has it, which some schemes sign. X-Forwarded-Proto is believed from anyone: who lies
// about it only spoils the signature.
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
