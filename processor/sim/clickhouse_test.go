//go:build synctests

package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// server simulates ClickHouse: tables that are ReplacingMergeTrees and merge nothing but what is read with FINAL, so
// that every row ever written can be looked at, and the ways in which INSERTs fail.
type server struct {
	mu     sync.Mutex
	rng    *rand.Rand
	tables map[string]*table
	mood   mood
	until  time.Time                 // when the mood is over
	refuse map[string]time.Time      // events whose rows are rejected for their data, until when
	sales  bool                      // those are rejected by sales, not by events
	boot   int                       // how often it was started
	under  sync.WaitGroup            // INSERTs that land later
	stored func(table string, r row) // called for each row that is sure to stay; mu is held
}

type table struct {
	*shape
	rows []*part
}

// part is a row where it lies.
type part struct {
	row
	partition, key string
	sure           bool // acknowledged, or found again after a restart
}

// mood is what the server does with what it is asked.
type mood string

const (
	well       mood = "well"
	away       mood = "away"              // nobody listens
	refusing   mood = "refusing"          // wrong password, no such table
	overloaded mood = "overloaded"        // too many parts, no memory
	silent     mood = "silent"            // takes nothing and does not answer
	mute       mood = "stores, is silent" // stores and does not answer
	late       mood = "stores late"       // stores when the client has long given up
	slow       mood = "slow"              // near the deadline or past it
	halves     mood = "stores some parts" // stores some of the parts, then fails
	moody      mood = "any of these"      // drawn again for each statement
)

var moods = []mood{away, refusing, overloaded, silent, mute, late, slow, halves}

var errGone = errors.New("dial tcp: connection refused")

var (
	refusals  = []int32{193, 516, 497, 60, 81, 16}
	overloads = []int32{159, 202, 209, 241, 242, 252, 319, 999}
)

func newServer(rng *rand.Rand, shapes map[string]*shape) *server {
	s := &server{rng: rng, tables: map[string]*table{}, mood: well, refuse: map[string]time.Time{}}
	for name, shape := range shapes {
		s.tables[name] = &table{shape: shape}
	}
	return s
}

func (s *server) feel(m mood, lasts time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mood, s.until = m, time.Now().Add(lasts)
}

// restart loses what was written and not acknowledged, or keeps it, by chance.
func (s *server) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.boot++
	for name, t := range s.tables {
		t.rows = slices.DeleteFunc(t.rows, func(p *part) bool { return !p.sure && s.rng.IntN(2) == 0 })
		for _, p := range t.rows {
			s.sure(name, p)
		}
	}
}

func (s *server) sure(table string, p *part) {
	if !p.sure {
		p.sure = true
		s.stored(table, p.row)
	}
}

// now is the mood of this moment; mu is held.
func (s *server) now() mood {
	m := s.mood
	if m != well && time.Now().After(s.until) {
		s.mood, m = well, well
	}
	if m == moody {
		if s.rng.IntN(3) > 0 {
			return well
		}
		return moods[s.rng.IntN(len(moods))]
	}
	return m
}

// ask does what the mood allows with a statement. do carries it out, all of it or the first of its parts.
func (s *server) ask(ctx context.Context, do func(all bool) (acknowledge func(), err error)) error {
	s.mu.Lock()
	m, boot := s.now(), s.boot
	pause := time.Duration(1+s.rng.IntN(5)) * time.Millisecond
	if m == slow {
		pause = time.Duration(s.rng.Int64N(int64(insertTimeout * 3 / 2)))
	}
	tardy := insertTimeout + time.Duration(s.rng.Int64N(int64(10*time.Second)))
	s.mu.Unlock()
	run := func(all, answers bool) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if boot != s.boot {
			return errGone
		}
		acknowledge, err := do(all)
		if err == nil && answers {
			acknowledge()
		}
		return err
	}
	silence := func() error {
		<-ctx.Done()
		return ctx.Err()
	}
	switch m {
	case away:
		return errGone
	case refusing:
		return s.exception(refusals)
	case overloaded:
		return s.exception(overloads)
	case silent:
		return silence()
	case mute:
		if err := run(true, false); err != nil {
			return err
		}
		return silence()
	case late:
		s.under.Go(func() {
			time.Sleep(tardy)
			_ = run(true, false)
		})
		return silence()
	case halves:
		if err := run(false, false); err != nil {
			return err
		}
		return s.exception(overloads)
	}
	select {
	case <-time.After(pause):
	case <-ctx.Done(): // a server finishes what it has begun
		s.under.Go(func() { _ = run(true, false) })
		return ctx.Err()
	}
	return run(true, true)
}

func (s *server) exception(codes []int32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	code := codes[s.rng.IntN(len(codes))]
	return &clickhouse.Exception{Code: code, Message: "simulated"}
}

// write writes rows to a table, all of them or the first partition's; mu is held.
func (s *server) write(name string, rows []row, all bool) (acknowledge func(), err error) {
	for _, r := range rows {
		id, _ := r["event_id"].(string)
		if until, is := s.refuse[id]; is && time.Now().Before(until) && name == s.refuses() {
			return nil, &clickhouse.Exception{Code: 469, Message: "Constraint `simulated` is violated by " + id}
		}
	}
	t := s.tables[name]
	var parts []*part
	for _, r := range rows {
		p := &part{row: r}
		p.partition, p.key = t.place(r)
		if all || p.partition == parts0(parts, p).partition {
			parts = append(parts, p)
		}
	}
	t.rows = append(t.rows, parts...)
	return func() {
		for _, p := range parts {
			s.sure(name, p)
		}
	}, nil
}

// refuses is the table that rejects rows for their data.
func (s *server) refuses() string {
	if s.sales {
		return "sales"
	}
	return "events"
}

func parts0(parts []*part, other *part) *part {
	if len(parts) > 0 {
		return parts[0]
	}
	return other
}

// final returns what SELECT … FINAL does: of the rows of a partition with equal sorting keys the last one with the
// highest version, unless it is a tombstone.
func (s *server) final(name string) []row {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[name]
	type place struct{ partition, key string }
	counts := map[place]*part{}
	var order []place
	for _, p := range t.rows {
		at := place{p.partition, p.key}
		if was, is := counts[at]; !is {
			order = append(order, at)
		} else if t.rank(was.row) > t.rank(p.row) {
			continue
		}
		counts[at] = p
	}
	var out []row
	for _, at := range order {
		if deleted, _ := counts[at].row["is_deleted"].(uint8); deleted == 0 {
			out = append(out, counts[at].row)
		}
	}
	return out
}

// session is one process's connection to the server.
type session struct {
	driver.Conn // panics for what is not simulated
	server      *server
	mu          sync.Mutex
	dead        bool
	thawed      chan struct{}
}

func newSession(s *server) *session {
	c := &session{server: s, thawed: make(chan struct{})}
	close(c.thawed)
	return c
}

func (c *session) kill() {
	c.mu.Lock()
	c.dead = true
	c.mu.Unlock()
	c.thaw()
}

func (c *session) freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.thawed:
		c.thawed = make(chan struct{})
	default:
	}
}

func (c *session) thaw() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.thawed:
	default:
		close(c.thawed)
	}
}

// ask is server.ask for a process that may be frozen or dead.
func (c *session) ask(ctx context.Context, do func(all bool) (func(), error)) error {
	c.mu.Lock()
	thawed, dead := c.thawed, c.dead
	c.mu.Unlock()
	if dead {
		return errGone
	}
	select {
	case <-thawed:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := c.server.ask(ctx, do)
	c.mu.Lock()
	thawed = c.thawed
	c.mu.Unlock()
	select {
	case <-thawed: // an answer, too, is heard only then
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

var insertInto = regexp.MustCompile(`^INSERT INTO (\w+) \((.+)\)$`)

// PrepareBatch implements driver.Conn.
func (c *session) PrepareBatch(ctx context.Context, query string, _ ...driver.PrepareBatchOption) (driver.Batch, error) {
	m := insertInto.FindStringSubmatch(query)
	if m == nil || c.server.tables[m[1]] == nil {
		return nil, fmt.Errorf("not simulated: %s", query)
	}
	b := &insert{ctx: ctx, session: c, table: m[1], names: strings.Split(m[2], ", ")}
	for _, name := range b.names {
		kind, known := c.server.tables[b.table].kinds[name]
		if !known {
			return nil, &clickhouse.Exception{Code: 16, Message: "no column " + name}
		}
		col, err := column.Type(kind).Column(name, &column.ServerContext{Timezone: time.UTC})
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
		b.columns = append(b.columns, col)
	}
	return b, nil
}

// insert is an INSERT in flight.
type insert struct {
	driver.Batch
	ctx     context.Context //nolint:containedctx // as the driver's own
	session *session
	table   string
	names   []string
	columns []column.Interface
}

// Columns implements driver.Batch.
func (b *insert) Columns() []column.Interface { return b.columns }

// Close implements driver.Batch.
func (b *insert) Close() error { return nil }

// Send implements driver.Batch. Dictionaries of LowCardinality columns are complete only once a column was encoded.
func (b *insert) Send() error {
	for _, c := range b.columns {
		c.Encode(&proto.Buffer{})
	}
	rows := make([]row, b.columns[0].Rows())
	for i := range rows {
		rows[i] = make(row, len(b.names)+2)
		for n, name := range b.names {
			rows[i][name] = b.columns[n].Row(i, false)
		}
	}
	return b.session.ask(b.ctx, func(all bool) (func(), error) {
		written := time.Now().UTC()
		for _, r := range rows {
			r["written_at"] = written
		}
		return b.session.server.write(b.table, rows, all)
	})
}

// contestedUnits finds the units that a query of the registry names.
var contestedUnits = regexp.MustCompile(`\('([^']*)','([^']*)'\)`)

// contested answers the query of the registry: the places of those units that have more than one.
func (c *session) contested(ctx context.Context, query string) (driver.Rows, error) {
	out := &result{names: []string{"vendor", "object", "kind", "sale_key", "source_hour", "version", "seen"}}
	err := c.ask(ctx, func(bool) (func(), error) {
		places := map[string]row{}
		units := map[string][]row{}
		for _, p := range c.server.tables["sale_keys"].rows {
			unit := fmt.Sprintf("%s\x00%s", p.row["vendor"], p.row["object"])
			place := fmt.Sprintf("%s\x00%s\x00%s\x00%d", unit, p.row["kind"], p.row["sale_key"], p.row["source_hour"])
			known := places[place]
			if known == nil {
				known = row{"seen": p.row["written_at"]}
				places[place] = known
				units[unit] = append(units[unit], known)
			}
			for _, name := range out.names[:5] {
				known[name] = p.row[name]
			}
			was, _ := known["version"].(uint64)
			known["version"] = max(was, p.row["version"].(uint64))
		}
		for _, m := range contestedUnits.FindAllStringSubmatch(query, -1) {
			if rows := units[m[1]+"\x00"+m[2]]; len(rows) > 1 {
				out.rows = append(out.rows, rows...)
			}
		}
		return func() {}, nil
	})
	return out, err
}

// sharedEvents finds the events that a query of their registry names.
var sharedEvents = regexp.MustCompile(`\('([^']*)',(\d+)\)`)

// shared answers the query of the registry of events: those that came with more than one content.
func (c *session) shared(ctx context.Context, query string) (driver.Rows, error) {
	out := &result{names: []string{"vendor", "event"}}
	err := c.ask(ctx, func(bool) (func(), error) {
		asked := map[string]bool{}
		for _, m := range sharedEvents.FindAllStringSubmatch(query, -1) {
			asked[m[1]+"\x00"+m[2]] = true
		}
		contents := map[string]any{}
		for _, p := range c.server.tables["event_keys"].rows {
			event := fmt.Sprintf("%s\x00%d", p.row["vendor"], p.row["event"])
			if first, known := contents[event]; !known {
				contents[event] = p.row["low"]
			} else if first != p.row["low"] && asked[event] {
				out.rows = append(out.rows, p.row)
				delete(asked, event)
			}
		}
		return func() {}, nil
	})
	return out, err
}

// Query implements driver.Conn for the queries of the loop: the registries of sales and of events, and the ledger's ends of
// today.
func (c *session) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	if strings.Contains(query, "FROM event_keys WHERE") {
		return c.shared(ctx, query)
	}
	if strings.Contains(query, "FROM sale_keys WHERE") {
		return c.contested(ctx, query)
	}
	selected, is := strings.CutPrefix(query, "SELECT ")
	names, rest, _ := strings.Cut(selected, " FROM ")
	if !is || rest != "ledger FINAL WHERE consumer_group = ? AND toDate(written_at, 'UTC') = toDate(now(), 'UTC')"+
		" ORDER BY end_offset DESC, first_offset LIMIT 1 BY kafka_topic, kafka_partition" {
		return nil, fmt.Errorf("not simulated: %s", query)
	}
	out := &result{names: strings.Split(names, ", ")}
	err := c.ask(ctx, func(bool) (func(), error) { return func() {}, nil })
	if err != nil {
		return nil, err
	}
	day := time.Now().UTC().Format(time.DateOnly)
	furthest := map[string]row{}
	for _, r := range c.server.final("ledger") {
		if r["consumer_group"] != args[0] || r["written_at"].(time.Time).Format(time.DateOnly) != day {
			continue
		}
		at := fmt.Sprint(r["kafka_topic"], r["kafka_partition"])
		was := furthest[at]
		if was == nil || r["end_offset"].(int64) > was["end_offset"].(int64) ||
			r["end_offset"] == was["end_offset"] && r["first_offset"].(int64) < was["first_offset"].(int64) {
			furthest[at] = r
		}
	}
	for _, r := range furthest {
		out.rows = append(out.rows, r)
	}
	return out, nil
}

// result is what a query returned.
type result struct {
	driver.Rows
	names []string
	rows  []row
	at    int
}

// Next implements driver.Rows.
func (r *result) Next() bool {
	r.at++
	return r.at <= len(r.rows)
}

// Scan implements driver.Rows.
func (r *result) Scan(into ...any) error {
	for i, name := range r.names {
		reflect.ValueOf(into[i]).Elem().Set(reflect.ValueOf(r.rows[r.at-1][name]))
	}
	return nil
}

// Err implements driver.Rows.
func (r *result) Err() error { return nil }

// Close implements driver.Rows.
func (r *result) Close() error { return nil }
