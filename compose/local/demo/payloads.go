package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// object is a JSON object under construction. Its keys come out sorted, so the same event has the same bytes.
type object = map[string]any

func event(vendor, id string, at time.Time, header http.Header, body object, effect *Effect) Event {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("demo payload: %v", err)) // only plain maps, texts and numbers go in
	}
	return Event{Vendor: vendor, ID: id, Header: header, Body: raw, Time: at, Effect: effect}
}

// acme makes a charge as Stripe reports it. Some charges come with a payment_intent.succeeded that reports the same
// money, which must count once, whichever of the two is accepted; a refund states the cumulative amount.
func (t *Traffic) acme(at time.Time) Event {
	const vendor, currency = "acme-pay", "usd"
	charge, intent, amount := t.id("ch"), t.id("pi"), t.price(dollars.typical)
	stripe := func(kind string, at time.Time, data object, effect *Effect) Event {
		id := t.id("evt")
		return event(vendor, id, at, nil, object{
			"id": id, "object": "event", "api_version": "2024-06-20", "created": at.Unix(), "livemode": true,
			"pending_webhooks": 1, "request": object{"id": nil, "idempotency_key": nil}, "type": kind, "data": data,
		}, effect)
	}
	charged := func(refunded int64) object {
		return object{
			"id": charge, "object": "charge", "amount": amount, "amount_captured": amount, "amount_refunded": refunded,
			"captured": true, "created": at.Unix(), "currency": currency, "livemode": true, "paid": true,
			"payment_intent": intent, "refunded": refunded == amount, "status": "succeeded",
			"billing_details": object{"address": object{"city": "Portland", "country": "US", "postal_code": "97201"},
				"email": "buyer@example.com"},
			"outcome":  object{"network_status": "approved_by_network", "risk_level": "normal", "type": "authorized"},
			"metadata": object{"order_id": "A-" + charge},
		}
	}
	if t.chance(0.15) {
		t.pending = append(t.pending, stripe("payment_intent.succeeded", at, object{"object": object{
			"id": intent, "object": "payment_intent", "amount": amount, "amount_received": amount, "currency": currency, "latest_charge": charge,
		}}, effect(vendors.KindSale, intent, dollars, amount)))
	}
	if t.chance(0.06) {
		parts := []int64{amount}
		if amount > 1 && t.chance(0.3) {
			parts = []int64{amount / 2, amount - amount/2}
		}
		refunded, when := int64(0), at
		for _, part := range parts {
			before := refunded
			refunded += part
			when = t.later(when)
			t.pending = append(t.pending, stripe("charge.refunded", when,
				object{"object": charged(refunded), "previous_attributes": object{"amount_refunded": before}},
				effect(vendors.KindRefund, fmt.Sprintf("%s/%d", charge, refunded), dollars, part)))
		}
	}
	return stripe("charge.succeeded", at, object{"object": charged(0)}, effect(vendors.KindSale, intent, dollars, amount))
}

// nordwind makes an order as Shopify reports it: what happened, when and by which ID stands in headers, and a
// refund's money in its transactions, of which only the successful ones moved any.
func (t *Traffic) nordwind(at time.Time) Event {
	const vendor = "nordwind-shop"
	in := t.either(money{"EUR", 2, 3900})
	order, amount := int64(9007199254740993)+int64(t.serial), t.price(in.typical)
	t.serial++
	shopify := func(topic string, at time.Time, body object, effect *Effect) Event {
		id := t.id("evt")
		return event(vendor, id, at, http.Header{
			"X-Shopify-Topic": {topic}, "X-Shopify-Event-Id": {id}, "X-Shopify-Webhook-Id": {t.id("hook")},
			"X-Shopify-Triggered-At": {at.Format(time.RFC3339Nano)}, "X-Shopify-Shop-Domain": {"nordwind.example"},
		}, body, effect)
	}
	if t.chance(0.08) {
		part := 1 + t.rng.Int64N(amount)
		when := t.later(at)
		t.pending = append(t.pending, shopify("refunds/create", when, object{
			"id": order + 1<<40, "order_id": order, "created_at": when.Format(time.RFC3339), "note": "returned",
			"refund_line_items": []any{object{"subtotal_set": object{"shop_money": object{"amount": in.text(amount), "currency_code": in.currency}}}},
			"transactions": []any{
				object{"id": order + 1<<41, "kind": "refund", "status": "success", "amount": in.text(part), "currency": in.currency},
				object{"id": order + 1<<42, "kind": "refund", "status": "failure", "amount": in.text(amount), "currency": in.currency},
			},
		}, effect(vendors.KindRefund, strconv.FormatInt(order, 10), in, part)))
	}
	return shopify("orders/paid", at, object{
		"id": order, "admin_graphql_api_id": fmt.Sprintf("gid://shopify/Order/%d", order), "name": fmt.Sprintf("#%d", t.serial),
		"created_at": at.Format(time.RFC3339), "currency": in.currency, "financial_status": "paid", "total_price": in.text(amount),
		"subtotal_price": in.text(amount), "total_tax": "0.00", "customer": object{"id": order - 7, "email": "kunde@example.com"},
		"line_items": []any{object{"id": order + 3, "title": "Wollmütze", "quantity": 1, "price": in.text(amount), "sku": "NW-17"}},
	}, effect(vendors.KindSale, strconv.FormatInt(order, 10), in, amount))
}

// sakura makes an invoice of a reseller that follows Standard Webhooks: the ID travels in the webhook-id header.
func (t *Traffic) sakura(at time.Time) Event {
	const vendor = "sakura-resale"
	in := t.either(money{"JPY", 0, 5400})
	invoice, order, amount := t.id("inv"), t.id("ord"), t.price(in.typical)
	standard := func(kind string, at time.Time, data object, effect *Effect) Event {
		return event(vendor, t.id("msg"), at, nil, object{"type": kind, "timestamp": at.Format(time.RFC3339), "data": data}, effect)
	}
	if t.chance(0.05) {
		t.pending = append(t.pending, standard("invoice.refunded", t.later(at),
			object{"refund": t.id("ref"), "invoice": invoice, "order": order, "amount": amount, "currency": in.currency},
			effect(vendors.KindRefund, invoice, in, amount)))
	}
	if t.chance(0.05) {
		t.pending = append(t.pending, standard("invoice.viewed", t.later(at), object{"invoice": invoice}, nil))
	}
	return standard("invoice.paid", at,
		object{"invoice": invoice, "order": order, "amount": amount, "currency": in.currency, "customer": "株式会社サンプル",
			"lines": []any{object{"sku": "SK-1", "qty": 1}}},
		effect(vendors.KindSale, invoice, in, amount))
}

// gulf makes an order of the plainest vendor: amounts are texts in major units, and one event in 20 states no time.
func (t *Traffic) gulf(at time.Time) Event {
	const vendor = "gulf-market"
	in := t.either(money{"KWD", 3, 8500})
	order, amount := t.id("order"), t.price(in.typical)
	plain := func(kind string, at time.Time, amount int64, effectKind vendors.Kind) Event {
		id := t.id("gm")
		body := object{"id": id, "event": kind, "order": object{
			"id": order, "total": in.text(amount), "currency": in.currency, "channel": "app",
		}}
		if t.chance(0.05) {
			at = time.Time{}
		} else {
			body["paid_at"] = at.Format(time.RFC3339)
		}
		return event(vendor, id, at, nil, body, effect(effectKind, order, in, amount))
	}
	if t.chance(0.07) {
		t.pending = append(t.pending, plain("order.refunded", t.later(at), 1+t.rng.Int64N(amount), vendors.KindRefund))
	}
	return plain("order.paid", at, amount, vendors.KindSale)
}

// Poison returns an event of the plainest vendor that is signed as it should be and says of its amount what is no number.
func (t *Traffic) Poison(now time.Time) Event {
	id := t.id("poison")
	e := event("gulf-market", id, now.UTC().Truncate(time.Second), nil, object{
		"id": id, "event": "order.paid", "paid_at": now.UTC().Format(time.RFC3339), "order": object{"id": id, "total": "a lot",
			"currency": "KWD"},
	}, nil)
	e.Poison = true
	return e
}
