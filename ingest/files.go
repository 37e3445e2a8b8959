package ingest

import (
	"fmt"
	"syscall"
)

// ownFiles is how many files and connections ingest needs besides vendors' connections: its listeners, Kafka's brokers,
// the admin listener's requests, certificates.
const ownFiles = 256

// fitFiles lowers the bound on connections to what the system lets this process open: at its limit nobody could connect any
// more, and neither could the probes. It returns what to say about it; empty where all fits.
func (o *LimitOptions) fitFiles() (warning string) {
	var limit syscall.Rlimit // Go has raised the soft limit to the hard one already
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return ""
	}
	return o.fit(limit.Cur)
}

func (o *LimitOptions) fit(files uint64) (warning string) {
	if o.MaxConnections > 0 && uint64(o.MaxConnections)+ownFiles <= files || o.MaxConnections == 0 && files > 1<<20 {
		return ""
	}
	wanted := o.MaxConnections
	o.MaxConnections = max(1, int(min(files, 1<<20))-ownFiles, int(min(files, 1<<20))/2)
	if wanted == 0 {
		return fmt.Sprintf("the system lets this process open %d files: --max-connections is %d, not unlimited; raise the limit (ulimit -n, LimitNOFILE=)", files, o.MaxConnections)
	}
	return fmt.Sprintf("the system lets this process open %d files: --max-connections is lowered from %d to %d; raise the limit (ulimit -n, LimitNOFILE=) to %d",
		files, wanted, o.MaxConnections, wanted+ownFiles)
}
