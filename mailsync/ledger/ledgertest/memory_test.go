package ledgertest

import (
	"testing"

	"bascule/mailsync"
)

func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) Opener {
		m := NewMemory("id")
		return func(*testing.T) mailsync.Ledger { return m }
	})
}
