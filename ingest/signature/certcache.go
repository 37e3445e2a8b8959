package signature

import (
	"crypto/rsa"
	"crypto/x509"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// CertClient is the CertSource that fetches over HTTPS. Only the hosts of PayPal and of Amazon's SNS are ever asked.
//
// A header of the delivery says where its certificate is, so a stranger may name any number of them. A certificate that
// was found good is kept until it expires, and fetched again from time to time behind the deliveries that it proves, so that
// no fault of PayPal's site and no flood touches them. URLs that never led to a good certificate share a budget of fetches,
// and the one that was asked for most often comes first: a made-up URL is asked for once, the true one by every delivery.
type CertClient struct {
	http  *http.Client
	roots *x509.CertPool // nil: the system's
	fetch singleflight.Group

	mu       sync.Mutex
	known    map[string]certEntry // by URL
	asked    map[string]int       // how often for each URL that has no entry and waits for the budget
	sets     map[string]keySet    // by URL
	fetching map[string]bool      // URLs; who asks for one that has no entry waits for it too
	unproven *rate.Limiter        // fetches of URLs that never led to a good certificate
	proven   *rate.Limiter        // of the others
}

// certEntry is what is known of a URL: a key, or the refusal of what is there.
type certEntry struct {
	key     *rsa.PublicKey
	refusal *Error
	fresh   time.Time // until then it is not fetched again
	end     time.Time // until then it is believed: for a key, the certificate's NotAfter
}

const (
	certEntries    = 64
	certWaiting    = 1024           // URLs in asked
	certFreshFor   = 24 * time.Hour // a certificate is then looked at again, and believed meanwhile
	certAgain      = time.Minute    // between two attempts to
	certRefusedFor = time.Minute
	certRate       = 1 // fetches a second; PayPal and SNS change a certificate about once a year
	certBurst      = 5
)

// NewCertClient makes a CertClient. transport nil means http.DefaultTransport; roots nil means the system's.
func NewCertClient(transport http.RoundTripper, roots *x509.CertPool) *CertClient {
	return &CertClient{
		http: &http.Client{
			Transport:     transport,
			Timeout:       certTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		roots:    roots,
		known:    make(map[string]certEntry),
		sets:     make(map[string]keySet),
		asked:    make(map[string]int),
		fetching: make(map[string]bool),
		unproven: rate.NewLimiter(certRate, certBurst),
		proven:   rate.NewLimiter(certRate, certBurst),
	}
}

// PublicKey implements CertSource. It waits at most for one fetch, which is bounded in time.
func (c *CertClient) PublicKey(url string, now time.Time) (*rsa.PublicKey, error) {
	if !isPaypalCert(url) && !isSNSCert(url) {
		return nil, &Error{Reason: ReasonMalformed, Detail: "the certificate is at no host that is known"}
	}
	entry, due, next := c.lookUp(url, now)
	if next != "" {
		go c.get(next, now)
	}
	if due && entry.key == nil {
		entry = c.get(url, now)
	}
	switch {
	case entry.key != nil && !now.After(entry.end):
		return entry.key, nil
	case entry.refusal != nil:
		refusal := *entry.refusal
		return nil, &refusal
	}
	return nil, &Error{Reason: ReasonCertificate, Detail: "the vendor's certificate could not be fetched yet"}
}

// lookUp returns what is known of a URL, whether it is to be fetched now, and a URL that is to be fetched behind it.
func (c *CertClient) lookUp(url string, now time.Time) (entry certEntry, due bool, behind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.known[url]
	switch {
	case ok && now.Before(entry.fresh):
		return entry, false, ""
	case ok && entry.key != nil:
		if !c.proven.AllowN(now, 1) {
			return entry, false, ""
		}
		again := entry
		again.fresh = now.Add(certAgain)
		c.known[url] = again
		c.fetching[url] = true
		if now.After(entry.end) {
			return certEntry{}, true, ""
		}
		return entry, false, url
	}
	if c.fetching[url] {
		return certEntry{}, true, ""
	}
	most := c.ask(url)
	if !c.unproven.AllowN(now, 1) {
		return certEntry{}, false, ""
	}
	delete(c.asked, most)
	c.fetching[most] = true
	if most == url {
		return certEntry{}, true, ""
	}
	return certEntry{}, false, most
}

// ask counts that a URL is asked for, and returns the one that is asked for most. When too many wait, one that was asked
// for once gives way.
func (c *CertClient) ask(url string) (most string) {
	if _, ok := c.asked[url]; !ok && len(c.asked) >= certWaiting {
		for other, times := range c.asked {
			if times == 1 {
				delete(c.asked, other)
				break
			}
		}
		if len(c.asked) >= certWaiting {
			clear(c.asked)
		}
	}
	c.asked[url]++
	most = url
	for other, times := range c.asked {
		if times > c.asked[most] {
			most = other
		}
	}
	return most
}

// get fetches and remembers. Where nothing could be had, the entry is empty.
func (c *CertClient) get(url string, now time.Time) certEntry {
	got, _, _ := c.fetch.Do(url, func() (any, error) {
		if entry, done := c.fetched(url); done {
			return entry, nil
		}
		entry, err := c.load(url, now)
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.fetching, url)
		if err == nil {
			entry = c.remember(url, entry, now)
		}
		return entry, nil
	})
	return got.(certEntry)
}

// fetched says whether the fetch that somebody waits for is over already, and what came of it.
func (c *CertClient) fetched(url string) (certEntry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[url], !c.fetching[url]
}

// remember keeps an entry, and returns what is now known of the URL: a good key is not replaced by a refusal before its end.
// To make space it forgets what has ended, then what was refused, then anything. The caller holds the lock.
func (c *CertClient) remember(url string, entry certEntry, now time.Time) certEntry {
	if last, ok := c.known[url]; ok && entry.key == nil && last.key != nil && !now.After(last.end) {
		return last
	}
	disposable := []func(certEntry) bool{
		func(e certEntry) bool { return now.After(e.end) },
		func(e certEntry) bool { return e.refusal != nil },
		func(certEntry) bool { return true },
	}
	for _, dispose := range disposable {
		for other, e := range c.known {
			if len(c.known) >= certEntries && other != url && dispose(e) {
				delete(c.known, other)
			}
		}
	}
	c.known[url] = entry
	return entry
}
