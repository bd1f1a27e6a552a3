package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// TestALinkDoesNotLeadOutOfTheDirectory: the file system given is os.Root's,
// as the command gives it.
func TestALinkDoesNotLeadOutOfTheDirectory(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(outside, "secret.txt"), "hunter2")
	write(filepath.Join(dir, "main.hcl"), "output \"x\" {\n  value = [file(\"link\"), can(file(\"link\"))]\n}\n")
	if err := os.Symlink(filepath.Join(outside, "secret.txt"), filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	c, list := Load(root.FS(), testOptions())
	if !list.HasErrors() || strings.Contains(render(list), "hunter2") || strings.Contains(c.Outputs()[0].Value, "hunter2") {
		t.Errorf("outputs %+v\n%s", c.Outputs(), render(list))
	}
}

func TestFilesAreBounded(t *testing.T) {
	big := strings.Repeat("# a line that says nothing\n", 1<<16)
	_, list := Load(fstest.MapFS{"main.hcl": {Data: []byte(big)}}, testOptions())
	if len(list) != 1 || !strings.Contains(list[0].Detail, "larger than 1 MiB") {
		t.Errorf("got:\n%s", render(list))
	}
	many := fstest.MapFS{}
	for i := range maxFiles + 1 {
		many["f"+strings.Repeat("x", i)+".hcl"] = &fstest.MapFile{Data: []byte("")}
	}
	if _, list := Load(many, testOptions()); len(list) != 1 || list[0].Summary != "Configuration cannot be read" {
		t.Errorf("got:\n%s", render(list))
	}
	if _, list := Load(fstest.MapFS{"README.md": {}}, testOptions()); len(list) != 1 || !strings.Contains(list[0].Detail, "bascule init") {
		t.Errorf("an empty directory says:\n%s", render(list))
	}
}
