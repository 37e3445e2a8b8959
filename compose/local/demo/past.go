package demo

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// past takes deliveries in that were made long ago. A wall clock cannot be moved, so they are signed, verified and
// identified as of then, and put on Kafka as ingest would have put them there: with the time at which it would have
// received them.
type past struct {
	sender    *sender.Sender
	config    *vendors.Config
	verifiers map[string]signature.Verifier
	kafka     *kgo.Client
	topic     string
}

func newPast(s *sender.Sender, config *vendors.Config, client *kgo.Client, topic string) (*past, error) {
	p := &past{sender: s, config: config, verifiers: map[string]signature.Verifier{}, kafka: client, topic: topic}
	for name, vendor := range config.Vendors {
		verifier, err := signature.New(vendor.Signature, vendor.Keys, nil)
		if err != nil {
			return nil, fmt.Errorf("vendor %s: %w", name, err)
		}
		p.verifiers[name] = verifier
	}
	return p, nil
}

// receive takes in a delivery of e that arrived at.
func (p *past) receive(ctx context.Context, e Event, at time.Time) error {
	events, err := p.events(e, at)
	if err != nil {
		return permanent{err}
	}
	records := make([]*kgo.Record, len(events))
	for i := range events {
		records[i] = events[i].Record(p.topic)
	}
	if err := p.kafka.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("enqueue: %w", err)
	}
	return nil
}

// events are what ingest would have made of the delivery.
func (p *past) events(e Event, at time.Time) ([]schemas.Event, error) {
	signed, err := p.sender.Sign(sender.Delivery{Vendor: e.Vendor, ID: e.ID, Header: e.Header, Body: e.Body}, at)
	if err != nil {
		return nil, err
	}
	proven, err := p.verifiers[e.Vendor].Verify(&signature.Request{Method: http.MethodPost, URL: signed.URL, Header: signed.Header,
		Body: signed.Body, Now: at})
	if err != nil {
		return nil, fmt.Errorf("verify a delivery of %s: %w", e.Vendor, err)
	}
	identities, err := p.config.Vendors[e.Vendor].Identify(nil, signed.Header, signed.Body)
	if err != nil {
		return nil, err
	}
	facts, err := signature.DescribeSignature(p.config.Vendors[e.Vendor].Signature)
	if err != nil {
		return nil, err
	}
	proof := facts.EventProof(p.config.Vendors[e.Vendor], proven.Proof)
	events := make([]schemas.Event, len(identities))
	for i, id := range identities {
		events[i] = schemas.Event{
			ID: id.ID, Vendor: e.Vendor, Type: id.Type, Time: id.Time, BadTime: id.BadTime, Received: at,
			ContentType: signed.Header.Get("Content-Type"), KeyID: proven.KeyID, Proof: proof, Delivery: id.Delivery, Data: id.Data,
		}
	}
	return events, nil
}

// arrival picks when a delivery of e would have been received. Each vendor has a habit of its own, so that there is
// something to compare: most are a matter of seconds, and one gathers what happened for up to two hours.
func arrival(rng *rand.Rand, e Event) time.Time {
	usual := func(median, spread float64) time.Duration {
		return time.Duration(median * math.Exp(spread*rng.NormFloat64()) * float64(time.Second))
	}
	var delay time.Duration
	switch e.Vendor {
	case "acme-pay":
		delay = usual(1.5, 0.7)
	case "nordwind-shop":
		delay = usual(4, 0.9)
	case "sakura-resale":
		delay = usual(20, 1.1)
	default:
		delay = time.Duration(rng.Float64() * float64(2*time.Hour))
	}
	return e.Time.Add(delay).Truncate(time.Millisecond)
}
