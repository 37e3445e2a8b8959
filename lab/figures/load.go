package figures

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/progress"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

const (
	months = 24
	block  = 2_000_000 // sales in one INSERT
)

// span is the time that the sales are spread over.
type span struct {
	from, to time.Time
	rows     uint64
}

func newSpan(now time.Time, rows uint64) span {
	now = now.UTC().Truncate(time.Second)
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	return span{first.AddDate(0, 1-months, 0), now, rows}
}

// sale is a sub-query with what the sale of the number n of source is. IDs are like those of real vendors: a third of
// them has 64 random bits, a third counts up, and a third has the time, a constant and 48 random bits, as Stripe's. The
// first of these state times in milliseconds, the others in seconds.
func (s span) sale(source string) string {
	return fmt.Sprintf(`SELECT *,
		n %% 50 %% 3 AS family,
		concat('vendor-', toString(n %% 50)) AS vendor,
		if(cityHash64(n, 1) %% 20 = 0, 'refund', 'sale') AS kind,
		toUInt64(n / %d * %d) AS since,
		fromUnixTimestamp64Milli(toInt64(%d + if(family = 0, since, intDiv(since, 1000) * 1000)), 'UTC') AS occurred_at,
		concat(lower(hex(toUInt32(occurred_at))), 'Q9xTzK2e') AS at,
		multiIf(family = 0, lower(hex(sipHash64(n, 2))), family = 1, toString(5000000000 + n), concat('ch_', at, lower(substring(hex(sipHash64(n, 2)), 1, 12)))) AS sale_key,
		multiIf(family = 0, concat(sale_key, ':AUTHORISATION'), family = 1, concat('charge.success:', sale_key), concat('evt_', at, lower(substring(hex(sipHash64(n, 5)), 1, 12)))) AS event_id,
		toDecimal64((cityHash64(n, 3) %% 1000000) / 100, 2) AS amount,
		['EUR', 'USD', 'JPY'][1 + cityHash64(n, 4) %% 3] AS currency
		FROM (%s)`, s.rows, s.to.Sub(s.from).Milliseconds(), s.from.UnixMilli(), source)
}

// row adds what the totals do not depend on. A redelivery comes a while later.
func (s span) row(source string) string {
	return `SELECT *,
		if(kind = 'sale', 'charge.succeeded', 'refund.created') AS type, concat('order-', toString(n)) AS order_id,
		occurred_at + toIntervalMillisecond(500 + cityHash64(n, 6) % 3000 + again * (1 + cityHash64(n, 9) % 86400000)) AS received_at,
		map('country', ['NG', 'IN', 'NP', 'US', 'DE'][1 + cityHash64(n, 10) % 5], 'product', concat('sku-', toString(cityHash64(n, 11) % 200))) AS dimensions,
		bitShiftLeft(1::UInt64, 48) - 1 - toUnixTimestamp64Milli(received_at) AS version
		FROM (` + s.sale(source) + `)`
}

// loadSales has ClickHouse make the rows up: this is not about inserts. Each block of sales holds 5 % redeliveries,
// a while later and with another amount, which must not count: nine in ten of the last two weeks, the others of any day.
func (b *bench) loadSales(ctx context.Context) error {
	bar := progress.New("loading", int64(b.Rows))
	defer bar.Done()
	started := time.Now()
	for from := uint64(0); from < b.Rows; from += block {
		n := min(block, b.Rows-from)
		numbers := fmt.Sprintf(`SELECT number AS n, 0 AS again FROM numbers(%[1]d, %[2]d)
			UNION ALL SELECT toUInt64(number - cityHash64(number, 8) %% (if(cityHash64(number, 12) %% 10 = 0, number, least(number, %[3]d)) + 1)), 1
				FROM numbers(%[1]d, %[2]d) WHERE cityHash64(number, 7) %% 20 = 0`, from, n, b.Rows/50)
		err := b.exec(ctx, fmt.Sprintf(`INSERT INTO %s.sales (%s, amount, is_deleted) SELECT %[2]s, amount + again, 0 FROM (%s)`,
			b.db.Name(), "vendor, kind, sale_key, event_id, type, order_id, currency, occurred_at, received_at, dimensions, version", b.span.row(numbers)))
		if err != nil {
			return err
		}
		bar.Add(int64(n))
	}
	b.report.add("sales loaded in", time.Since(started).Seconds(), "s")
	return nil
}

// loadEvents writes events the way the processor does.
func (b *bench) loadEvents(ctx context.Context) error {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // nothing secret
	bar := progress.New("loading events", int64(b.Events))
	defer bar.Done()
	batch := analytics.NewBatch()
	for i := range b.Events {
		at := b.span.to.Add(-time.Duration(random.IntN(60*86400)) * time.Second)
		id := fmt.Sprintf("evt_%016x", random.Uint64())
		row := analytics.Row{
			Event: schemas.Event{
				ID: id, Vendor: fmt.Sprint("vendor-", i%50), Type: "charge.succeeded", Time: at, Received: at.Add(time.Duration(500+random.IntN(3000)) * time.Millisecond),
				ContentType: "application/json", KeyID: "0a1b2c3d", Proof: schemas.ProofBody, Data: payload(random, id, at),
			},
			Origin: analytics.Origin{Topic: "webhooks.events", Partition: int32(i % 12), Offset: int64(i)},
		}
		if err := batch.Append(row); err != nil {
			return err
		}
		if batch.Len() == 20_000 || i == b.Events-1 {
			if err := b.db.Insert(ctx, batch); err != nil {
				return err
			}
			bar.Add(int64(batch.Len()))
			batch.Reset()
		}
	}
	return nil
}

// payload is a body of 1 KB as payment providers send them: most of it is the same every time, and then there are IDs,
// times, an amount and a person.
func payload(random *rand.Rand, id string, at time.Time) []byte {
	hex := func() string { return fmt.Sprintf("%016x", random.Uint64()) }
	amount := random.IntN(1_000_000)
	name := []string{"Ada", "Chinedu", "Priya", "Sita", "Maria", "Jan", "Wei", "Olu"}[random.IntN(8)] + " " + []string{"Obi", "Sharma", "Thapa", "Miller", "Schmidt", "Adeyemi"}[random.IntN(6)]
	return fmt.Appendf(nil, `{"id":%q,"object":"event","api_version":"2025-09-30","created":%d,"livemode":true,"pending_webhooks":1,"type":"charge.succeeded",`+
		`"request":{"id":"req_%s","idempotency_key":"%s-%s"},"data":{"object":{"id":"ch_%s","object":"charge","amount":%d,"amount_captured":%d,"amount_refunded":0,`+
		`"balance_transaction":"txn_%s","billing_details":{"address":{"city":null,"country":%q,"line1":null,"postal_code":"%05d"},"email":"user%d@example.com","name":%q,"phone":null},`+
		`"captured":true,"created":%d,"currency":%q,"customer":"cus_%s","description":"Order %d","disputed":false,"failure_code":null,"metadata":{"order_id":"%d","channel":%q},`+
		`"outcome":{"network_status":"approved_by_network","reason":null,"risk_level":"normal","risk_score":%d,"seller_message":"Payment complete.","type":"authorized"},`+
		`"paid":true,"payment_intent":"pi_%s","payment_method_details":{"card":{"brand":%q,"exp_month":%d,"exp_year":%d,"fingerprint":"%s","last4":"%04d"},"type":"card"},`+
		`"receipt_url":"https://pay.example.com/receipts/%s","refunded":false,"status":"succeeded"}}}`,
		id, at.Unix(), hex(), hex(), hex(), hex(), amount, amount, hex(), []string{"NG", "IN", "NP", "US", "DE"}[random.IntN(5)], random.IntN(100_000), random.IntN(1_000_000), name,
		at.Unix(), []string{"eur", "usd", "jpy"}[random.IntN(3)], hex(), random.IntN(1_000_000), random.IntN(1_000_000), []string{"web", "app", "shop"}[random.IntN(3)], random.IntN(100),
		hex(), []string{"visa", "mastercard", "verve"}[random.IntN(3)], 1+random.IntN(12), 2026+random.IntN(6), hex(), random.IntN(10_000), hex())
}

// touch is a sale of now, by a vendor that nobody has heard of.
func touch(vendor string, at time.Time) analytics.Row {
	return analytics.Row{
		Event:   schemas.Event{ID: vendor, Vendor: vendor, Type: "charge.succeeded", Time: at, Received: at, Data: []byte("{}")},
		Outcome: vendors.Outcome{Effects: []vendors.Effect{{Kind: vendors.KindSale, Key: vendor, Amount: decimal.New(1234, -2), Currency: "EUR", Time: at}}},
	}
}

func (b *bench) insert(ctx context.Context, row analytics.Row) error {
	batch := analytics.NewBatch()
	if err := batch.Append(row); err != nil {
		return err
	}
	return b.db.Insert(ctx, batch)
}
