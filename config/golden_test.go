package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// caseFS puts one file of testdata into a directory, beside testdata/files.
func caseFS(t *testing.T, path string) fstest.MapFS {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{filepath.Base(path): {Data: src}}
	shared, _ := filepath.Glob("testdata/files/*")
	for _, name := range shared {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fsys["files/"+filepath.Base(name)] = &fstest.MapFile{Data: b}
	}
	return fsys
}

func cases(t *testing.T, pattern string) []string {
	t.Helper()
	paths, _ := filepath.Glob(pattern)
	if len(paths) == 0 {
		t.Fatalf("no file meets %s", pattern)
	}
	return paths
}

func TestValidConfigurations(t *testing.T) {
	for _, path := range cases(t, "testdata/valid/*.hcl") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			c := mustLoad(t, caseFS(t, path), testOptions())
			text, err := json.MarshalIndent(c.Desired(), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(path, ".hcl")+".json", append(text, '\n'))
		})
	}
}

func TestInvalidConfigurations(t *testing.T) {
	for _, path := range cases(t, "testdata/invalid/*.hcl") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			_, list := Load(caseFS(t, path), testOptions())
			text := render(list)
			golden(t, strings.TrimSuffix(path, ".hcl")+".golden", []byte(text))
			if strings.Contains(text, "hunter2") {
				t.Error("a password written in clear is quoted back")
			}
			for _, d := range list {
				if d.Source.IsZero() || d.Detail == "" {
					t.Errorf("a diagnostic without place or next move: %+v", d)
				}
			}
		})
	}
}

// TestInvalidCasesAreErrors keeps a case from passing silently: every file
// under invalid says something, and all but the warnings stop the work.
func TestInvalidCasesAreErrors(t *testing.T) {
	for _, path := range cases(t, "testdata/invalid/*.hcl") {
		_, list := Load(caseFS(t, path), testOptions())
		if strings.HasPrefix(filepath.Base(path), "warning_") {
			if list.HasErrors() || len(list) == 0 {
				t.Errorf("%s: only warnings are wanted", path)
			}
			continue
		}
		if !list.HasErrors() {
			t.Errorf("%s: no error", path)
		}
	}
}
