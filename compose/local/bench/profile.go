package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// profile takes a CPU profile of p for some time, from now on, where --profile asks for it. The function it returns
// waits until the profile is written.
func (b *bench) profile(p *process, during time.Duration, name string) func() error {
	if b.Profile == "" {
		return func() error { return nil }
	}
	written := make(chan error, 1)
	go func() {
		written <- b.writeProfile(p, during, name)
	}()
	return func() error { return <-written }
}

func (b *bench) writeProfile(p *process, during time.Duration, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), during+10*time.Second)
	defer cancel()
	text, err := get(ctx, fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", p.admin, max(1, int(during.Seconds()))))
	if err == nil {
		err = os.MkdirAll(b.Profile, 0o750)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(b.Profile, name+".pprof"), []byte(text), 0o600)
	}
	if err != nil {
		return fmt.Errorf("profile %s: %w", p.name, err)
	}
	return nil
}
