package ingest

import "sync/atomic"

// vendorShare is the part of what waits for Kafka that one vendor may have once half of the space is taken: 1/vendorShare.
const vendorShare = 4

// share bounds what of one vendor waits for Kafka, so that its large deliveries leave space for the others'.
type share struct{ events, bytes atomic.Int64 }

func (s *share) add(events, bytes int64) (allEvents, allBytes int64) {
	return s.events.Add(events), s.bytes.Add(bytes)
}

// take takes space for a delivery, or says that there is none for it now. A vendor of whom nothing waits is always let in:
// a delivery may be larger than its share.
func (s *share) take(q *enqueuer, events, bytes int) bool {
	n, size := int64(events), int64(bytes)
	ownEvents, ownBytes := s.add(n, size)
	allEvents, allBytes := q.waiting.add(n, size)
	fits := func(own, add, all, limit int64) bool {
		return limit == 0 || own == add || own <= limit/vendorShare || all <= limit/2
	}
	if fits(ownEvents, n, allEvents, q.maxEvents) && fits(ownBytes, size, allBytes, q.maxBytes) {
		return true
	}
	s.leave(q, events, bytes)
	return false
}

func (s *share) leave(q *enqueuer, events, bytes int) {
	s.add(-int64(events), -int64(bytes))
	q.waiting.add(-int64(events), -int64(bytes))
}
