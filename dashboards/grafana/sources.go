package grafana

import (
	"context"
	"fmt"
	"net/url"
)

// Source is a data source that boards and rules name.
type Source struct{ UID, Type string }

// Missing says of each data source that Grafana does not have, or has of another type, what is wrong. Boards and
// rules can be written all the same, and show and watch nothing until it is there.
func (c *Client) Missing(ctx context.Context, wanted []Source) ([]string, error) {
	var problems []string
	for _, source := range wanted {
		var found struct{ Type string }
		err := c.call(ctx, "GET", "/api/datasources/uid/"+url.PathEscape(source.UID), nil, &found)
		switch {
		case isNotFound(err):
			problems = append(problems, fmt.Sprintf("there is no data source with the UID %s, of type %s", source.UID, source.Type))
		case err != nil:
			return nil, err
		case found.Type != source.Type:
			problems = append(problems, fmt.Sprintf("the data source %s is of type %s, not %s", source.UID, found.Type, source.Type))
		}
	}
	return problems, nil
}
