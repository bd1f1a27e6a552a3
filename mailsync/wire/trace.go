package wire

import "strings"

// Direction says who spoke.
type Direction string

// The two directions of a trace.
const (
	Sent     Direction = "C"
	Received Direction = "S"
)

// traceLine is how much of a line a trace shows.
const traceLine = 1000

// redact takes the credentials out of a command line: everything behind LOGIN
// and behind the mechanism of AUTHENTICATE.
func redact(name, line string) string {
	line = strings.TrimRight(line, "\r\n")
	switch name {
	case "LOGIN", "AUTHENTICATE":
		tag, _, _ := strings.Cut(line, " ")
		return tag + " " + name + " (secret)"
	}
	if len(line) > traceLine {
		line = line[:traceLine]
	}
	return line
}
