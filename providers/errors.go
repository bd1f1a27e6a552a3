package providers

import "errors"

// Errors every leaf maps its service's answers to. Whether an error may go
// away by itself is said by retry.IsTemporary.
var (
	// ErrExists: the object is there already.
	ErrExists = errors.New("already exists")
	// ErrNotFound: the object certainly does not exist.
	ErrNotFound = errors.New("not found")
	// ErrAuth: the credentials were refused.
	ErrAuth = errors.New("credentials refused")
	// ErrRefused: the service understood and said no, for good.
	ErrRefused = errors.New("refused by the service")
)
