package capacity

import "math"

// Outage is ClickHouse away for a while in the busiest hour.
type Outage struct {
	Seconds int
	Backlog float64 // events that wait at its end
	CatchUp float64 // seconds until none does
	Bytes   float64 // of the backlog on one copy of the topic
}

// most is how long a simulation goes on before it says that the backlog never ends.
const most = 7 * day

// Simulate plays an outage of so many seconds in p's load, second by second: events go on coming at the rate of the time
// of day, whose busiest hour the outage begins in, and what waits is stored as fast as the slower of processors and
// ClickHouse can when fully busy. CatchUp is +Inf where that is not fast enough.
func Simulate(l Load, c Costs, seconds int) Outage {
	p := For(l, c)
	capacity := min(
		float64(2*p.Processor.Instances)*second/c.Processor,
		float64(p.Shards*l.Cores)*second/c.ClickHouse,
	)
	out := Outage{Seconds: seconds}
	waiting := 0.0
	for t := 0; ; t++ {
		waiting += arrivals(l, float64(t))
		if t >= seconds {
			waiting -= min(waiting, capacity)
		}
		if t == seconds-1 {
			out.Backlog, out.Bytes = waiting, waiting*c.RecordSize
		}
		if t >= seconds && waiting <= capacity {
			out.CatchUp = float64(t - seconds + 1)
			return out
		}
		if float64(t) > most {
			out.CatchUp = math.Inf(1)
			return out
		}
	}
}

// arrivals is the rate at a time after the busiest moment of the day: a wave whose highest point is the peak and whose
// average is the rate, and which is never below nothing.
func arrivals(l Load, t float64) float64 {
	return max(0, l.Rate*(1+(l.Peak-1)*math.Cos(2*math.Pi*t/day)))
}
