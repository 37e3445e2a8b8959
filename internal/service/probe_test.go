package service

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestProbe(t *testing.T) {
	var fault error
	server := httptest.NewUnstartedServer(nil)
	server.Config.Handler = NewAdmin(func(context.Context) error { return fault }).Handler(server.Listener.Addr(), nil)
	server.Start()
	defer server.Close()
	probe := func() error {
		return (&ProbeCommand{URL: server.URL + "/readyz", Timeout: 5 * time.Second}).Run(t.Context(), nil)
	}
	if err := probe(); err != nil {
		t.Errorf("ready, and yet: %v", err)
	}
	fault = errors.New("no broker answers")
	if err := probe(); err == nil || !strings.Contains(err.Error(), "no broker answers") {
		t.Errorf("not ready: %v", err)
	}
	server.Close()
	if err := probe(); err == nil {
		t.Error("nothing there, and yet ready")
	}
}
