package forward

import (
	"strconv"
	"testing"
)

// While no vendor has actions nothing is read, and all of it is committed; actions that are added then are run for what
// comes after, and no event is left out once there are any.
func TestRest(t *testing.T) {
	for name, restart := range map[string]bool{"goes on": false, "restarts": true} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, 3)
			site := newSite(t, nil)
			l.triggers(nil)
			for range 100 {
				l.produce(l.event("paid"))
			}
			r := l.start()
			l.eventuallyCommitted(l.topics.Events, 100)
			for range 50 {
				l.produce(l.event("paid"))
			}
			l.eventuallyCommitted(l.topics.Events, 150)
			if restart {
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
			}
			l.triggers(map[string][]string{"paid": {site.URL}})
			if restart {
				l.start()
			}
			for range 30 {
				l.produce(l.event("paid"))
			}
			site.eventually(t, 30)
			l.eventuallyCommitted(l.topics.Events, 180)
			for i := range 30 {
				if id := "e" + strconv.Itoa(150+i); site.times(id) != 1 {
					t.Errorf("%s came %d times", id, site.times(id))
				}
			}
			if site.distinct() != 30 {
				t.Errorf("%d events were forwarded, want the 30 that came since there are actions", site.distinct())
			}
		})
	}
}
