package verify

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Sign implements Verifier.
func (s *scheme) Sign(r *Request, id string) error {
	return s.signFirst(r, func(k *key) error { return s.signWith(k, r, id) })
}

// signFirst signs with the first live key that can.
func (s *scheme) signFirst(r *Request, with func(*key) error) error {
	bad := errors.New("no live secret")
	for i := range s.keys {
		if !s.keys[i].live(r.Now) {
			continue
		}
		if bad = with(&s.keys[i]); bad == nil {
			return nil
		}
	}
	return fmt.Errorf("sign as %s: %w", s.rule.scheme, bad)
}

func (s *scheme) signWith(k *key, r *Request, id string) error {
	c := s.content(r)
	defer s.release(c)
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	w := wire{}
	if len(s.wires) > 0 {
		w = s.wires[0]
	}
	c.id, c.prefix = id, w.prefix
	if w.id != "" {
		if id == "" {
			return errors.New("the scheme signs an ID; give it one")
		}
		r.Header.Set(w.id, id)
	}
	for _, name := range s.signed.headers {
		if r.Header.Get(name) == "" {
			r.Header.Set(name, id)
		}
	}
	if s.clock.format != nil {
		c.timestamp = s.clock.format(r.Now)
	}
	inList := strings.HasSuffix(w.timestamp, "=")
	if w.timestamp != "" && !inList {
		r.Header.Set(w.timestamp, c.timestamp)
	}
	if s.toSign != nil {
		if err := s.toSign(s, c); err != nil {
			return err
		}
	}
	text, err := k.sign(c)
	if err != nil {
		return err
	}
	if inList {
		text = w.timestamp + c.timestamp + s.list + text
	}
	if s.place != nil {
		return s.place(c, text)
	}
	r.Header.Set(w.signature, text)
	return nil
}
