package signature

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
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
	w := headerNames{}
	if len(s.names) > 0 {
		w = s.names[0]
	}
	c.id, c.prefix, c.anyLabel = id, w.prefix, w.anyLabel
	if w.id != "" {
		if id == "" {
			return errors.New("the scheme signs an ID; give it one")
		}
		r.Header.Set(w.id, id)
	}
	if s.clock.format != nil {
		c.timestamp = s.clock.format(r.Now)
	}
	if w.timestamp != "" && !w.inList() {
		r.Header.Set(w.timestamp, c.timestamp)
	}
	if w.timeAt != nil {
		if err := w.timeAt.write(c, c.timestamp); err != nil {
			return err
		}
	}
	items, err := s.fill(c, id)
	if err != nil {
		return err
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
	if w.anyLabel != "" {
		text = "hookline" + w.anyLabel + text
	}
	switch {
	case w.timestamp == firstItem:
		text = c.timestamp + s.list + text
	case w.inList():
		text = w.timestamp + c.timestamp + s.list + text
	}
	text = items + text
	switch {
	case s.place != nil:
		return s.place(c, text)
	case w.at != nil:
		return w.at.write(c, text)
	}
	r.Header.Set(w.signature, text)
	return nil
}

// fill sees to it that the delivery has what is signed: what it lacks gets the delivery's ID, but the fields of its
// body, which are the event's own. It returns the items that must stand before the signature.
func (s *scheme) fill(c *content, id string) (items string, err error) {
	for _, p := range s.signed.places {
		var text string
		found := false
		if p.kind != inList {
			if text, found, err = p.read(c); err != nil {
				return "", err
			}
		}
		switch {
		case found:
		case p.kind == inList:
			text, found = s.itemValue(p.name, c), true
			items += p.name + "=" + text + s.list
		case p.kind == inHeader || p.kind == inQuery:
			if err := p.write(c, id); err != nil {
				return "", err
			}
			text, found = id, true
		case !p.optional:
			return "", fmt.Errorf("%s is signed, and not there", p)
		}
		if p.change != nil {
			text = p.change(text)
		}
		c.values = append(c.values, value{text, found})
	}
	if s.signed.usesURL {
		c.url = publicURL(s.url, c.r.URL)
	}
	return items, nil
}

// itemValue is the time for an item whose name says so, else the delivery's ID.
func (s *scheme) itemValue(name string, c *content) string {
	if name == "t" || name == "ts" || strings.HasPrefix(name, "time") {
		return strconv.FormatInt(c.r.Now.Unix(), 10)
	}
	return c.id
}
