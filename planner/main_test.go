package planner

import (
	"flag"
	"os"
	"testing"
)

// TestMain plays a dozen lives where nobody asks for more: each is a whole
// migration, planned some hundreds of times.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "12"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
