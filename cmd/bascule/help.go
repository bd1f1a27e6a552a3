package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Groups of commands, in the order in which one needs them.
const (
	groupBegin = "begin"
	groupLook  = "look"
	groupDo    = "do"
	groupRest  = "rest"
)

func groups() []*cobra.Group {
	return []*cobra.Group{
		{ID: groupBegin, Title: "To begin:"},
		{ID: groupLook, Title: "To look, without writing anything:"},
		{ID: groupDo, Title: "To do:"},
		{ID: groupRest, Title: "Besides:"},
	}
}

// in puts a command into its group.
func in(group string, cmds ...*cobra.Command) []*cobra.Command {
	for _, c := range cmds {
		c.GroupID = group
	}
	return cmds
}

// meanings of the exit codes, as every help text words them.
func meanings() map[int]string {
	return map[int]string{
		exitOK:          "done, no change, or paused at a gate",
		exitFailure:     "error (usage errors too)",
		exitChanges:     "changes or differences",
		exitPaused:      "paused until a known time",
		exitPerson:      "paused for a person",
		exitConflict:    "refused: stale or altered plan, conflict with what is there",
		exitEvidence:    "a gate's evidence failed",
		exitLocked:      "the state is locked by somebody else (benign in a schedule)",
		exitPartial:     "partial: some mailboxes or messages failed, the rest was done",
		exitInterrupted: "interrupted, safely",
	}
}

// exitCodes is the end of a help text: the codes a command can end with. A
// word of its own replaces the common one.
func exitCodes(own map[int]string, codes ...int) string {
	var b strings.Builder
	b.WriteString("Exit codes:\n")
	slices.Sort(codes)
	for _, code := range codes {
		meaning, ok := own[code]
		if !ok {
			meaning = meanings()[code]
		}
		fmt.Fprintf(&b, "  %-4d %s\n", code, meaning)
	}
	return strings.TrimRight(b.String(), "\n")
}
