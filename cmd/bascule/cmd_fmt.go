package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"bascule/config"
	"bascule/internal/atomicfile"
)

func (c *cli) cmdFmt() *cobra.Command {
	var check, diff bool
	cmd := &cobra.Command{
		Use: "fmt [-]", Short: "Rewrite the configuration in its one format", Args: cobra.MaximumNArgs(1),
		Long: `fmt lays out every configuration file of the directory in the one way there is,
and names those it changed. With "-" it reads standard input and writes
standard output.`,
		Example: `  bascule fmt
  bascule fmt --check --diff   # for CI: exit 1 when something would change
  bascule fmt - < main.hcl`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == "-" {
				return c.fmtStdin()
			}
			return c.fmtDir(check, diff)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "write nothing; exit 1 when a file is not formatted")
	cmd.Flags().BoolVar(&diff, "diff", false, "show what changes")
	return cmd
}

func (c *cli) fmtStdin() error {
	src, err := io.ReadAll(c.Stdin)
	if err != nil {
		return err
	}
	out, diags := config.Format(src)
	c.show(diags)
	if diags.HasErrors() {
		return exit(exitFailure)
	}
	_, err = c.Stdout.Write(out)
	return err
}

func (c *cli) fmtDir(check, diff bool) error {
	files, diags := config.FormatDir(os.DirFS(c.workdir()))
	c.show(diags)
	if diags.HasErrors() {
		return exit(exitFailure)
	}
	changed := 0
	for _, f := range files {
		if !f.Changed() {
			continue
		}
		changed++
		fmt.Fprintln(c.Stdout, f.Name)
		if diff {
			fmt.Fprint(c.Stdout, f.Diff())
		}
		if check {
			continue
		}
		if err := atomicfile.Write(filepath.Join(c.workdir(), f.Name), f.After, 0o644); err != nil {
			return err
		}
	}
	if check && changed > 0 {
		return exit(exitFailure)
	}
	return nil
}
