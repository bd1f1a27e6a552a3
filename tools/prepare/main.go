package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	if err := prepare(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "prepare:", err)
		if os.Getenv("CI") != "" {
			os.Exit(1)
		}
	}
}

// prepare does everything it can before it reports what it could not.
func prepare(out io.Writer) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(root, "tools", "mox", "go.mod")); err != nil {
		return fmt.Errorf("must run at the root of the source tree: %w", err)
	}
	cache := filepath.Join(root, ".cache")
	return errors.Join(
		packages(out, cache),
		cyrus(out, cache),
		tool(out, root, cache, "mox", "github.com/mjl-/mox"),
		tool(out, root, cache, "staticcheck", "honnef.co/go/tools/cmd/staticcheck"),
	)
}

// tool builds pkg as required by the module tools/NAME, unless the binary is
// newer than that module's files.
func tool(out io.Writer, root, cache, name, pkg string) error {
	module := filepath.Join(root, "tools", name)
	binary := filepath.Join(cache, "bin", name)
	if newer(binary, filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum")) {
		return nil
	}
	fmt.Fprintf(out, "prepare: building %s\n", name)
	build := exec.Command("go", "build", "-mod=readonly", "-o", binary+".next", pkg)
	build.Dir = module
	// Static, so that it runs wherever it is copied.
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if err := run(build); err != nil {
		return fmt.Errorf("build %s: %w", name, err)
	}
	return os.Rename(binary+".next", binary)
}

func newer(file string, than ...string) bool {
	info, err := os.Stat(file)
	if err != nil {
		return false
	}
	for _, other := range than {
		against, err := os.Stat(other)
		if err != nil || against.ModTime().After(info.ModTime()) {
			return false
		}
	}
	return true
}

// run keeps a command quiet unless it fails.
func run(cmd *exec.Cmd) error {
	said, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, said)
	}
	return nil
}
