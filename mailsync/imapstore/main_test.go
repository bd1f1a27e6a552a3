package imapstore

import (
	"testing"

	"go.uber.org/goleak"
)

// No connection leaves a goroutine behind, however it ended.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
