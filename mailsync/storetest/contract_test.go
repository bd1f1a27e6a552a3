package storetest

import (
	"testing"

	"bascule/mailsync"
)

func TestTheServerInMemoryKeepsTheContract(t *testing.T) {
	for name, p := range map[string]Personality{"complete": {}, "bare": {NoUIDPlus: true, NoMove: true, NoCondStore: true, SingleAppend: true}} {
		t.Run(name, func(t *testing.T) {
			Run(t, func(t *testing.T) Fixture {
				s := New(p)
				return Fixture{
					Open: func(t *testing.T) mailsync.Target {
						c, err := s.OpenTarget(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						return c
					},
					OpenReadOnly: func(t *testing.T) mailsync.Source {
						c, err := s.OpenSource(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						return c
					},
				}
			})
		})
	}
}
