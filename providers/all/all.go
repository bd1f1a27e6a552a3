package all

import (
	"bascule/providers"
	"bascule/providers/dns/manual"
	"bascule/providers/dns/rfc2136"
	"bascule/providers/genericimap"
	"bascule/providers/mox"
)

// Catalog returns every driver.
func Catalog() providers.Catalog {
	return providers.Catalog{
		genericimap.Source(),
		genericimap.Target(),
		mox.Descriptor(),
		rfc2136.Descriptor(),
		manual.Descriptor(),
	}
}
