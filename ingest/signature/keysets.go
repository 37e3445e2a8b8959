package signature

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hookline-io/hookline/internal/jsonscan"
)

// keySet is what is known of a JWKS, whose URL the configuration names: strangers choose none.
type keySet struct {
	keys  *jose.JSONWebKeySet // nil: none were had yet
	fresh time.Time           // until then it is not fetched again
	end   time.Time           // until then it is believed
	tried time.Time           // when it was last fetched, or tried to be
}

const (
	keySetLeast = 5 * time.Minute // however short the vendor says
	keySetMost  = 24 * time.Hour
	keySetStale = 24 * time.Hour // how long keys are believed beyond that, while the vendor cannot be reached
	keySetAgain = time.Minute    // between two fetches, however many tokens name keys that do not exist
	maxKeys     = 100
)

// KeySet implements KeySource. Keys are fetched again behind the deliveries that they prove; only the first delivery, and
// one that names a key that is not there, waits for a fetch.
func (c *CertClient) KeySet(url string, missing bool, now time.Time) (*jose.JSONWebKeySet, error) {
	c.mu.Lock()
	known := c.sets[url]
	due := known.keys == nil || missing || now.After(known.fresh)
	if due = due && now.Sub(known.tried) >= keySetAgain; due {
		known.tried = now
		c.sets[url] = known
	}
	c.mu.Unlock()
	switch {
	case known.keys != nil && !now.After(known.end) && (!due || !missing):
		if due {
			go c.fetchKeys(url, now)
		}
		return known.keys, nil
	case due:
		known = c.fetchKeys(url, now)
	case known.keys == nil: // somebody else is just fetching it, perhaps
		known = c.fetchedKeys(url)
	}
	if known.keys == nil || now.After(known.end) {
		return nil, &Error{Reason: ReasonCertificate, Detail: "the vendor's keys could not be fetched yet"}
	}
	return known.keys, nil
}

// fetchKeys fetches and remembers. Where nothing could be had, what was known stays.
func (c *CertClient) fetchKeys(url string, now time.Time) keySet {
	got, _, _ := c.fetch.Do("jwks "+url, func() (any, error) {
		keys, life := c.downloadKeys(url)
		c.mu.Lock()
		defer c.mu.Unlock()
		known := c.sets[url]
		if keys != nil {
			known = keySet{keys: keys, fresh: now.Add(life), end: now.Add(life + keySetStale), tried: now}
			c.sets[url] = known
		}
		return known, nil
	})
	return got.(keySet)
}

// fetchedKeys waits for the fetch that is in flight, if there is one.
func (c *CertClient) fetchedKeys(url string) keySet {
	got, _, _ := c.fetch.Do("jwks "+url, func() (any, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.sets[url], nil
	})
	return got.(keySet)
}

// downloadKeys returns the keys at a URL and how long they may be kept; nil where there are none.
func (c *CertClient) downloadKeys(url string) (*jose.JSONWebKeySet, time.Duration) {
	response, err := c.http.Get(url) //nolint:noctx // the client has a timeout, and the keys are for every request that waits
	if err != nil {
		return nil, 0
	}
	defer response.Body.Close()
	body, err := readLimited(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || jsonscan.Check(jsonscan.View(body)) != nil {
		return nil, 0
	}
	var set jose.JSONWebKeySet
	if json.Unmarshal(body, &set) != nil || len(set.Keys) == 0 || len(set.Keys) > maxKeys {
		return nil, 0
	}
	return &set, min(max(maxAge(response.Header.Get("Cache-Control")), keySetLeast), keySetMost)
}

// maxAge reads Cache-Control: max-age (RFC 9111, section 5.2.2.1). Without it keys are kept for an hour.
func maxAge(header string) time.Duration {
	for part := range strings.SplitSeq(header, ",") {
		if text, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(part)), "max-age="); ok {
			if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 && seconds < 1<<30 {
				return time.Duration(seconds) * time.Second
			}
		}
	}
	return time.Hour
}
