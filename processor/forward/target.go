package forward

import (
	"sync"
	"time"
)

// target is where requests go that share a limit. So a slow one keeps only its own waiting.
type target struct {
	slots chan struct{} // holds one for each request in flight

	mu    sync.Mutex
	jobs  int           // in flight and waiting
	bytes int           // of their events
	took  time.Duration // what an attempt takes, of late; 0: not known yet
	free  time.Time     // when there will be room for what was put off last
}

// maxTargetBytes bounds the events that wait for one target.
const maxTargetBytes = 32 << 20

// enter makes room for one more job, or returns false where too many wait already.
func (t *target) enter(size, most int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.jobs >= most || t.jobs > 0 && t.bytes+size > maxTargetBytes {
		return false
	}
	t.jobs++
	t.bytes += size
	return true
}

func (t *target) leave(size int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.jobs--
	t.bytes -= size
}

// answered notes how long an attempt took.
func (t *target) answered(took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.took == 0 {
		t.took = took
	}
	t.took += (took - t.took) / 8
}

// room is when the target will have room for one more than it was asked for so far, by its pace of late, and at
// most that far from now. So what is put off comes back when it can be run, rather than all at once to be put off
// again, and a backlog is worked off as fast as the target can.
func (t *target) room(now time.Time, most time.Duration) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := now.Add(most)
	if t.took == 0 {
		return last
	}
	each := t.took / time.Duration(cap(t.slots))
	if waiting := now.Add(time.Duration(t.jobs) * each); t.free.Before(waiting) {
		t.free = waiting
	}
	if t.free = t.free.Add(each); t.free.After(last) {
		t.free = last
	}
	return t.free
}
