package all

import (
	"bascule/providers"
	"bascule/providers/dns/manual"
	"bascule/providers/dns/rfc2136"
	"bascule/providers/files"
	"bascule/providers/genericimap"
	"bascule/providers/mox"
)

// Catalog returns every driver.
func Catalog() providers.Catalog {
	return providers.Catalog{
		genericimap.Source(),
		genericimap.Target(),
		files.Maildir(),
		files.Mbox(),
		mox.Descriptor(),
		rfc2136.Descriptor(),
		manual.Descriptor(),
	}
}
