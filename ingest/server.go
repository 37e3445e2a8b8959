package ingest

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas"
)

// server answers vendors. The path of a delivery is receive: limit, verify, identify, enqueue.
type server struct {
	queue      *enqueuer
	memory     *memoryLimiter
	guard      *guard
	bodies     bodies
	rejections *rejections
	metrics    *metrics
	tracer     tracer
	log        *slog.Logger
	maxBody    int64
	publicURL  string
	sources    atomic.Pointer[map[string]*vendorEndpoint]
	stopping   atomic.Bool // not ready any more; deliveries that still come are still taken
	certs      signature.CertSource
	confirms   *http.Client
	now        func() time.Time

	seldom   rate.Sometimes // bounds the lines logged about faults (invariant 9)
	unlogged atomic.Int64   // faults since the last such line
}

func (s *server) handler(o LimitOptions) http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = clientAddress(o)
	e.Any("/webhooks/:vendor", s.deliver)
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if !c.Response().Committed {
			s.refuse(c, schemas.UnknownVendor, s.now(), err)
		}
	}
	return e
}

// clientAddress says who sent a request: the peer, or whom the trusted proxies saw. A name in X-Forwarded-For
// counts only if a trusted proxy wrote it, so they are read from the right. Some proxies write the port too (Azure's).
func clientAddress(o LimitOptions) echo.IPExtractor {
	return func(r *http.Request) string {
		peer, _ := netip.ParseAddrPort(r.RemoteAddr)
		sender := peer.Addr().Unmap().WithZone("")
		names := strings.Split(strings.Join(r.Header.Values(echo.HeaderXForwardedFor), ","), ",")
		for _, name := range slices.Backward(names) {
			if !contains(o.TrustedProxies, sender) {
				break
			}
			seen, ok := forwardedFor(name)
			if !ok {
				return peer.Addr().Unmap().WithZone("").String()
			}
			sender = seen
		}
		return sender.String()
	}
}

// forwardedFor reads an address as proxies write it: alone, in brackets, or with a port.
func forwardedFor(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone(""), true
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	return addr.Unmap().WithZone(""), err == nil
}

// deliver answers one delivery and counts it.
func (s *server) deliver(c echo.Context) error {
	start := s.now()
	vendor := schemas.UnknownVendor
	defer func() {
		if p := recover(); p != nil { // a poison delivery costs only itself (invariant 8)
			s.refuse(c, vendor, start, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	name := c.Param("vendor")
	source, ok := (*s.sources.Load())[name]
	if !ok {
		s.refuse(c, vendor, start, newProblem(reasonUnknownVendor,
			fmt.Sprintf("There is no vendor %.64q here. Check the last part of the URL you were given.", name), nil))
		return nil
	}
	vendor = source.vendor.Name
	s.tracer.delivery(c, vendor)
	answer, err := s.receive(c, source, start)
	if err != nil {
		s.refuse(c, vendor, start, err)
		return nil
	}
	if answer.status == http.StatusOK {
		s.metrics.accepted(source.counters, time.Since(start))
	} else {
		s.metrics.answered(vendor, answer.status, "", time.Since(start))
	}
	s.tracer.answered(c.Request(), answer.status, "")
	return c.Blob(answer.status, answer.contentType, answer.body)
}

// refuse answers with the problem that err means, counts it, and logs it where the fault is ours.
func (s *server) refuse(c echo.Context, vendor string, start time.Time, err error) {
	p := asProblem(err)
	if p.Status >= http.StatusInternalServerError {
		s.unlogged.Add(1)
		s.seldom.Do(func() {
			s.log.Error("deliveries not accepted", "faults", s.unlogged.Swap(0), "vendor", vendor, "status", p.Status, "reason",
				p.Reason, "err", err)
		})
	} else {
		s.log.Debug("delivery refused", "vendor", vendor, "status", p.Status, "reason", p.Reason, "err", err)
	}
	s.metrics.answered(vendor, p.Status, p.Reason, time.Since(start))
	s.tracer.answered(c.Request(), p.Status, p.Reason)
	s.rejections.add(vendor, p.Reason, s.now())
	if err := p.write(c.Response()); err != nil {
		s.log.Debug("answer not sent", "vendor", vendor, "err", err)
	}
}
