package bench

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// charge returns the body of a charge as Stripe posts it, with the keys in Stripe's order (the type, which has to be
// known first, stands last) and metadata that bring it to size bytes. The event's ID is evt_ and id.
func charge(id string, at time.Time, size int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"id":"evt_%s","object":"event","created":%d,"data":{"object":{"id":"ch_%s","object":"charge",`+
		`"amount_captured":%d,"captured":true,"currency":"eur"`, id, at.Unix(), id, 100+at.UnixNano()%100_000)
	const end, fill = `}},"type":"charge.succeeded"}`, `,"description":"`
	if size > 600 {
		b.WriteString(`,"metadata":{"order":"A-17"`)
		for n := 0; b.Len() < size-len(end)-100; n++ {
			fmt.Fprintf(&b, `,"field_%d":"%016x"`, n, rand.Uint64()) //nolint:gosec // only so that bodies differ
		}
		b.WriteString("}")
	}
	if missing := size - b.Len() - len(end) - len(fill) - 1; missing >= 0 {
		b.WriteString(fill)
		for b.Len() < size-len(end)-1 {
			b.WriteByte("0123456789abcdef "[b.Len()%17])
		}
		b.WriteByte('"')
	}
	b.WriteString(end)
	return b.Bytes()
}

// deliveries are n signed requests to address, as a vendor sends them over the wire, with bodies of size bytes. Each is
// an event of its own; its ID begins with run.
func (r *rig) deliveries(address, vendor, run string, size, n int) ([][]byte, error) {
	verifier, err := signature.New(vendors.Signature{Scheme: "stripe"}, []vendors.Key{{Secret: secret.New(r.secret)}}, nil)
	if err != nil {
		return nil, fmt.Errorf("sign deliveries: %w", err)
	}
	url := "http://" + address + "/webhooks/" + vendor
	out := make([][]byte, n)
	for i := range out {
		now := time.Now()
		body := charge(run+strconv.Itoa(i), now, size)
		req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body)) //nolint:noctx // it is only written down
		if err != nil {
			return nil, fmt.Errorf("write deliveries: %w", err)
		}
		req.Header = http.Header{"Content-Type": {"application/json; charset=utf-8"}, "User-Agent": {"Stripe/1.0 (+https://stripe.com/docs/webhooks)"}}
		if err := verifier.Sign(&signature.Request{Method: req.Method, URL: url, Header: req.Header, Body: body, Now: now}, ""); err != nil {
			return nil, fmt.Errorf("sign deliveries: %w", err)
		}
		var wire bytes.Buffer
		if err := req.Write(&wire); err != nil {
			return nil, fmt.Errorf("write deliveries: %w", err)
		}
		out[i] = wire.Bytes()
	}
	return out, nil
}
