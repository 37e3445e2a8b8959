package doctor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/doctor"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/internal/testkit"
)

// want is a finding that must be there, with words of what was found and of what to do.
type want struct {
	check      string
	status     doctor.Status
	found, fix string
}

func TestBrokenSetUps(t *testing.T) {
	shared := newWorld(t, testkit.Engine(t), "doctor")
	for i, test := range []struct {
		name   string
		broken func(*world)
		want   []want // every finding that is a warning or a failure
	}{
		{"nothing", func(*world) {}, nil},
		{"no broker", func(w *world) { w.Kafka.Brokers = []string{"127.0.0.1:1"} },
			[]want{{"kafka", doctor.Failed, "connection refused", "--kafka-brokers"}}},
		{"wrong password for Kafka", func(w *world) {
			c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "alice", "right"))
			if err != nil {
				w.Fatal(err)
			}
			w.Cleanup(c.Close)
			w.Kafka.Brokers, w.Kafka.SASL, w.Kafka.User = c.ListenAddrs(), kafka.ScramSHA512, "alice"
			w.Kafka.Password = secret.Ref("file:" + w.keep("password", "wrong"))
		}, []want{{"kafka", doctor.Failed, "", `is the password of user "alice"`}}},
		{"TLS where there is none", func(w *world) { w.Kafka.TLS, w.Timeout = true, 5*time.Second },
			[]want{{"kafka", doctor.Failed, "", "--kafka-brokers"}}},
		{"a password that is not there", func(w *world) {
			w.Kafka.SASL, w.Kafka.User, w.Kafka.Password = kafka.Plain, "alice", "env:HOOKLINE_TEST_NOT_SET"
		}, []want{{"kafka", doctor.Failed, "HOOKLINE_TEST_NOT_SET is not set", "flag"}}},
		{"no topics", func(w *world) { w.Kafka.TopicPrefix = "other" }, []want{
			{"topic other.events", doctor.Failed, "does not exist", "hookline setup"},
			{"topic other.events.retry", doctor.Failed, "does not exist", "hookline setup"},
			{"topic other.events.dlq", doctor.Failed, "does not exist", "hookline setup"},
			{"topic other.rejections", doctor.Failed, "does not exist", "hookline setup"},
		}},
		{"a topic that loses events", func(w *world) {
			w.alone()
			w.alter("webhooks.events", "cleanup.policy", "compact")
			w.alter("webhooks.events.retry", "retention.ms", "3600000")
		}, []want{
			{"topic webhooks.events", doctor.Failed, "removes events before they are stored", "cleanup.policy=delete"},
			{"topic webhooks.events.retry", doctor.Failed, "keeps events for 1h", "retention.ms="},
		}},
		{"a topic that takes less than ingest", func(w *world) {
			w.alone()
			w.alter("webhooks.events", "max.message.bytes", "1048588")
		}, []want{{"topic webhooks.events", doctor.Failed, "1048588 bytes", "max.message.bytes=4194304"}}},
		{"a write that counts with one copy", func(w *world) {
			w.alone()
			w.alter("webhooks.events", "min.insync.replicas", "1")
		}, []want{{"topic webhooks.events", doctor.Warning, "counts with one copy", "min.insync.replicas=2"}}},
		{"no processor", func(w *world) { w.Group = "nobody" },
			[]want{{"group nobody", doctor.Warning, "no processor", "hookline processor"}}},
		{"no ClickHouse", func(w *world) { w.ClickHouse.DSN = "http://127.0.0.1:1/hookline" },
			[]want{{"clickhouse", doctor.Failed, "connection refused", "--clickhouse-dsn"}}},
		{"a proxy that drops the settings of inserts", func(w *world) {
			target, err := url.Parse(w.engine.URL)
			if err != nil {
				w.Fatal(err)
			}
			proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				q := r.Out.URL.Query()
				q.Del("insert_deduplication_token")
				q.Del("insert_deduplicate")
				r.Out.URL.RawQuery = q.Encode()
			}}
			server := httptest.NewServer(proxy)
			w.Cleanup(server.Close)
			w.ClickHouse.DSN = analytics.DSN(strings.Replace(string(w.ClickHouse.DSN), target.Host, strings.TrimPrefix(server.URL, "http://"), 1))
		}, []want{{"inserts", doctor.Failed, "drop an INSERT that equals an earlier one", "insert_deduplication_token"}}},
		{"wrong password for ClickHouse", func(w *world) {
			w.ClickHouse.Password = secret.Ref("file:" + w.keep("password", "wrong"))
		}, []want{{"clickhouse", doctor.Failed, "Authentication failed", "--clickhouse-password"}}},
		{"no right to insert", func(w *world) {
			w.inFront(func(_ http.ResponseWriter, query string) (string, bool) {
				if strings.HasPrefix(query, "CHECK GRANT") && !strings.Contains(query, "schema_migrations") {
					query = "SELECT toUInt8(0) AS result"
				}
				return query, false
			})
		}, []want{{"grants", doctor.Failed, "it lacks INSERT ON doctor", ".events TO owner"}}},
		{"the rights of the processor alone", func(w *world) {
			w.inFront(func(_ http.ResponseWriter, query string) (string, bool) {
				if strings.HasPrefix(query, "CHECK GRANT") && (strings.HasSuffix(query, ".*") || strings.Contains(query, "schema_migrations")) {
					query = "SELECT toUInt8(0) AS result"
				}
				return query, false
			})
		}, nil},
		{"another authority than ClickHouse's", func(w *world) {
			target, err := url.Parse(w.engine.URL)
			if err != nil {
				w.Fatal(err)
			}
			server := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(target))
			w.Cleanup(server.Close)
			w.ClickHouse.DSN = analytics.DSN(server.URL + "/hookline?secure=true")
			w.ClickHouse.CA = testkit.NewAuthority(w.T).File
		}, []want{{"clickhouse", doctor.Failed, "unknown authority", "--clickhouse-ca"}}},
		{"a password in the DSN", func(w *world) {
			w.ClickHouse = analytics.Options{DSN: analytics.DSN(w.engine.HTTPAs(w.T, testkit.Owner) + "/doctor")}
		}, []want{{"clickhouse", doctor.Warning, "can read it", "--clickhouse-password"}}},
		{"no database", func(w *world) { w.ClickHouse.DSN += "_not_there" },
			[]want{{"schema", doctor.Failed, "there is no database", "hookline setup"}}},
		{"an old schema", func(w *world) {
			w.alone()
			w.sql("ALTER TABLE schema_migrations DELETE WHERE version_id > 2 SETTINGS mutations_sync = 2")
		}, []want{{"schema", doctor.Failed, "lacks migrations 00003", "hookline setup"}}},
		{"a newer schema", func(w *world) {
			w.alone()
			w.sql("INSERT INTO schema_migrations (version_id, is_applied) VALUES (99, 1)")
		}, []want{{"schema", doctor.Warning, "[99]", "Upgrade"}}},
		{"a rollup that fails", func(w *world) {
			w.alone()
			w.sql("DROP TABLE sales_sums SYNC")
			testkit.Eventually(w.T, time.Minute, func() error {
				for _, f := range doctor.Run(w.Context(), discard(), w.Options).Findings {
					if f.Check == "rollups" && f.Status == doctor.Failed {
						return nil
					}
				}
				return fmt.Errorf("not noticed")
			})
		}, []want{{"rollups", doctor.Failed, "sales_rollup_refresh fails", "system.view_refreshes"}}},
		{"a clock an hour off", func(w *world) { w.Now = func() time.Time { return time.Now().Add(time.Hour) } },
			[]want{{"clickhouse's clock", doctor.Failed, "behind", "NTP"}}},
		{"a clock some seconds off", func(w *world) { w.Now = func() time.Time { return time.Now().Add(-5 * time.Second) } },
			[]want{{"clickhouse's clock", doctor.Warning, "s ahead of", "NTP"}}},
		{"no vendors' file", func(w *world) { w.Vendors += ".gone" },
			[]want{{"vendors", doctor.Failed, "no such file", "--vendors"}}},
		{"three mistakes in the vendors' file", func(w *world) {
			w.Vendors = w.keep("vendors.yaml", `vendors:
  acme:
    preset: strip
    secrets: [env:HOOKLINE_TEST_NOT_SET]
  other:
    preset: github
    secrets: [file:/not/there]
`)
		}, []want{
			{"vendors", doctor.Failed, "vendors.yaml:3", "this line"},
			{"vendors", doctor.Failed, "HOOKLINE_TEST_NOT_SET is not set", "this line"},
			{"vendors", doctor.Failed, "/not/there", "this line"},
		}},
		{"a secret that soon ends", func(w *world) {
			w.Vendors = w.keep("vendors.yaml", fmt.Sprintf("vendors:\n  acme:\n    preset: stripe\n    secrets: [{from: file:%s, until: %s}]\n",
				w.keep("s", "whsec_x"), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
		}, []want{{"vendors", doctor.Warning, "ends in", "vendors.yaml"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			copied := *shared
			w := &copied
			w.T, w.another = t, fmt.Sprintf("doctor%d", i)
			test.broken(w)
			report := doctor.Run(t.Context(), discard(), w.Options)
			judge(t, report, test.want)
		})
	}
}

// judge fails the test unless what the report finds wrong is what is wanted, nothing less and nothing more.
func judge(t *testing.T, report *doctor.Report, wanted []want) {
	t.Helper()
	var wrong []doctor.Finding
	for _, f := range report.Findings {
		if f.Status == doctor.Failed || f.Status == doctor.Warning {
			wrong = append(wrong, f)
		}
	}
	for _, want := range wanted {
		if !contains(wrong, want) {
			t.Errorf("no finding %+v", want)
		}
	}
	if len(wrong) != len(wanted) {
		t.Errorf("%d findings, want %d", len(wrong), len(wanted))
	}
	if t.Failed() {
		var table bytes.Buffer
		_ = report.Table(&table)
		t.Log("\n" + table.String())
	}
}

func contains(findings []doctor.Finding, want want) bool {
	for _, f := range findings {
		if f.Check == want.check && f.Status == want.status && strings.Contains(f.Found, want.found) && strings.Contains(f.Fix, want.fix) {
			return true
		}
	}
	return false
}

func TestNothingIsChangedAndPartsCanBeSkipped(t *testing.T) {
	report := doctor.Run(context.Background(), discard(), doctor.Options{Skip: []string{"kafka", "clickhouse", "vendors"}, Timeout: time.Second})
	if len(report.Findings) != 0 {
		t.Errorf("found %+v", report.Findings)
	}
}

func TestReport(t *testing.T) {
	report := &doctor.Report{Findings: []doctor.Finding{
		{Check: "kafka", Status: doctor.OK, Found: "3 brokers"},
		{Check: "schema", Status: doctor.Failed, Found: "there is\nno database", Fix: "Run 'hookline setup'."},
	}}
	var table, text bytes.Buffer
	if err := report.Table(&table); err != nil {
		t.Fatal(err)
	}
	const wantTable = `ok      kafka   3 brokers
failed  schema  there is no database
                -> Run 'hookline setup'.
doctor: ok=1 unknown=0 warning=0 failed=1
`
	if table.String() != wantTable {
		t.Errorf("got\n%s", table.String())
	}
	if err := report.JSON(&text); err != nil {
		t.Fatal(err)
	}
	var back doctor.Report
	if err := json.Unmarshal(text.Bytes(), &back); err != nil || len(back.Findings) != 2 || back.Findings[1] != report.Findings[1] {
		t.Errorf("got %s (%v)", text.String(), err)
	}
	if report.Failed() != 1 {
		t.Error("the failure is not counted")
	}
}
