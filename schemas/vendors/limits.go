package vendors

import (
	"fmt"
	"net/netip"
)

// Limits are what a vendor may do at most. The zero value limits nothing.
type Limits struct {
	Rate  int            // events per second, for each process of ingest; 0: no limit
	Burst int            // events that may come at once; at least 1 where Rate is set
	Allow []netip.Prefix // where deliveries may come from; empty: anywhere
}

// limitsSpec bounds what a vendor may send, and from where.
type limitsSpec struct {
	Rate  *int        `yaml:"rate" jsonschema:"minimum=1" jsonschema_description:"Events per second that each process of ingest accepts. Default: no limit."`
	Burst *int        `yaml:"burst" jsonschema:"minimum=1" jsonschema_description:"Events that may come at once, above the rate. Default: ten seconds' worth."`
	Allow []rangeSpec `yaml:"allow" jsonschema_description:"Addresses (203.0.113.7) and ranges (203.0.113.0/24) that deliveries may come from. Default: any. Behind a proxy, ingest needs --trusted-proxies to see them."`
}

// rangeSpec is an address or a range of addresses.
type rangeSpec string

// burstSeconds is how much of its rate a vendor may send at once unless it says otherwise. Webhooks come in
// bursts, and a vendor that gets 429 may come back only hours later.
const burstSeconds = 10

func (c *compiler) compileLimits(spec *limitsSpec) Limits {
	var l Limits
	if spec.Rate != nil {
		if l.Rate = *spec.Rate; l.Rate < 1 {
			c.fail(&spec.Rate, "rate must be at least 1 event per second; leave it out for no limit")
		}
		l.Burst = burstSeconds * l.Rate
	}
	if spec.Burst != nil {
		if l.Burst = *spec.Burst; l.Burst < 1 {
			c.fail(&spec.Burst, "burst must be at least 1 event")
		}
		if spec.Rate == nil {
			c.fail(&spec.Burst, "burst means nothing without rate: add rate, the events per second")
		}
	}
	for i, text := range spec.Allow {
		prefix, err := parsePrefix(string(text))
		if err != nil {
			c.fail(&spec.Allow[i], "%s", err)
			continue
		}
		l.Allow = append(l.Allow, prefix)
	}
	return l
}

// parsePrefix reads a range of addresses, or a single one. It refuses a range with bits beside its mask, which is
// a slip that would let in more than its author sees.
func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is neither an address (203.0.113.7) nor a range (203.0.113.0/24)", text)
	case prefix != prefix.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits beside its mask: write %s, or the single address without /%d", text, prefix.Masked(),
			prefix.Bits())
	case prefix.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q: write an IPv4 range as such, without ::ffff", text)
	}
	return prefix, nil
}
