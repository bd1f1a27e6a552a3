// Package hostile is mail that breaks mail programs: messages, dates, flags
// and folder names of which at least one well-known server or program loses,
// alters or refuses something.
//
//	for _, m := range hostile.Messages() {
//		append m.Body at m.Date
//	}
//
// It is the same in every run and on every machine: nothing is drawn or read,
// and every message of a function has an INTERNALDATE of its own to the
// minute, so that a copy that was altered can still be told by its date (and,
// for [Dates], by its octets). It talks to nobody: who fills a server with it,
// and judges what came out, is the test.
//
// [Messages] are about octets, [Dates] about INTERNALDATE, [Flags] and
// [Keywords] about flags, [Folders] about names. [Large] is apart, because of
// what it costs. A Class names what is particular; it is unique in its
// function and stays the same, for tables of results are kept by it.
//
// Invariant: only tests import it.
package hostile
