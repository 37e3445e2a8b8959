package main

import (
	"context"
	"crypto/tls"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/hookline-io/hookline/internal/testkit"
)

// Every command that talks to Kafka must say within seconds that it is not let in, and what to do; none may hang, and
// none may show the password.
func TestEveryCommandSaysThatKafkaRefusesIt(t *testing.T) {
	authority, stranger := testkit.NewAuthority(t), testkit.NewAuthority(t)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "alice", "right"),
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{authority.Issue(t, []string{"127.0.0.1"}).Load(t)}}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "vendors.yaml"), "vendors:\n  acme:\n    preset: stripe\n    secrets: [env:ACME_SECRET]\n")
	const wrong = "wrong-horse-battery"
	common := []string{"ACME_SECRET=whsec_test", "WRONG=" + wrong, "HOOKLINE_KAFKA_BROKERS=" + cluster.ListenAddrs()[0], "HOOKLINE_CLICKHOUSE_DSN=http://127.0.0.1:1/hookline"}
	for _, refusal := range []struct {
		name, want string
		env        []string
	}{
		{"password", `env:WRONG is the password of user "alice"`, []string{"HOOKLINE_KAFKA_CA=" + authority.File, "HOOKLINE_KAFKA_SASL=scram-sha-256", "HOOKLINE_KAFKA_USER=alice", "HOOKLINE_KAFKA_PASSWORD=env:WRONG"}},
		{"authority", "(--kafka-ca) signed the certificate of the broker", []string{"HOOKLINE_KAFKA_CA=" + stranger.File, "HOOKLINE_KAFKA_SASL=scram-sha-256", "HOOKLINE_KAFKA_USER=alice", "HOOKLINE_KAFKA_PASSWORD=env:WRONG"}},
		{"password in place of its reference", "a secret is a reference", []string{"HOOKLINE_KAFKA_CA=" + authority.File, "HOOKLINE_KAFKA_SASL=scram-sha-256", "HOOKLINE_KAFKA_USER=alice", "HOOKLINE_KAFKA_PASSWORD=" + wrong}},
	} {
		for _, command := range []string{
			"setup", "ingest --listen=127.0.0.1:0 --admin-listen=127.0.0.1:0", "processor --admin-listen=127.0.0.1:0",
			"audit", "dlq list", "dlq show 0/0", "dlq redrive", "doctor",
		} {
			t.Run(refusal.name+"/"+command, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
				defer cancel()
				started := time.Now()
				cmd := program(ctx, strings.Fields(command)...)
				cmd.Dir, cmd.Env = dir, slices.Concat(cmd.Env, common, refusal.env)
				out, err := cmd.CombinedOutput()
				exit, ended := errors.AsType[*exec.ExitError](err)
				if !ended || exit.ExitCode() <= 0 || ctx.Err() != nil {
					t.Errorf("ended with %v after %v", err, time.Since(started))
				}
				if command == "doctor" && exit.ExitCode() != 2 {
					t.Errorf("doctor's exit status is %d", exit.ExitCode())
				}
				if !strings.Contains(string(out), refusal.want) {
					t.Errorf("does not say %q", refusal.want)
				}
				if strings.Contains(string(out), wrong) {
					t.Error("shows the password")
				}
				if t.Failed() {
					t.Logf("%s", out)
				}
			})
		}
	}
}
