package config

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/diag"
	"bascule/providers"
	"bascule/providers/all"
)

var update = flag.Bool("update", false, "write golden files and generated documents")

// now is J-30 of every configuration under testdata.
var now = time.Date(2027, 2, 10, 12, 0, 0, 0, time.UTC)

// testCatalog is the real one, and a driver that takes fields of every type
// and honours one credential only.
func testCatalog() providers.Catalog {
	return append(all.Catalog(), providers.Descriptor{
		Kind: providers.KindTarget, Driver: "own", Credentials: []string{"password"}, Fields: []providers.Field{
			{Name: "tags", Type: providers.StringList}, {Name: "level", Type: providers.Number}, {Name: "fast", Type: providers.Bool},
		},
	})
}

func testOptions() Options { return Options{Catalog: testCatalog(), Version: "0.1.0", Now: now} }

func loadText(t *testing.T, text string) (*Config, diag.List) {
	t.Helper()
	return Load(fstest.MapFS{"main.hcl": {Data: []byte(text)}}, testOptions())
}

// mustLoad loads a configuration that has no error.
func mustLoad(t *testing.T, fsys fs.FS, opts Options) *Config {
	t.Helper()
	c, list := Load(fsys, opts)
	if err := list.Err(); err != nil {
		t.Fatalf("errors:\n%s", render(list))
	}
	return c
}

// render shows diagnostics as plain text, for golden files.
func render(list diag.List) string {
	var b strings.Builder
	for _, d := range list {
		fmt.Fprintf(&b, "%s: %s\n", d.Severity, d.Summary)
		if !d.Source.IsZero() {
			fmt.Fprintf(&b, "  at %s", d.Source)
			if d.Address != "" {
				fmt.Fprintf(&b, ", in %s", d.Address)
			}
			b.WriteString("\n")
		}
		for i, line := range strings.Split(d.Snippet, "\n") {
			if d.Snippet != "" {
				fmt.Fprintf(&b, "  %4d | %s\n", d.Source.Start.Line+i, line)
			}
		}
		if d.Detail != "" {
			fmt.Fprintf(&b, "  %s\n", d.Detail)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// golden compares with a file, or writes it with -update.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -update to write it)", err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs (run with -update if this is wanted):\n%s", path, d)
	}
}
