package chaos

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
)

// behind says of each partition that the group has not committed to its end how far it came, and which member has it: a
// partition that no living process reads is seen here.
func (c *checker) behind(ctx context.Context) ([]string, error) {
	client, err := c.kafka.NewClient(c.log, nil)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	group := c.auditOptions().Group
	lags, err := kadm.NewClient(client).Lag(ctx, group)
	if err != nil {
		return nil, fmt.Errorf("describe the group: %w", err)
	}
	described := lags[group]
	if err := described.Error(); err != nil {
		return nil, fmt.Errorf("describe the group: %w", err)
	}
	lines := []string{fmt.Sprintf("group %s is %s and has %d members", group, described.State, len(described.Members))}
	for _, p := range described.Lag.Sorted() {
		if p.Lag == 0 {
			continue
		}
		member := "no member"
		if p.Member != nil {
			member = fmt.Sprintf("member %s at %s", p.Member.MemberID, p.Member.ClientHost)
		}
		lines = append(lines, fmt.Sprintf("%s/%d: %d of %d are committed; %s has it", p.Topic, p.Partition, p.Commit.At, p.End.Offset, member))
	}
	return lines, nil
}
