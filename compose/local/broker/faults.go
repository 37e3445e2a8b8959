package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookline-io/hookline/internal/service"
)

// FaultOrder has the broker refuse requests. It is posted as JSON to the address in Options.Faults.
type FaultOrder struct {
	Request string        // of which kind, such as Produce; by their names in https://kafka.apache.org/protocol#protocol_api_keys
	Error   string        // what they are answered with, such as NOT_COORDINATOR
	Topic   string        // concerning this topic only; empty: any
	Count   int           // how many of them, for an order that has no For
	For     time.Duration // all of them for this long
	Await   bool          // answer the order only when the first one was refused, or For is over
}

// Check says what is wrong with the order.
func (o FaultOrder) Check() error {
	_, err := o.fault()
	return err
}

// fault is the order as kfake takes it.
func (o FaultOrder) fault() (kfake.Fault, error) {
	var f kfake.Fault
	for key := range int16(kmsg.MaxKey + 1) {
		if strings.EqualFold(kmsg.NameForKey(key), o.Request) {
			f.Keys = append(f.Keys, kmsg.Key(key))
		}
	}
	if len(f.Keys) == 0 {
		return f, fmt.Errorf("order a fault: Kafka has no request %q", o.Request)
	}
	const last = 200 // past the last code that Kafka has
	for code := range int16(last) {
		if err := kerr.TypedErrorForCode(code); err != nil && err.Message == o.Error {
			f.Err = err
		}
	}
	if f.Err == nil {
		return f, fmt.Errorf("order a fault: Kafka has no error %q", o.Error)
	}
	f.Topic = o.Topic
	if f.Count = o.Count; o.For > 0 {
		f.Count = -1
	} else if o.Count <= 0 {
		return f, fmt.Errorf("order a fault: %d requests", o.Count)
	}
	return f, nil
}

// serveFaults takes orders until ctx ends.
func serveFaults(ctx context.Context, listen string, cluster *kfake.Cluster) error {
	ln, err := service.Listen("the broker's order desk for faults", listen, "--faults-listen")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "an order is application/json", http.StatusUnsupportedMediaType)
			return
		}
		var order FaultOrder
		err := json.NewDecoder(r.Body).Decode(&order)
		var fault kfake.Fault
		if err == nil {
			fault, err = order.fault()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		handle := cluster.Fault(fault)
		if order.For > 0 {
			time.AfterFunc(order.For, handle.Remove)
		}
		if order.Await {
			bounded, cancel := context.WithTimeout(r.Context(), order.For)
			defer cancel()
			_ = handle.Wait(bounded, 1)
		}
	})
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: service.LocalOnly(mux, ln.Addr(), nil)}
	return service.Serve(ctx, server, ln, time.Second)
}
