package config

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestFormatDirShowsTheLinesThatChange(t *testing.T) {
	files, list := FormatDir(fstest.MapFS{
		"good.hcl":    {Data: []byte("a = 1\n")},
		"bad.hcl":     {Data: []byte("a   = 1\nbcd = 2\n\nlocals {\nx=1\n}\n")},
		"broken.hcl":  {Data: []byte("a = {\n")},
		"x.test.hcl":  {Data: []byte("a=1\n")},
		".hidden.hcl": {Data: []byte("a=1\n")},
		"README.md":   {Data: []byte("a=1\n")},
	})
	var names []string
	for _, f := range files {
		if f.Changed() {
			names = append(names, f.Name)
		}
	}
	if d := cmp.Diff([]string{"bad.hcl", "x.test.hcl"}, names); d != "" {
		t.Error(d)
	}
	want := "--- bad.hcl\n+++ bad.hcl\n@@ -5,1 +5,1 @@\n-x=1\n+  x = 1\n"
	if d := cmp.Diff(want, files[0].Diff()); d != "" {
		t.Error(d)
	}
	if files[1].Diff() != "" {
		t.Error("a diff without a change")
	}
	if len(list) == 0 || list[0].Source.File != "broken.hcl" {
		t.Errorf("the broken file is not named:\n%s", render(list))
	}
}

func TestFilesThatDoNotParseStayAsTheyAre(t *testing.T) {
	src := []byte("a   =   \n")
	got, list := Format(src)
	if !bytes.Equal(got, src) || !list.HasErrors() {
		t.Errorf("%q, %v", got, list)
	}
}

func seeds(f *testing.F) {
	for _, pattern := range []string{"testdata/valid/*.hcl", "testdata/invalid/*.hcl"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			src, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
}

func FuzzFormat(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		once, list := Format(src)
		if list.HasErrors() {
			return
		}
		if _, again := Format(once); again.HasErrors() {
			t.Fatalf("formatting broke it:\n%s\n%s", once, render(again))
		}
	})
}

func FuzzLoad(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		fsys := fstest.MapFS{"main.hcl": {Data: src}}
		c, list := Load(fsys, testOptions())
		for _, d := range list {
			if d.Summary == "" {
				t.Fatalf("a diagnostic without words: %+v", d)
			}
		}
		if c.Desired() == nil || c.Desired().Digest == "" {
			t.Fatal("no Desired")
		}
		if !list.HasErrors() && len(c.first.broken)+len(c.first.hidden) > 0 {
			t.Fatalf("something was not read, and nothing is said: %v, %v", c.first.broken, c.first.hidden)
		}
		c.Secrets()
		if _, again := c.Resolve(nil); !list.HasErrors() && again.HasErrors() {
			t.Fatalf("the second evaluation disagrees:\n%s", render(again))
		}
	})
}
