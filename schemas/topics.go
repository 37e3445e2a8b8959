package schemas

// Topics names the four topics, which share a prefix so that two installations can share a cluster.
type Topics struct {
	Events     string // every verified event, keyed by event ID
	Retry      string // events whose action or row failed for a reason that may pass
	DLQ        string // dead letters: events that cannot succeed, with the reason
	Rejections string // counts of refused deliveries per vendor, reason and minute
}

// NewTopics returns the topics under prefix, by default "webhooks".
func NewTopics(prefix string) Topics {
	return Topics{
		Events:     prefix + ".events",
		Retry:      prefix + ".events.retry",
		DLQ:        prefix + ".events.dlq",
		Rejections: prefix + ".rejections",
	}
}
