package main

import "github.com/spf13/cobra"

func (c *cli) cmdDemo() *cobra.Command { return &cobra.Command{Use: "demo"} }
