package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is a campaign, or one copy: the campaign starts this program again for those.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 && (args[0] == "raw" || args[0] == "engine") {
		return oneCopy(ctx, args)
	}
	return runCampaign(ctx, args, out)
}

func oneCopy(ctx context.Context, args []string) error {
	var from, to endpoint
	var p probes
	f := flag.NewFlagSet(args[0], flag.ContinueOnError)
	f.StringVar(&from.addr, "from", "", "source server")
	f.StringVar(&from.user, "from-user", "", "source mailbox")
	f.StringVar(&to.addr, "to", "", "target server")
	f.StringVar(&to.user, "to-user", "", "target mailbox")
	caFile := f.String("ca-file", "", "connect with TLS and trust these certificates")
	dir, conns := f.String("dir", ".", "where the ledger is kept"), f.Int("conns", 1, "connections of raw")
	f.StringVar(&p.CPU, "cpuprofile", "", "write a CPU profile of the engine to this file")
	f.StringVar(&p.Heap, "memprofile", "", "write a profile of the engine's heap at its fullest to this file")
	f.StringVar(&p.Trace, "trace", "", "write what the engine's connections said, and when, to this file")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	cas, err := trusted(*caFile)
	if err != nil {
		return err
	}
	from.cas, to.cas = cas, cas
	if args[0] == "raw" {
		return rawCopy(from, to, *conns)
	}
	return probed(ctx, from, to, *dir, p)
}
