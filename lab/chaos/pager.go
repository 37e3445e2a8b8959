package chaos

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hookline-io/hookline/internal/service"
)

// pager is the webhook that the processors' alerts go to.
type pager struct {
	listener net.Listener

	mu      sync.Mutex
	changes []change
}

// change is what an alert said.
type change struct {
	name, from string
	firing     bool
	at         time.Time // when we were notified
}

func newPager() (*pager, error) {
	ln, err := service.Listen("the pager", "127.0.0.1:0", "")
	return &pager{listener: ln}, err
}

func (p *pager) url() string { return "http://" + p.listener.Addr().String() }

// run serves until ctx ends.
func (p *pager) run(ctx context.Context) error {
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(p.serve)}
	return service.Serve(ctx, server, p.listener, time.Second)
}

func (p *pager) serve(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Alerts []struct {
			Status string            `json:"status"`
			Labels map[string]string `json:"labels"`
		} `json:"alerts"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range body.Alerts {
		p.changes = append(p.changes, change{a.Labels["alertname"], a.Labels["instance"], a.Status == "firing", time.Now()})
	}
}

// raised is when an alert of that name first came, and how many there were; the zero time if there was none.
func (p *pager) raised(name string) (first time.Time, count int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.changes {
		if c.name == name && c.firing {
			if count++; count == 1 {
				first = c.at
			}
		}
	}
	return first, count
}

// over is when the last alert of that name was resolved; the zero time while one lasts, and if there was none.
func (p *pager) over(name string) (last time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	lasting := map[string]bool{}
	for _, c := range p.changes {
		if c.name != name {
			continue
		}
		if lasting[c.from] = c.firing; !c.firing {
			last = c.at
		}
	}
	for _, l := range lasting {
		if l {
			return time.Time{}
		}
	}
	return last
}
