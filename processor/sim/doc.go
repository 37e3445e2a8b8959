// Package sim proves by simulation that what the processor is given it stores once (invariants 3, 4, 6 and 8). It is
// tests only.
//
// It runs processor.Loop and analytics.DB as they are, in virtual time (testing/synctest), against kfake on an
// in-memory network and a simulated ClickHouse, and lets happen to them what a seed says: crashes, rebalances,
// refusals, inserts that time out after they were stored, and so on. After each schedule every fault ends and
// has to drain.
//
//	traffic --> kfake <--link--> processor.Loop --> analytics.DB --> clickhouse (simulated)
//	              ^                ^                                     ^
//	              +----------------+------- faults, by the seed ---------+
//	              |                                                      |
//	              +--> books: each commit is compared with what is <-----+
//	                   stored at that moment, and all of it at the end
//
// The seed decides traffic and faults. Go's scheduler still decides what happens first of what happens at the same
// virtual instant, so that a rare failure may need its seed to be run more than once.
package sim
