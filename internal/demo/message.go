package demo

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// Message is what the proof knows of a message.
type Message struct {
	// Digest is the SHA-256 of all its octets, in hex.
	Digest string
	// ID is its Message-ID, empty or repeated in some.
	ID string
	// Date is its INTERNALDATE, to the second.
	Date time.Time
	// Flags are in lower case, sorted, without \Recent.
	Flags []string
}

// newMessage is a message as the book keeps it.
func newMessage(octets []byte, date time.Time, flags []string) Message {
	sum := sha256.Sum256(octets)
	return Message{Digest: hex.EncodeToString(sum[:]), ID: messageID(octets), Date: date.UTC().Truncate(time.Second), Flags: tidyFlags(flags)}
}

func messageID(octets []byte) string {
	head, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(octets))).ReadMIMEHeader()
	if err != nil && len(head) == 0 {
		return ""
	}
	return mail.Header(head).Get("Message-Id")
}

// tidyFlags makes flags comparable: they know no case (RFC 3501 §2.3.2), and
// \Recent is the session's, not the message's.
func tidyFlags(flags []string) []string {
	out := make([]string, 0, len(flags))
	for _, f := range flags {
		if f = strings.ToLower(f); f != `\recent` {
			out = append(out, f)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
