package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bascule/config"
	"bascule/internal/diag"
	"bascule/internal/view"
)

// version is what `bascule version` says.
const version = "0.1.0-dev"

// Exit codes, as documented in `bascule help exit-codes`.
const (
	exitOK       = 0
	exitFailure  = 1
	exitChanges  = 2
	exitPaused   = 3
	exitPerson   = 4
	exitConflict = 5
	exitEvidence = 7
	exitLocked   = 8
	exitPartial  = 9

	exitInterrupted = 130
)

// exitError ends a command with a code. What is to be said was said already
// when err is nil.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exit ends a command with a code and nothing more to say.
func exit(code int) error {
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}

// globals are the flags every command has.
type globals struct {
	chdir   string
	noColor bool
	quiet   bool
}

// cli is one run of the program.
type cli struct {
	*process
	globals globals
	// zone is where the configuration at hand reads times; nil without one.
	zone *time.Location
}

// run is the program. It returns the exit code.
func run(ctx context.Context, p *process) int {
	c := &cli{process: p}
	root := c.root()
	root.SetArgs(longFlags(p.Args))
	err := root.ExecuteContext(ctx)
	var exit *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		if exit.err != nil {
			c.fail(exit.err)
		}
		return exit.code
	default:
		c.fail(err)
		return exitFailure
	}
}

// fail says on standard error what went wrong.
func (c *cli) fail(err error) {
	c.show(diag.List{problem(err)})
}

// longFlags lets hands that are used to -out write it: a single dash before a
// name of several letters becomes two.
func longFlags(args []string) []string {
	out := make([]string, 0, len(args))
	for i, a := range args {
		if a == "--" {
			return append(out, args[i:]...)
		}
		if len(a) > 2 && a[0] == '-' && a[1] != '-' && strings.Trim(a[1:2], "abcdefghijklmnopqrstuvwxyz") == "" {
			a = "-" + a
		}
		out = append(out, a)
	}
	return out
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "bascule",
		Short: "Move a company's e-mail from one provider to another, planned and reversible",
		Long: `bascule moves a company's e-mail from one provider to another: no message
lost, none doubled, no minute without mail. You describe both sides in HCL;
bascule plans every step until the old side is closed, and applies each when
its gates open.

Start with "bascule demo", which needs nothing, or with "bascule init" in an
empty directory.`,
		Example:      "  bascule demo\n  bascule plan --out plan.json\n  bascule apply plan.json",
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetOut(c.Stdout)
	root.SetErr(c.Stderr)
	f := root.PersistentFlags()
	f.StringVar(&c.globals.chdir, "chdir", "", "work in `DIR` instead of the present directory")
	f.BoolVar(&c.globals.noColor, "no-color", false, "never use colours (NO_COLOR does the same)")
	f.BoolVar(&c.globals.quiet, "quiet", false, "leave out reasons, notes and the forecast")
	root.AddGroup(groups()...)
	root.AddCommand(in(groupBegin, c.cmdDemo(), c.cmdInit(), c.cmdValidate(), c.cmdFmt())...)
	root.AddCommand(in(groupLook, c.cmdPlan(), c.cmdShow(), c.cmdStatus(), c.cmdDrift(), c.cmdOutput(), c.cmdReport())...)
	root.AddCommand(in(groupDo, c.cmdApply(), c.cmdVerify(), c.cmdGate(), c.cmdRollback(), c.cmdCopy())...)
	root.AddCommand(in(groupRest, c.cmdState(), c.cmdVersion())...)
	root.AddCommand(c.cmdExitCodes())
	root.SetHelpCommandGroupID(groupRest)
	root.SetCompletionCommandGroupID(groupRest)
	return root
}

// localise reads times where the configuration does, not where the machine is.
func (c *cli) localise(cfg *config.Config) {
	if zone, err := time.LoadLocation(cfg.Desired().Settings.Timezone); err == nil {
		c.zone = zone
	}
}

// style is how standard output is rendered.
func (c *cli) style() view.Style {
	s := view.Detect(c.Env, c.IsTTY, c.Width)
	s.Color = s.Color && !c.globals.noColor
	s.Quiet, s.Now, s.Zone = c.globals.quiet, c.Clock.Now(), c.zone
	return s
}

// errStyle is how standard error is rendered.
func (c *cli) errStyle() view.Style { return c.style() }

func (c *cli) cmdVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which version this is", Args: cobra.NoArgs, Example: "  bascule version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(c.Stdout, "bascule %s\n", version)
			return err
		},
	}
}

func (c *cli) cmdExitCodes() *cobra.Command {
	own := map[int]string{
		exitChanges: "plan --detailed-exitcode: changes; verify, drift, copy: a difference",
		exitPaused:  "paused until a known time (apply --detailed-exitcode, gate check)",
		exitPerson:  "paused for a person (apply --detailed-exitcode, gate check)",
	}
	return &cobra.Command{
		Use: "exit-codes", Short: "What the exit codes mean",
		Long: exitCodes(own, exitOK, exitFailure, exitChanges, exitPaused, exitPerson, exitConflict, exitEvidence, exitLocked, exitPartial, exitInterrupted) +
			"\n\n6 is kept for approvals. In a schedule, 0 and 8 need nobody, 9 is tried again by\nthe next run, and 4, 5 and 7 need a person.",
	}
}
