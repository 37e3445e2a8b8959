package analytics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/internal/testkit"
)

func TestInvariant7_DSNHidesItsPassword(t *testing.T) {
	var out bytes.Buffer
	for _, dsn := range []analytics.DSN{"clickhouse://me:hunter2@host:9000/db", "http://host:8123/db?username=me&password=hunter2", "clickhouse://me:hunter2 @%zz"} {
		o := analytics.Options{DSN: dsn}
		fmt.Fprintf(&out, "%v %s %+v %#v %q", dsn, dsn, o, o, dsn)
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("", "options", o, "dsn", dsn)
		slog.New(slog.NewTextHandler(&out, nil)).Info("", "options", o, "dsn", dsn)
		if _, err := analytics.Open(t.Context(), o); err != nil {
			out.WriteString(err.Error())
		}
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Errorf("a password shows: %s", out.String())
	}
}

func TestCompressionOnTheWayToOtherMachinesOnly(t *testing.T) {
	for dsn, want := range map[string]clickhouse.CompressionMethod{
		"clickhouse://localhost:9000/hookline":                clickhouse.CompressionNone,
		"http://127.0.0.1:8123/hookline":                      clickhouse.CompressionNone,
		"clickhouse://[::1]:9000/hookline":                    clickhouse.CompressionNone,
		"clickhouse://clickhouse:9000/hookline":               clickhouse.CompressionLZ4,
		"http://10.0.0.7:8123/hookline":                       clickhouse.CompressionLZ4,
		"clickhouse://localhost:9000,other:9000/hookline":     clickhouse.CompressionLZ4,
		"clickhouse://localhost:9000/hookline?compress=lz4":   clickhouse.CompressionLZ4,
		"clickhouse://clickhouse:9000/hookline?compress=none": clickhouse.CompressionNone,
	} {
		opt, err := analytics.Options{DSN: analytics.DSN(dsn)}.Driver()
		if err != nil {
			t.Fatal(err)
		}
		got := clickhouse.CompressionNone
		if opt.Compression != nil {
			got = opt.Compression.Method
		}
		if got != want {
			t.Errorf("%s: %v, want %v", dsn, got, want)
		}
	}
}

func TestPasswordFromFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("wrong\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := testkit.Engine(t)
	db, err := analytics.Open(t.Context(), analytics.Options{DSN: analytics.DSN(e.HTTPAs(t, "migrator") + "/hookline"), Password: secret.Ref("file:" + file)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const authenticationFailed = 516
	if err := db.Ping(t.Context()); analytics.Code(err) != authenticationFailed {
		t.Errorf("got %v, want code %d: the password in the file comes before that of the DSN", err, authenticationFailed)
	}
	if _, err := analytics.Open(t.Context(), analytics.Options{DSN: analytics.DSN(e.DSN), Password: secret.Ref("file:" + file + ".missing")}); err == nil {
		t.Error("a missing password file passes")
	}
}

func TestErrorsOfARealEngine(t *testing.T) {
	t.Parallel()
	e := testkit.Engine(t)
	db, err := analytics.Open(t.Context(), analytics.Options{DSN: analytics.DSN(e.HTTPAs(t, "migrator") + "/hookline")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	b := analytics.NewBatch()
	if err := b.Append(sale("evt_1", halloween)); err != nil {
		t.Fatal(err)
	}
	err = db.Insert(t.Context(), b)
	const unknownDatabase = 81
	var refusal *analytics.Error
	var exception *clickhouse.Exception
	if !errors.As(err, &refusal) || refusal.Code != unknownDatabase || !errors.As(err, &exception) {
		t.Errorf("got %v, want code %d", err, unknownDatabase)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Insert(t.Context(), b); err != nil {
		t.Errorf("after Migrate: %v", err)
	}
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if err := db.Insert(late, b); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
	e.Stop()
	if err := db.Insert(t.Context(), b); err == nil || analytics.Code(err) != 0 || strings.Contains(err.Error(), "kafka_offset") {
		t.Errorf("with no engine: %v", err)
	}
	e.Restart()
	if err := db.Insert(t.Context(), b); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}
