// Package load posts prepared HTTP requests and says how long each took. With a rate the arrivals are open: they come
// at their times whether or not earlier ones were answered, and a latency counts from when the request was due, not
// from when a connection was free to send it. A server that stalls for a second thus shows in the latency of every
// request of that second, where a closed loop would have sent, and counted, none (coordinated omission).
//
// It exists because it has to cost less than what it measures: it shares a machine with it. Vegeta, the usual library,
// goes through net/http's client for every request, which costs about as much as the server under test, and counts
// from when it sends.
package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Plan says what to send.
type Plan struct {
	Address     string        // host:port
	Requests    [][]byte      // as they go over the wire, HTTP/1.1 and kept alive; sent round and round
	Connections int           // most requests in flight at once
	Rate        float64       // arrivals per second; 0 sends the next as soon as a connection is free
	For         time.Duration // time in which requests arrive
}

// grace is how long answers may take after the last arrival.
const grace = 10 * time.Second

// Result is what came of it.
type Result struct {
	Latencies []time.Duration // of the requests answered with 200, in ascending order
	Failed    int             // requests answered with something else, or not at all
	Failure   error           // the first
	Took      time.Duration   // from the first arrival to the last answer
}

// PerSecond is the throughput.
func (r *Result) PerSecond() float64 { return float64(len(r.Latencies)) / r.Took.Seconds() }

// Quantile returns the latency that the fraction q of the requests did not exceed; 0 where none was answered.
func (r *Result) Quantile(q float64) time.Duration {
	if len(r.Latencies) == 0 {
		return 0
	}
	return r.Latencies[min(int(q*float64(len(r.Latencies))), len(r.Latencies)-1)]
}

// Run carries p out. Its error is that of a plan that cannot begin; what fails later is in the Result.
func Run(ctx context.Context, p Plan) (Result, error) {
	connections := make([]*connection, p.Connections)
	for i := range connections {
		conn, err := (&net.Dialer{Timeout: 3 * time.Second}).DialContext(ctx, "tcp", p.Address)
		if err != nil {
			return Result{}, fmt.Errorf("load: %w", err)
		}
		defer conn.Close()
		connections[i] = &connection{Conn: conn, answers: bufio.NewReaderSize(conn, 4<<10)}
	}
	began := time.Now()
	end := began.Add(p.For)
	var tickets atomic.Int64
	var group sync.WaitGroup
	for _, c := range connections {
		if err := c.SetDeadline(end.Add(grace)); err != nil {
			return Result{}, fmt.Errorf("load: %w", err)
		}
		group.Go(func() { c.work(ctx, &p, &tickets, began, end) })
	}
	group.Wait()
	result := Result{Took: time.Since(began)}
	for _, c := range connections {
		result.Latencies = append(result.Latencies, c.latencies...)
		result.Failed += c.failed
		if result.Failure == nil {
			result.Failure = c.failure
		}
	}
	slices.Sort(result.Latencies)
	return result, nil
}

// connection sends one request after the other.
type connection struct {
	net.Conn
	answers   *bufio.Reader
	latencies []time.Duration
	failed    int
	failure   error
}

// work takes the next arrival, waits until it is due, and sees it through. When all connections are busy an arrival
// waits in line, and its latency counts from when it was due.
func (c *connection) work(ctx context.Context, p *Plan, tickets *atomic.Int64, began, end time.Time) {
	for ctx.Err() == nil {
		ticket := tickets.Add(1) - 1
		due := time.Now()
		if p.Rate > 0 {
			due = began.Add(time.Duration(float64(ticket) / p.Rate * float64(time.Second)))
			time.Sleep(time.Until(due))
		}
		if !due.Before(end) {
			return
		}
		if err := c.post(p.Requests[int(ticket)%len(p.Requests)]); err != nil {
			c.failed++
			if c.failure == nil {
				c.failure = err
			}
			if _, refused := errors.AsType[refusal](err); !refused {
				return // the connection is of no more use
			}
			continue
		}
		c.latencies = append(c.latencies, time.Since(due))
	}
}

// refusal is an answer other than 200.
type refusal struct {
	status int
	body   string
}

func (r refusal) Error() string { return fmt.Sprintf("answered with %d: %s", r.status, r.body) }

// post sends one request and reads its answer to the end.
func (c *connection) post(request []byte) error {
	if _, err := c.Write(request); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	answer, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		_, err = io.Copy(io.Discard, answer.Body)
		return errors.Join(refusal{answer.StatusCode, string(body)}, err)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}
