package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"bascule/internal/view"
	"bascule/migration"
)

func (c *cli) cmdOutput() *cobra.Command {
	var src sources
	var asJSON bool
	cmd := &cobra.Command{
		Use: "output [NAME]", Short: "Print the outputs of the configuration", Args: cobra.MaximumNArgs(1),
		Long: `output prints the values of the output blocks; with a name, one value as it
is, for scripts. Only values that depend on a target need the network.`,
		Example: "  bascule output\n  bascule output --json webmail",
		RunE: func(cmd *cobra.Command, args []string) error {
			outputs, err := c.outputs(cmd.Context(), src)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return c.oneOutput(outputs, args[0], asJSON)
			}
			if asJSON {
				return c.outputsJSON(outputs)
			}
			return view.Outputs(c.Stdout, outputs, c.style())
		},
	}
	addSources(cmd, &src)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// outputs evaluates them; targets are asked only when one depends on them.
func (c *cli) outputs(ctx context.Context, src sources) ([]migration.Output, error) {
	a, err := c.open(src)
	if err != nil {
		return nil, err
	}
	known := true
	for _, o := range a.desired.Outputs {
		known = known && !o.Unknown
	}
	if known {
		return a.desired.Outputs, nil
	}
	desired, diags := a.cfg.Resolve(exportsOf(a.looker.Targets(ctx, a.desired)))
	a.show(diags)
	if diags.HasErrors() {
		return nil, exit(exitFailure)
	}
	return desired.Outputs, nil
}

func (c *cli) oneOutput(outputs []migration.Output, name string, asJSON bool) error {
	for _, o := range outputs {
		if o.Name != name {
			continue
		}
		if o.Unknown {
			return fmt.Errorf("output %q is not known yet: it depends on what a target offers once it serves the domain", name)
		}
		var text string
		if !asJSON && json.Unmarshal([]byte(o.Value), &text) == nil {
			_, err := fmt.Fprintln(c.Stdout, text)
			return err
		}
		_, err := fmt.Fprintln(c.Stdout, o.Value)
		return err
	}
	return hint(fmt.Errorf("there is no output %q", name), "%s", outputNames(outputs))
}

func outputNames(outputs []migration.Output) string {
	if len(outputs) == 0 {
		return "The configuration has no output block."
	}
	var names []string
	for _, o := range outputs {
		names = append(names, o.Name)
	}
	return "There are: " + strings.Join(names, ", ") + "."
}

func (c *cli) outputsJSON(outputs []migration.Output) error {
	doc := map[string]any{}
	for _, o := range outputs {
		entry := map[string]any{"sensitive": o.Sensitive, "value": json.RawMessage(o.Value)}
		if o.Unknown || o.Sensitive {
			entry["value"] = nil
		}
		doc[o.Name] = entry
	}
	return c.printJSON(doc)
}
