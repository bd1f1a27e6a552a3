package files

import (
	"fmt"
	"path/filepath"

	"bascule/migration"
	"bascule/providers"
)

// Names in configuration.
const (
	DriverMaildir = "maildir"
	DriverMbox    = "mbox"
)

// Maildir is a directory of Maildirs mail is read from.
func Maildir() providers.Descriptor {
	return descriptor(DriverMaildir, "Maildir++ directories, one a mailbox. Nothing is written in them.", "directory that holds the Maildirs, each named by the `login` of its mailbox; relative to the configuration")
}

// Mbox is a directory of mbox files mail is read from.
func Mbox() providers.Descriptor {
	return descriptor(DriverMbox, "mbox files: a directory, or one file, a mailbox. Nothing is written in them.", "directory that holds the mailboxes, each named by its `login`; relative to the configuration")
}

func descriptor(driver, doc, path string) providers.Descriptor {
	return providers.Descriptor{
		Kind: providers.KindSource, Driver: driver, Doc: doc, Directory: true,
		Fields: []providers.Field{{Name: "path", Type: providers.String, Required: true, Doc: path, Example: "mail"}},
	}
}

// Place is where the mail of a login lies, below the directory of the
// configuration unless the path is absolute. A login never leads elsewhere.
func Place(dir string, s migration.Server, login string) (string, error) {
	if login == "" || !filepath.IsLocal(login) {
		return "", fmt.Errorf("%s: %q is not the name of a directory in %s", s.Address, login, s.Settings["path"])
	}
	path := filepath.FromSlash(s.Settings["path"])
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return filepath.Join(path, login), nil
}
