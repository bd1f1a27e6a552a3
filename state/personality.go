package state

import "time"

// Personality is what a probe learnt of how the two sides of a mailbox keep messages.
type Personality struct {
	At time.Time `json:"at"`
	// Server is what the target said of itself (RFC 2971): when that changes,
	// it is probed anew.
	Server map[string]string `json:"server,omitempty"`
	// Class is "exact", "normalised" or "semantic"; empty when it could not
	// be learnt, and then Why says why.
	Class        string        `json:"class,omitempty"`
	Why          string        `json:"why,omitempty"`
	Alters       []string      `json:"alters,omitempty"`
	Added        []string      `json:"added,omitempty"`
	DropNUL      bool          `json:"drop_nul,omitempty"`
	Refuses      []RefusedKind `json:"refuses,omitempty"`
	Unrecognised []string      `json:"unrecognised,omitempty"`
	// How marks are kept: "at APPEND", "by STORE", "not kept".
	Flagged      string `json:"flagged,omitempty"`
	Keywords     string `json:"keywords,omitempty"`
	LongKeywords string `json:"long_keywords,omitempty"`
	FutureDates  string `json:"future_dates,omitempty"`
	OldDates     string `json:"old_dates,omitempty"`
	// Source is the class of the old side.
	Source         string `json:"source,omitempty"`
	SourceMessages int    `json:"source_messages,omitempty"`
	// Text says it all in lines for a reader.
	Text []string `json:"text"`
}

// RefusedKind is a kind of message the target does not take, in its words.
type RefusedKind struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Similar counts messages of a folder that the target seems to hold already,
// altered: a person decides.
type Similar struct {
	Folder   string `json:"folder"`
	Messages int    `json:"messages"`
}

// Exception is what the target cannot hold, named and counted.
type Exception struct {
	Kind  string `json:"kind"`
	What  string `json:"what"`
	Count int    `json:"count"`
	// Examples are "folder UID n" of the source, the first few.
	Examples []string `json:"examples,omitempty"`
	Text     string   `json:"text,omitempty"`
}
