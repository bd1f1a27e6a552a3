// Package safetext makes remote text harmless before a person sees it.
//
// Folder names, banners, server replies and DNS strings come from machines
// that may be hostile: raw, they can clear a screen, forge a prompt, or turn
// the reading direction around. Every renderer passes remote text through
// [Line] or [Block]; nothing else may print it.
//
// Invariant: the result holds no control character, no invalid UTF-8, no
// bidirectional or zero-width character; [Block] keeps line feeds.
package safetext
