package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// way is the way that the parts take to the broker or to the engine: a proxy that can be cut, slowed down and silenced.
type way struct{ proxy *toxiproxy.Proxy }

// newWay opens a way from a free port to an address.
func newWay(name, to string) (*way, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	w := &way{toxiproxy.NewProxy(server, name, "127.0.0.1:0", to)}
	return w, w.open()
}

// port is where it begins; it stays the same.
func (w *way) port() int {
	address, err := net.ResolveTCPAddr("tcp", w.proxy.Listen)
	if err != nil {
		return 0 // it is the address of a listener
	}
	return address.Port
}

// close closes all connections, and has further ones refused.
func (w *way) close() { w.proxy.Stop() }

// open ends that.
func (w *way) open() error {
	if err := w.proxy.Start(); err != nil {
		return fmt.Errorf("open the %s: %w", w.proxy.Name, err)
	}
	return nil
}

// toxic is what is done to data in one direction; see https://github.com/Shopify/toxiproxy#toxics.
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Attributes map[string]any `json:"attributes"`
}

// poison does it in both directions until clean is called.
func (w *way) poison(kind string, attributes map[string]any) error {
	for _, stream := range []string{"upstream", "downstream"} {
		text, err := json.Marshal(toxic{kind, stream, attributes})
		if err != nil {
			return fmt.Errorf("poison the %s: %w", w.proxy.Name, err)
		}
		if _, err := w.proxy.Toxics.AddToxicJson(bytes.NewReader(text)); err != nil {
			return fmt.Errorf("poison the %s: %w", w.proxy.Name, err)
		}
	}
	return nil
}

func (w *way) clean(ctx context.Context) { w.proxy.Toxics.ResetToxics(ctx) }
