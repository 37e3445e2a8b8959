package analytics

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func TestErrorsCarryClickHousesCode(t *testing.T) {
	exception := &clickhouse.Exception{Code: 241, Message: "Memory limit exceeded"}
	for name, c := range map[string]struct {
		err  error
		code int
	}{
		"native":            {exception, 241},
		"http":              {&clickhouse.HTTPError{StatusCode: 500, Err: exception}, 241},
		"deep within":       {fmt.Errorf("send: %w", exception), 241},
		"text of a proxy":   {errors.New(`response body: "Code: 252. DB::Exception: Too many parts (300)"`), 252},
		"text at the start": {errors.New(`Code: 60. DB::Exception: Table does not exist`), 60},
		"text of a user":    {errors.New(`cannot read "PostCode: 12. DB"`), 0},
		"no number":         {errors.New(`Code: 99999999999999999999. DB::Exception`), 0},
		"network":           {context.DeadlineExceeded, 0},
	} {
		t.Run(name, func(t *testing.T) {
			err := wrap("insert into sales", wrap("send", c.err))
			if Code(err) != c.code {
				t.Errorf("code %d, want %d", Code(err), c.code)
			}
			var e *Error
			if errors.As(err, &e) != (c.code != 0) {
				t.Errorf("%v is an *Error: %v", err, e != nil)
			}
			if !errors.Is(err, c.err) {
				t.Errorf("%v does not wrap its cause", err)
			}
		})
	}
	if wrap("nothing", nil) != nil {
		t.Error("nil became an error")
	}
}
