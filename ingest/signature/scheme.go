package signature

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/hookline-io/hookline/schemas"
)

// scheme is a rule with its options applied and its secrets decoded. It does not change once made.
type scheme struct {
	*rule
	signed     template
	url        string // instead of the request's, but for the query
	keys       []key
	handshakes []key
	certs      CertSource
	contents   sync.Pool // of *content
}

// keepBuffer bounds what an idle content may hold on to.
const keepBuffer = 64 << 10

func (s *scheme) content(r *Request) *content {
	c := s.contents.Get().(*content)
	*c = content{r: r, list: s.list, buf: c.buf[:0], values: c.values[:0]}
	if s.signed.usesURL || s.readsURL {
		c.url = publicURL(s.url, r.URL)
	}
	return c
}

func (s *scheme) release(c *content) {
	clear(c.values)
	*c = content{buf: c.buf, values: c.values} // what was read of a body shares its memory
	if cap(c.buf) <= keepBuffer {
		s.contents.Put(c)
	}
}

// publicURL is the URL as the vendor has it: configured, if it is, with the query of the request.
func publicURL(configured, requested string) string {
	if configured == "" {
		return requested
	}
	if _, query, ok := strings.Cut(requested, "?"); ok {
		return configured + "?" + query
	}
	return configured
}

// Verify implements Verifier.
func (s *scheme) Verify(r *Request) (Result, error) {
	result, err := s.verify(r)
	var refusal *Error
	if s.refusal != 0 && errors.As(err, &refusal) {
		refusal.Status = s.refusal
	}
	return result, err
}

func (s *scheme) verify(r *Request) (Result, error) {
	if s.unsigned != nil {
		result, handled, err := s.unsigned(s, r)
		if handled || err != nil {
			return result, err
		}
	}
	c := s.content(r)
	defer s.release(c)
	if err := s.read(c); err != nil {
		return Result{}, err
	}
	if s.bodyTime == nil {
		if err := s.onTime(c); err != nil { // before the costly part
			return Result{}, err
		}
	}
	if s.check != nil {
		if err := s.check(c); err != nil {
			return Result{}, err
		}
	}
	k, err := s.prove(c)
	if err != nil {
		return Result{}, err
	}
	if s.bodyTime != nil { // nothing of a body is read before it is proven
		if c.timestamp, err = s.bodyTime(c); err != nil {
			return Result{}, err
		}
		if err := s.onTime(c); err != nil {
			return Result{}, err
		}
	}
	result := Result{KeyID: k.id, Proof: s.proof}
	if c.whole {
		result.Proof = schemas.ProofBody
	}
	if s.challenge != nil {
		result.Challenge, err = s.challenge(k, c)
	}
	return result, err
}

// read finds what the delivery claims.
func (s *scheme) read(c *content) error {
	if s.find != nil {
		return s.find(c)
	}
	w := s.namesIn(c.r.Header)
	c.prefix, c.anyLabel = w.prefix, w.anyLabel
	var err error
	if c.signatures, err = w.claimed(c); err != nil {
		return err
	}
	if strings.HasPrefix(c.signatures, w.optional) {
		c.prefix += w.optional
	}
	if w.id != "" {
		if c.id, err = one(c.r.Header, w.id); err != nil {
			return err
		}
		if err := s.oneID(c); err != nil {
			return err
		}
	}
	if c.list != "" && strings.Count(c.signatures, c.list) >= maxSignatures {
		return &Error{Reason: ReasonMalformed, Detail: fmt.Sprintf("more than %d signatures in %s", maxSignatures, w)}
	}
	if err := s.signed.resolve(c); err != nil {
		return err
	}
	switch {
	case w.timeAt != nil:
		c.timestamp, err = w.timeAt.required(c)
	case w.timestamp == firstItem:
		c.timestamp, c.signatures, _ = strings.Cut(c.signatures, c.list)
	case w.inList():
		c.timestamp, err = s.item(c, w)
	case w.timestamp != "":
		c.timestamp, err = one(c.r.Header, w.timestamp)
	}
	return err
}

// oneID refuses an ID in the headers of another set that is not the one that is signed: it might be the one that is read.
func (s *scheme) oneID(c *content) error {
	for i := range s.names {
		for _, other := range c.r.Header[s.names[i].id] {
			if other != c.id {
				return &Error{Reason: ReasonMalformed, Detail: "two IDs: one in " + s.namesIn(c.r.Header).id + ", another in " + s.names[i].id}
			}
		}
	}
	return nil
}

// item returns the timestamp that stands once among the signatures. Each item is name=value, as Stripe's own
// libraries demand.
func (s *scheme) item(c *content, w *headerNames) (string, error) {
	found, times := "", 0
	for part := range c.items() {
		if value, ok := strings.CutPrefix(part, w.timestamp); ok {
			found = value
			times++
		}
		if s.encoding.padded {
			part = strings.TrimRight(part, "=")
		}
		if strings.Count(part, "=") != 1 {
			return "", &Error{Reason: ReasonMalformed, Detail: "want items such as t=1,v1=2 in " + w.String()}
		}
	}
	if times != 1 {
		return "", &Error{Reason: ReasonMalformed, Detail: fmt.Sprintf("want %s once in %s", w.timestamp, w)}
	}
	return found, nil
}

// onTime refuses a time that cannot be read or lies outside the window.
func (s *scheme) onTime(c *content) error {
	if s.clock.parse == nil {
		return nil
	}
	t, ok := s.clock.parse(c.timestamp)
	if !ok {
		return &Error{Reason: ReasonMalformed, Detail: "the signed timestamp cannot be read"}
	}
	if s.tolerance > 0 && !within(c.r.Now, t, s.tolerance) {
		return &Error{Reason: ReasonStale, Detail: fmt.Sprintf("the signed time lies more than %s from ours", s.tolerance)}
	}
	return nil
}

// prove returns the live key that signed c. Where every key has expired, only who signs with one of them learns that:
// it is our fault and wakes somebody up, which no stranger can.
func (s *scheme) prove(c *content) (*key, error) {
	k, live, err := s.search(c, func(k *key) bool { return k.live(c.r.Now) })
	if k != nil || err != nil {
		return k, err
	}
	if live == 0 {
		k, _, err := s.search(c, func(*key) bool { return true })
		if err != nil {
			return nil, err
		}
		if k != nil {
			return nil, &Error{Reason: ReasonNoKey, Detail: "every secret has expired"}
		}
	}
	for one := range c.each() {
		for i := range s.keys {
			if s.keys[i].plausible(c, one) {
				return nil, &Error{Reason: ReasonMismatch, Detail: "no live secret made this signature"}
			}
		}
	}
	return nil, &Error{Reason: ReasonMalformed, Detail: "want " + s.form(c)}
}

// search returns the key that signed c, of those that may, and how many may.
func (s *scheme) search(c *content, may func(*key) bool) (found *key, tried int, err error) {
	url := c.url
	for i := range s.keys {
		k := &s.keys[i]
		if !may(k) {
			continue
		}
		tried++
		for again := true; again; again = s.otherURL != nil && s.otherURL(c, url) {
			if ok, err := k.proves(c); err != nil {
				return nil, tried, err
			} else if ok {
				return k, tried, nil
			}
		}
		c.url = url
	}
	return nil, tried, nil
}

// form describes a signature to the reader of an error.
func (s *scheme) form(c *content) string {
	what := fmt.Sprintf("%s in %s", s.algorithm.label, s.encoding.name)
	if c.prefix == "" {
		return what
	}
	return fmt.Sprintf("%q followed by %s", c.prefix, what)
}

// Format implements fmt.Formatter: fmt would walk into the keys, whatever their own methods say.
func (s *scheme) Format(f fmt.State, _ rune) { io.WriteString(f, "verifier("+s.rule.scheme+")") }

var _ Verifier = (*scheme)(nil)
