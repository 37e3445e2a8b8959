package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// profile takes a CPU profile of p for some time, from now on, where --profile asks for it. The function it returns
// waits for that and adds a profile of what p has allocated since it began.
func (b *bench) profile(p *process, during time.Duration, name string) func() error {
	if b.Profile == "" {
		return func() error { return nil }
	}
	written := make(chan error, 1)
	go func() {
		written <- b.writeProfile(p, fmt.Sprintf("profile?seconds=%d", max(1, int(during.Seconds()))), name+".cpu.pprof")
	}()
	return func() error {
		return errors.Join(<-written, b.writeProfile(p, "allocs", name+".allocs.pprof"))
	}
}

func (b *bench) writeProfile(p *process, what, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	text, err := get(ctx, p.admin+"/debug/pprof/"+what)
	if err == nil {
		err = os.MkdirAll(b.Profile, 0o750)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(b.Profile, name), []byte(text), 0o600)
	}
	if err != nil {
		return fmt.Errorf("profile %s: %w", p.name, err)
	}
	return nil
}
