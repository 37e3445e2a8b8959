package preview

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/hookline-io/hookline/compose/local/demo"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/internal/testkit"
)

// Of the deliveries that send makes, one in 20 is repeated and one in 100 forged.
const again, bad = 20, 100

// send makes n deliveries, as fast as it goes or at a rate.
func (d *demoStack) send(n int, next func() demo.Event, limit rate.Limit) {
	d.t.Helper()
	const workers = 8
	group, ctx := errgroup.WithContext(d.t.Context())
	group.SetLimit(workers)
	limiter := rate.NewLimiter(limit, 1)
	for i := range n {
		event := next()
		d.accepted = append(d.accepted, event)
		d.ledger.Accepted(event)
		if err := limiter.Wait(ctx); err != nil {
			break
		}
		group.Go(func() error {
			if i%bad == 0 {
				if err := d.post(ctx, event, true); err != nil {
					return err
				}
			}
			if i%again == 0 {
				if err := d.post(ctx, event, false); err != nil {
					return err
				}
			}
			return d.post(ctx, event, false)
		})
	}
	if err := group.Wait(); err != nil {
		d.t.Fatal(err)
	}
}

// trickle makes two deliveries a second, of what happens now and every fourth of them forged, until its context is done.
func (d *demoStack) trickle() (stop func()) {
	ctx, cancel := context.WithCancel(d.t.Context())
	ended := make(chan error, 1)
	go func() {
		limit := rate.NewLimiter(2, 1)
		for i := 0; limit.Wait(ctx) == nil; i++ {
			if err := d.post(ctx, d.traffic.Live(time.Now()), i%4 == 0); err != nil && ctx.Err() == nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			d.t.Error(err)
		}
	}
}

// post makes one delivery and wants it taken, or refused where it is forged.
func (d *demoStack) post(ctx context.Context, event demo.Event, bad bool) error {
	signed, err := d.sender.Sign(sender.Delivery{Vendor: event.Vendor, ID: event.ID, Header: event.Header, Body: event.Body}, time.Now())
	if err != nil {
		return err
	}
	want := good
	if bad {
		signed.Body, want = append([]byte{' '}, signed.Body...), forged
	}
	answer, err := d.sender.Post(ctx, signed)
	if err != nil {
		return err
	}
	if answer.Status != want {
		return fmt.Errorf("%s was answered with %d, want %d: %s", event.ID, answer.Status, want, answer.Body)
	}
	return nil
}

// poison sends an event that is signed as it should be and whose amount is no number.
func (d *demoStack) poison() {
	d.t.Helper()
	event := demo.Event{Vendor: "gulf-market", ID: "poison", Body: []byte(`{"id":"poison","event":"order.paid","paid_at":"2026-11-01T00:00:00Z","order":{"id":"o","total":"much","currency":"KWD"}}`)}
	if err := d.post(d.t.Context(), event, false); err != nil {
		d.t.Fatal(err)
	}
}

// rehearse sends what is in no figure: a charge in Stripe's test mode, and an event that is no sale.
func (d *demoStack) rehearse() {
	d.t.Helper()
	const form = `{"id":"%s","object":"event","created":%d,"livemode":%t,"type":"%s","data":{"object":{"id":"%[1]s_o","object":"%[5]s","amount":1900,` +
		`"amount_captured":1900,"captured":true,"currency":"usd","paid":true,"status":"succeeded"}}}`
	now := time.Now().Unix()
	for id, body := range map[string]string{
		"evt_trial":    fmt.Sprintf(form, "evt_trial", now, false, "charge.succeeded", "charge"),
		"evt_customer": fmt.Sprintf(form, "evt_customer", now, true, "customer.created", "customer"),
	} {
		if err := d.post(d.t.Context(), demo.Event{Vendor: "acme-pay", ID: id, Body: []byte(body)}, false); err != nil {
			d.t.Fatal(err)
		}
	}
}

// sendHistory has the demo send its history, as make run does, and returns how many events it has.
func (d *demoStack) sendHistory() uint64 {
	d.t.Helper()
	events, err := demo.SendHistory(d.t.Context(), quiet(d.t), d.target)
	if err != nil {
		d.t.Fatal(err)
	}
	return events
}

// settle waits until as many events as were sent are in the views.
func (d *demoStack) settle(events uint64) {
	d.t.Helper()
	const patience = 4 * time.Minute // the rollup of vendors takes a few months at a time
	testkit.Eventually(d.t, patience, func() error {
		if stored, err := d.db.CountEvents(d.t.Context()); err != nil || stored < events {
			return fmt.Errorf("%d of %d events are stored (%w)", stored, events, err)
		}
		if state, err := d.db.RollupState(d.t.Context()); err != nil || state.Pending > 0 {
			return fmt.Errorf("the rollup is behind: %+v (%w)", state, err)
		}
		return nil
	})
	settleVendors(d.t, d.engine)
	testkit.Eventually(d.t, patience, func() error {
		if ask(d.t, d.engine, `SELECT count() FROM rejections`) == "0" || ask(d.t, d.engine, `SELECT count() FROM action_results`) == "0" {
			return errors.New("refused deliveries or results of actions are missing")
		}
		return nil
	})
}
