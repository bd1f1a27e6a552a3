package mailsync

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// ExceptionKind says what a target does not hold as the source has it.
type ExceptionKind string

// Kinds of exceptions.
const (
	// FlagNotKept: a flag or keyword, neither at APPEND nor by STORE.
	FlagNotKept ExceptionKind = "flag not kept"
	// FlagAdded: a flag that the target put on what it was given.
	FlagAdded ExceptionKind = "flag added"
	// DateNotKept: INTERNALDATE.
	DateNotKept ExceptionKind = "date not kept"
	// OctetsAltered: the message itself.
	OctetsAltered ExceptionKind = "octets altered"
	// FolderRenamed: the target refused the name.
	FolderRenamed ExceptionKind = "folder renamed"
)

// Exception is what a target cannot hold, after every other way was tried.
type Exception struct {
	Kind ExceptionKind
	// What names the flag, the kind of date, the alteration, or the new name.
	What  string
	Count int
	// Examples names the first of them on the source; Count the rest.
	Examples []Example
	// Text has the server's own words where it gave any.
	Text string
}

// Example is one message, or with UID 0 one folder, of the source.
type Example struct {
	Folder []string
	UID    UID
}

// maxExamples bounds what one exception names, maxExceptions how many kinds
// of What there are: a mailbox may have a keyword for each message.
const (
	maxExamples   = 10
	maxExceptions = 200
)

// otherExceptions is What for those beyond maxExceptions.
const otherExceptions = "others"

// note counts one more exception of a list.
func note(list []Exception, k ExceptionKind, what string, e Example, text string) []Exception {
	i := slices.IndexFunc(list, func(x Exception) bool { return x.Kind == k && x.What == what })
	if i < 0 && len(list) >= maxExceptions && what != otherExceptions {
		return note(list, k, otherExceptions, e, text)
	}
	if i < 0 {
		list, i = append(list, Exception{Kind: k, What: what, Text: text}), len(list)
	}
	x := &list[i]
	x.Count++
	if len(x.Examples) < maxExamples {
		x.Examples = append(x.Examples, e)
	}
	return list
}

func sortExceptions(list []Exception) {
	slices.SortFunc(list, func(a, b Exception) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.What, b.What))
	})
}

// except notes an exception of a row in the report.
func (p *pass) except(k ExceptionKind, what string, r *Row, text string) {
	e := Example{UID: r.SourceUID}
	if s := p.pairByID(r.Pair); s != nil {
		e.Folder = s.Pair.Source.Path
	}
	p.report.Exceptions = note(p.report.Exceptions, k, what, e, text)
}

func (p *pass) exceptFlag(flag string, r *Row, text string) {
	p.report.FlagsNotKept[flag]++
	p.except(FlagNotKept, flag, r, text)
}

// dateKind names the kind of a date that was not kept.
func dateKind(date, now time.Time) string {
	switch {
	case date.After(now):
		return "in the future"
	case date.Unix() < 0:
		return "before 1970"
	case date.Year() < 2000:
		return "before 2000"
	}
	return "another"
}

// alteration names what a target made of a message, going by its size, and by
// what its class does to messages such as this; "" for nothing.
func (p Personality) alteration(r *Row, size int64) string {
	odd := p.Class == Normalised && p.Form().isZero() && !r.Plain.IsZero()
	switch {
	case p.Class == Semantic && size != r.Size:
		return string(WritesAnew)
	case p.Class == Normalised && (size != r.Size || odd):
		return p.alterations()
	case size != r.Size:
		return "size differs"
	}
	return ""
}

// expectsDate reports whether a probe has shown that the target does not keep
// such a date, and puts one there that a copy made between the probe and now can have.
func (p Personality) expectsDate(want, got, now time.Time) bool {
	recent := !got.Before(p.At.Add(-time.Hour)) && !got.After(now.Add(time.Hour))
	switch {
	case p.At.IsZero():
		return false
	case p.FutureDates == NotKept && want.After(p.At):
		return recent
	case p.OldDates == NotKept && want.Year() < 2000:
		return true
	}
	return false
}

// expectsLoss reports whether a probe has shown that the target does not keep a flag.
func (p Personality) expectsLoss(flag string) bool {
	switch {
	case strings.EqualFold(flag, `\Flagged`):
		return p.Flagged == NotKept
	case !isKeyword(flag):
		return false
	case p.Keywords == NotKept:
		return true
	}
	return len(flag) > maxCommonKeyword && p.LongKeywords == NotKept
}

// maxCommonKeyword is the length of keywords that servers keep that keep any.
const maxCommonKeyword = 50
