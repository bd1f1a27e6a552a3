package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlannedReadsASimulation(t *testing.T) {
	const simulation = `Reading package lists...
The following NEW packages will be installed:
  knot libknot13
Inst libknot13 (3.2.6-1 Debian:12/stable [amd64])
Inst knot (3.2.6-1 Debian:12/stable [amd64])
Conf libknot13 (3.2.6-1 Debian:12/stable [amd64])
Remv something [1.0]
`
	if diff := cmp.Diff([]string{"libknot13", "knot"}, planned([]byte(simulation))); diff != "" {
		t.Error(diff)
	}
}
