package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestExamplesAreValid(t *testing.T) {
	dirs := cases(t, "../examples/*/main.hcl")
	for _, path := range dirs {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			c, list := Load(root.FS(), testOptions())
			if len(list) > 0 {
				t.Errorf("an example says:\n%s", render(list))
			}
			if len(c.Desired().Mailboxes) == 0 {
				t.Error("an example without a mailbox")
			}
			if _, err := os.Stat(filepath.Join(dir, "README.md")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSkeletonIsValidAndFormatted(t *testing.T) {
	c, list := loadText(t, string(Skeleton()))
	if len(list) > 0 || len(c.Desired().Mailboxes) != 1 {
		t.Errorf("the skeleton says:\n%s", render(list))
	}
	got, _ := Format(Skeleton())
	golden(t, "skeleton.hcl", got)
}
