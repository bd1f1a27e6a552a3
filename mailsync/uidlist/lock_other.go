//go:build !unix

package uidlist

import (
	"errors"
	"os"
)

// tryLock refuses: two processes that number the same folder would give one UID
// to two messages.
func tryLock(*os.File) (taken bool, err error) {
	return false, errors.New("mail in directories needs file locks that this system does not have")
}
