package mailsync

import "slices"

// strip says which flags a message is sent with; what is left out is set by
// STORE afterwards, where the target lets us.
type strip int

const (
	allFlags strip = iota
	noKeywords
	noFlags
	// withoutOne and those above leave out one keyword: which, says the
	// difference.
	withoutOne
)

// maxSingled is how many keywords of a message are tried one by one.
const maxSingled = 8

// sendFlags are the flags a message is sent with: never those that the target
// is known to refuse a message for.
func sendFlags(flags []string, a Accepts, how strip, avoid []string) []string {
	keep, _ := permitted(sortedFlags(flags), a)
	keep = minusFlags(keep, avoid)
	switch {
	case how == noKeywords:
		return slices.DeleteFunc(keep, isKeyword)
	case how == noFlags:
		return nil
	case how >= withoutOne:
		return minusFlags(keep, []string{how.left(keep)})
	}
	return keep
}

// left is the keyword that a message is sent without, or "".
func (how strip) left(flags []string) string {
	words := slices.DeleteFunc(slices.Clone(flags), func(f string) bool { return !isKeyword(f) })
	switch i := int(how - withoutOne); {
	case how == noKeywords && len(words) == 1:
		return words[0]
	case i >= 0 && i < len(words):
		return words[i]
	}
	return ""
}

// fewer is what to try after a refusal; ok is false when nothing is left.
func (how strip) fewer(flags []string) (next strip, ok bool) {
	words := slices.DeleteFunc(slices.Clone(flags), func(f string) bool { return !isKeyword(f) })
	switch {
	case how == allFlags && len(words) > 1:
		return withoutOne, true
	case how == allFlags && len(words) == 1:
		return noKeywords, true
	case how >= withoutOne && int(how-withoutOne)+1 < min(len(words), maxSingled):
		return how + 1, true
	case how >= withoutOne:
		return noKeywords, true
	case how == allFlags, how == noKeywords && len(flags) > len(words):
		return noFlags, len(flags) > 0
	}
	return how, false
}

// avoids learns from a message that was taken without one keyword.
func (p *pass) avoids(batch []CopyAction, how strip) {
	if len(batch) != 1 || how == allFlags {
		return
	}
	sent := sendFlags(batch[0].Meta.Flags, p.target.Accepts(), allFlags, p.avoid)
	if word := how.left(sent); word != "" && !hasFlag(p.avoid, word) {
		p.avoid = append(slices.Clone(p.avoid), word)
	}
}
