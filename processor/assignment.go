package processor

import "sync"

// partition is one partition of one topic.
type partition struct {
	topic string
	id    int32
}

// assignment is the set of partitions that the group gave us. Each grant has a number of its own, so that what was
// read under an earlier grant of the same partition is never committed under a later one: another member
// may have gone further in between.
type assignment struct {
	mu     sync.Mutex
	grants map[partition]uint64
	next   uint64
}

func newAssignment() *assignment { return &assignment{grants: map[partition]uint64{}} }

func (a *assignment) assigned(topics map[string][]int32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next++
	for topic, ids := range topics {
		for _, id := range ids {
			a.grants[partition{topic, id}] = a.next
		}
	}
}

func (a *assignment) lost(topics map[string][]int32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for topic, ids := range topics {
		for _, id := range ids {
			delete(a.grants, partition{topic, id})
		}
	}
}

// grant returns the number of the current grant of p, or 0 where p is not ours.
func (a *assignment) grant(p partition) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.grants[p]
}
