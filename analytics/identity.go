package analytics

import (
	"cmp"
	"time"
)

// unit is what is resolved as a whole: an object of a vendor's, or the effects that stand for themselves and have one
// key.
type unit struct{ vendor, object string }

// place is where an effect of a unit is in the table sales. Key is empty for an effect that stands for itself: then
// its key is the unit's object. Kind and key are empty for the state of an object that has no effects.
type place struct {
	kind, key string
	hour      uint32
}

// claim is a row of the registry sale_keys: the highest version of what was ever stated about a place.
type claim struct {
	place
	version uint64
	seen    time.Time // when the place was first stated, by ClickHouse's clock
}

// verdict is what claims about one unit amount to.
type verdict struct {
	outranked map[place]claim // by the claim that counts in their stead
	settled   time.Time       // when the last place of a unit with outranked ones was first stated
}

// resolve decides which of the claims about a unit count. Of an object the newest statement does, with all its
// effects; of effects that stand for themselves, the highest version of each kind.
func resolve(claims []claim) verdict {
	var state *claim            // of the object, the newest
	alone := map[string]claim{} // by kind
	for i := range claims {
		c := &claims[i]
		switch {
		case !c.alone():
			if state == nil || c.outranks(*state) {
				state = c
			}
		default:
			if best, known := alone[c.kind]; !known || c.outranks(best) {
				alone[c.kind] = *c
			}
		}
	}
	v := verdict{outranked: map[place]claim{}}
	for _, c := range claims {
		if c.seen.After(v.settled) {
			v.settled = c.seen
		}
		switch {
		case c.alone():
			if best := alone[c.kind]; best.hour != c.hour {
				v.outranked[c.place] = best
			}
		case c.kind != "" && c.version != state.version:
			v.outranked[c.place] = *state
		}
	}
	return v
}

// alone says whether the claim is about an effect that stands for itself.
func (c *claim) alone() bool { return c.kind != "" && c.key == "" }

// outranks also decides between claims of one version, so that every reader of the registry decides alike.
func (c *claim) outranks(other claim) bool {
	return cmp.Or(cmp.Compare(c.version, other.version), cmp.Compare(c.hour, other.hour), cmp.Compare(c.kind, other.kind),
		cmp.Compare(c.key, other.key)) > 0
}

// hourTime is the beginning of a source hour; zero for undated.
func hourTime(hour uint32) time.Time {
	if hour == 0 {
		return time.Time{}
	}
	return time.Unix(int64(hour)*3600, 0).UTC()
}
