package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// everyCommand walks the commands of ours; completion and help are cobra's.
func everyCommand(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		if sub.Name() != "completion" && sub.Name() != "help" {
			everyCommand(sub, visit)
		}
	}
}

func program(out io.Writer, args ...string) *process {
	return &process{Args: args, Env: func(string) (string, bool) { return "", false }, Stdout: out, Stderr: out, Width: 80}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	everyCommand((&cli{process: program(io.Discard)}).root(), func(c *cobra.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: the short text is %q", c.CommandPath(), c.Short)
		}
		if c.Example == "" && c.Name() != "exit-codes" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		if strings.Contains(c.Example, "\n") && !strings.HasPrefix(c.Example, "  bascule") && !strings.HasPrefix(c.Example, "  mkdir") {
			t.Errorf("%s: the examples are not commands: %s", c.CommandPath(), c.Example)
		}
	})
}

func TestHelpFitsAnOldTerminal(t *testing.T) {
	var paths [][]string
	everyCommand((&cli{process: program(io.Discard)}).root(), func(c *cobra.Command) {
		paths = append(paths, strings.Fields(c.CommandPath())[1:])
	})
	for _, path := range paths {
		t.Run(strings.Join(append(path, "--help"), " "), func(t *testing.T) {
			var out bytes.Buffer
			if code := run(context.Background(), program(&out, append(path, "--help")...)); code != exitOK {
				t.Fatalf("exit %d: %s", code, &out)
			}
			for line := range strings.Lines(out.String()) {
				if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		})
	}
}

func TestExitCodesAreDocumentedWhereTheyAreGiven(t *testing.T) {
	for _, command := range []string{"apply", "plan", "verify", "drift", "rollback", "copy", "report", "exit-codes"} {
		var out bytes.Buffer
		run(context.Background(), program(&out, "help", command))
		if !strings.Contains(out.String(), "Exit codes:\n  0 ") {
			t.Errorf("help %s does not list its exit codes:\n%s", command, &out)
		}
	}
}
