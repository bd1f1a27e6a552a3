package genericimap

import "bascule/providers"

// Driver is the name in configuration.
const Driver = "imap"

// Source is an IMAP server mail is read from.
func Source() providers.Descriptor {
	return providers.Descriptor{
		Kind: providers.KindSource, Driver: Driver,
		Doc: "Any IMAP server. It is opened read-only, always.",
	}
}

// Target is an IMAP server whose accounts are made by hand.
func Target() providers.Descriptor {
	return providers.Descriptor{
		Kind: providers.KindTarget, Driver: Driver,
		Doc:             "Any IMAP server whose accounts, aliases and DKIM keys are made by hand; mx, spf and dkim are written in the configuration.",
		Credentials:     []string{"password", "keep"},
		DeclaresExports: true,
	}
}
