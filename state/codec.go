package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"bascule/migration"
)

// MaxSize bounds what is read as a state, in octets. A state of ten thousand
// mailboxes is a tenth of it.
const MaxSize = 64 << 20

// document is the file: the state, and a checksum as its last member.
type document struct {
	*State
	Checksum string `json:"checksum,omitempty"`
}

const checksumPrefix = "sha256:"

// Encode returns the file of a state: indented JSON whose octets depend on the
// content only, so that two versions can be compared line by line.
func Encode(s *State) ([]byte, error) {
	if err := check(s); err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	var bare, out bytes.Buffer
	enc := json.NewEncoder(&bare)
	enc.SetEscapeHTML(false) // people read this file
	if err := enc.Encode(document{State: s}); err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	if err := json.Indent(&out, sealed(bytes.TrimSpace(bare.Bytes())), "", "  "); err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// sealed appends the checksum of a compact JSON object to it.
func sealed(bare []byte) []byte {
	return append(bare[:len(bare)-1:len(bare)-1], `,"checksum":"`+checksum(bare)+`"}`...)
}

func checksum(compact []byte) string {
	sum := sha256.Sum256(compact)
	return checksumPrefix + hex.EncodeToString(sum[:])
}

// Decode reads a state of this or an older format. What is not a whole state
// is ErrCorrupt, what a newer program wrote is ErrNewer; both say what to do.
func Decode(data []byte) (*State, error) {
	if len(data) > MaxSize {
		return nil, corrupt(fmt.Errorf("%d octets, more than %d", len(data), MaxSize))
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return nil, corrupt(fmt.Errorf("not complete JSON: %w", err))
	}
	if err := checkVersion(compact.Bytes()); err != nil {
		return nil, err
	}
	doc, err := parse(compact.Bytes())
	if err != nil {
		return nil, err
	}
	if err := verify(compact.Bytes(), doc.Checksum); err != nil {
		return nil, corrupt(err)
	}
	if err := check(doc.State); err != nil {
		return nil, corrupt(err)
	}
	if doc.Objects == nil {
		doc.Objects = map[migration.Address]*Object{}
	}
	return doc.State, nil
}

// checkVersion looks at the version before anything else: the rest of a newer
// format may have any shape. A format that comes after this one adds here the
// upgrade of its predecessors, and testdata/roundtrip keeps a file of each.
func checkVersion(data []byte) error {
	var head struct {
		FormatVersion int    `json:"format_version"`
		Tool          string `json:"tool"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return corrupt(err)
	}
	switch {
	case head.FormatVersion == FormatVersion:
		return nil
	case head.FormatVersion > FormatVersion:
		return fmt.Errorf("%w: it was written by %s in format %d, and this program reads up to format %d; nothing was changed; run the newer bascule, or restore a version from before it with `bascule state history` and `bascule state restore`",
			ErrNewer, toolName(head.Tool), head.FormatVersion, FormatVersion)
	}
	return corrupt(fmt.Errorf("format_version %d was never used", head.FormatVersion))
}

func toolName(tool string) string {
	if tool == "" {
		return "a newer program"
	}
	return fmt.Sprintf("%q", tool)
}

// parse refuses members it does not know: writing the state back would lose
// them, and with them perhaps the memory of a step that was done.
func parse(data []byte) (document, error) {
	doc := document{State: &State{}}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(&doc)
	switch {
	case err == nil && doc.State == nil:
		return doc, corrupt(errors.New("it is null"))
	case err == nil:
		return doc, nil
	case strings.HasPrefix(err.Error(), "json: unknown field"):
		return doc, fmt.Errorf("%w: %s was written by %s and would be lost here; nothing was changed; run the bascule that wrote it",
			ErrNewer, strings.TrimPrefix(err.Error(), "json: unknown "), toolName(doc.Tool))
	}
	return doc, corrupt(err)
}

// verify compares the checksum. A file without one is accepted: that is how a
// person who edited it by hand says so.
func verify(compact []byte, want string) error {
	if want == "" {
		return nil
	}
	tail := `,"checksum":"` + want + `"}`
	bare, found := bytes.CutSuffix(compact, []byte(tail))
	if !found {
		return errors.New("the checksum is not its last member")
	}
	if got := checksum(append(bare[:len(bare):len(bare)], '}')); got != want {
		return errors.New("the checksum does not fit the content: it was damaged, or edited by hand (then take the checksum line out)")
	}
	return nil
}

// check is what any state must be, read or written.
func check(s *State) error {
	switch {
	case s == nil:
		return errors.New("no state given")
	case s.FormatVersion != FormatVersion:
		return fmt.Errorf("format_version is %d, not %d", s.FormatVersion, FormatVersion)
	case s.Lineage == "":
		return errors.New("it has no lineage")
	}
	for address, object := range s.Objects {
		if object == nil || address == "" {
			return fmt.Errorf("object %q is empty", address)
		}
	}
	return nil
}

func corrupt(why error) error {
	return fmt.Errorf("%w: %w; nothing was changed; look at the earlier versions with `bascule state history` and go back to one with `bascule state restore`", ErrCorrupt, why)
}
