package main

import "time"

// stage is a part of a campaign: programs that do the same between the same servers.
type stage struct {
	corpora []string
	rtts    []time.Duration
	// programs by name; empty means all that are present.
	programs []string
	variant
	// once makes one cycle, however many the campaign makes.
	once bool
}

const near, far = time.Duration(0), 40 * time.Millisecond

// whole is the campaign that every goal is read from (goals.go). It has no
// place for programs that need minutes for what others do in seconds: those
// take part in a campaign of one stage, by -corpora and -programs.
func whole() []stage {
	quick := []string{"raw", "raw-4", "other-raw", "engine", "bascule", "dsync", "interimap", "mbsync"}
	overIMAP := []string{"raw", "raw-4", "other-raw", "engine", "bascule", "interimap", "mbsync"}
	return []stage{
		{corpora: []string{"S", "T"}, rtts: []time.Duration{near}, programs: quick},
		{corpora: []string{"S2", "M"}, rtts: []time.Duration{far}, programs: quick},
		// dsync asks for one message after another here: 45 s for each run.
		{corpora: []string{"T"}, rtts: []time.Duration{far}, programs: overIMAP},
		{corpora: []string{"L"}, rtts: []time.Duration{near}, programs: quick, once: true},
		{corpora: []string{"S2"}, rtts: []time.Duration{near, far}, programs: quick, variant: variant{TLS: true}},
		{corpora: []string{"S2"}, rtts: []time.Duration{near, far}, programs: quick, variant: variant{Fsync: true}},
		{corpora: []string{"250k", "500k", "million"}, rtts: []time.Duration{near}, programs: []string{"raw", "engine"}, once: true},
	}
}
