package ingest

import "sync/atomic"

// vendorShare is the part of what waits for Kafka that one vendor may have once half of the space is taken: 1/vendorShare.
const vendorShare = 4

// share bounds what of one vendor waits for Kafka, so that its large deliveries leave space for the others'.
type share struct{ events, bytes atomic.Int64 }

// take takes space for a delivery, or says that there is none for it now. A vendor of whom nothing waits is always let in:
// a delivery may be larger than its share.
func (s *share) take(q *enqueuer, events, bytes int) bool {
	n, size := int64(events), int64(bytes)
	ownEvents, ownBytes := s.events.Add(n), s.bytes.Add(size)
	fits := func(own, add, waiting, limit int64) bool {
		return limit == 0 || own == add || own <= limit/vendorShare || waiting+add <= limit/2
	}
	if fits(ownEvents, n, q.client.BufferedProduceRecords(), q.maxEvents) && fits(ownBytes, size, q.client.BufferedProduceBytes(), q.maxBytes) {
		return true
	}
	s.leave(events, bytes)
	return false
}

func (s *share) leave(events, bytes int) {
	s.events.Add(-int64(events))
	s.bytes.Add(-int64(bytes))
}
