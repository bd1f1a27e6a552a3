package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"time"
)

// probes are directories that get what a run of the engine was seen doing;
// empty ones get nothing. Whoever looks disturbs: such a campaign times nothing.
type probes struct{ CPU, Heap, Trace string }

// arguments tell a child where to write.
func (p probes) arguments(label string) []string {
	var out []string
	for _, x := range []struct{ flag, dir, suffix string }{
		{"-cpuprofile", p.CPU, ".cpu.pprof"}, {"-memprofile", p.Heap, ".heap.pprof"}, {"-trace", p.Trace, ".trace"},
	} {
		if x.dir != "" {
			out = append(out, x.flag, filepath.Join(x.dir, label+x.suffix))
		}
	}
	return out
}

func (p probes) directories() error {
	var err error
	for _, dir := range []string{p.CPU, p.Heap, p.Trace} {
		if dir != "" {
			err = errors.Join(err, os.MkdirAll(dir, 0o755))
		}
	}
	return err
}

// profileCPU writes a CPU profile until it is stopped.
func profileCPU(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}

const (
	heapPause = 50 * time.Millisecond
	heapRate  = 16 << 10
)

// profileHeap keeps the profile of the fullest heap it sees.
func profileHeap(path string) (stop func() error) {
	if path == "" {
		return func() error { return nil }
	}
	runtime.MemProfileRate = heapRate
	end, done := make(chan bool), make(chan []byte)
	go func() {
		var fullest []byte
		var most uint64
		for {
			if n := heapSize(); n > most+most/16 {
				var b bytes.Buffer
				if pprof.Lookup("heap").WriteTo(&b, 0) == nil {
					fullest, most = b.Bytes(), n
				}
			}
			select {
			case <-end:
				done <- fullest
				return
			case <-time.After(heapPause):
			}
		}
	}()
	return func() error { close(end); return os.WriteFile(path, <-done, 0o644) }
}

// heapSize counts the octets of objects, live or not yet swept.
func heapSize() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
