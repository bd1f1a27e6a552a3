//go:build !unix

package local

import (
	"errors"
	"fmt"
	"os"
)

// flock says that this system is not served: without it two processes could
// write at once, and no state is better than a doubtful one.
func flock(path string) (*os.File, error) {
	return nil, fmt.Errorf("lock %s: %w on this system; keep the state in another backend", path, errors.ErrUnsupported)
}

func isBusy(error) bool { return false }

func processLives(int) bool { return true }
