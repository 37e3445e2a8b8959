package verify_test

import (
	"errors"

	"github.com/hookline-io/hookline/ingest/verify"
)

func asError(err error, target **verify.Error) bool { return errors.As(err, target) }
