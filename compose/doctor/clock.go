package doctor

import (
	"fmt"
	"time"
)

// Signatures are refused outside of windows that are minutes wide, and events are dated by their vendors' clocks: a
// clock must be within a minute, and any clock that is kept by NTP is within a second.
const (
	skewWarning = 2 * time.Second
	skewFailed  = time.Minute
)

// judgeClock compares another's clock, read some time between before and after by ours.
func judgeClock(check, whose string, theirs, before, after time.Time) Finding {
	var skew time.Duration
	switch {
	case theirs.Before(before.Truncate(time.Millisecond)):
		skew = theirs.Sub(before)
	case theirs.After(after):
		skew = theirs.Sub(after)
	}
	size := skew.Abs()
	found := fmt.Sprintf("%s clock is %s of this machine's", whose, apart(skew))
	const fix = "Have both machines' clocks kept by NTP (see chronyc tracking, or timedatectl)."
	switch {
	case size >= skewFailed:
		return failed(check, found+": deliveries are refused for their age, and events land in the wrong month", fix)
	case size >= skewWarning:
		return warning(check, found, fix)
	}
	return ok(check, found)
}

func apart(skew time.Duration) string {
	switch {
	case skew.Abs() < 100*time.Millisecond:
		return "within 0.1 s"
	case skew < 0:
		return skew.Abs().Round(10*time.Millisecond).String() + " behind that"
	default:
		return skew.Round(10*time.Millisecond).String() + " ahead"
	}
}
