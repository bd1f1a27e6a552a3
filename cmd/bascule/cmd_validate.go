package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// addSources gives a command the flags that change how a configuration is read.
func addSources(cmd *cobra.Command, src *sources) {
	cmd.Flags().StringArrayVar(&src.vars, "var", nil, "set a variable: `NAME=VALUE` (repeatable)")
	cmd.Flags().StringArrayVar(&src.varFiles, "var-file", nil, "read variables from `FILE` (repeatable)")
}

func (c *cli) cmdValidate() *cobra.Command {
	var src sources
	cmd := &cobra.Command{
		Use: "validate", Short: "Check the configuration; needs no network and no secret", Args: cobra.NoArgs,
		Long: `validate finds every mistake it can before anybody is contacted, all at once:
unknown names, wrong types, addresses outside the domains, alias loops, two
mailboxes in one account, a window that can never open.`,
		Example: "  bascule validate\n  bascule validate --var-file staging.vars.hcl",
		RunE: func(*cobra.Command, []string) error {
			cfg, err := c.read(src)
			if err != nil {
				return err
			}
			d := cfg.Desired()
			_, err = fmt.Fprintf(c.Stdout, "The configuration is valid: %d domains, %d mailboxes, %d aliases.\n", len(d.Domains), len(d.Mailboxes), len(d.Aliases))
			return err
		},
	}
	addSources(cmd, &src)
	return cmd
}
