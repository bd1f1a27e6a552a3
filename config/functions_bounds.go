package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// maxElements bounds collections made by multiplication.
const maxElements = 100_000

var wideVerb = regexp.MustCompile(`%[^a-zA-Z%]*[0-9]{4,}`)

// refuseHuge looks at the arguments of functions whose result can be far
// larger than what they are given.
func refuseHuge(name string, args []cty.Value) error {
	tooLarge := fmt.Errorf("the result would be too large")
	switch name {
	case "setproduct":
		if product(args) > maxElements {
			return tooLarge
		}
	case "indent":
		if n, ok := wholeNumber(args[0]); ok && n > 1000 {
			return tooLarge
		}
	case "format", "formatlist":
		if s, ok := knownText(args[0]); ok && wideVerb.MatchString(s) {
			return tooLarge
		}
	case "replace":
		return refuseReplace(args, tooLarge)
	case "join":
		if sep, ok := knownText(args[0]); ok && len(sep) > 1000 {
			return tooLarge
		}
	case "pow":
		if n, ok := wholeNumber(args[1]); !ok || n > 1024 || n < -1024 {
			return tooLarge
		}
	case "yamldecode":
		if s, ok := knownText(args[0]); ok && yamlAliases(s) > maxAliases {
			return fmt.Errorf("the document repeats itself by more than %d aliases", maxAliases)
		}
	}
	return nil
}

func refuseReplace(args []cty.Value, tooLarge error) error {
	text, ok1 := knownText(args[0])
	old, ok2 := knownText(args[1])
	by, ok3 := knownText(args[2])
	if !ok1 || !ok2 || !ok3 {
		return nil
	}
	matches := len(text) + 1
	if old != "" && !isPattern(old) {
		matches = strings.Count(text, old)
	}
	if matches*len(by) > maxText || isPattern(old) && strings.Count(by, "$")*len(text) > maxText {
		return tooLarge
	}
	return nil
}

func product(args []cty.Value) int {
	n := 1
	for _, a := range args {
		a, _ = a.Unmark()
		if !a.IsKnown() || a.IsNull() || !a.CanIterateElements() {
			return 0
		}
		n *= a.LengthInt()
		if n > maxElements {
			return n
		}
	}
	return n
}

func knownText(v cty.Value) (string, bool) {
	v, _ = v.Unmark()
	if v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return "", false
	}
	return v.AsString(), true
}

func wholeNumber(v cty.Value) (int64, bool) {
	v, _ = v.Unmark()
	if v.Type() != cty.Number || !v.IsKnown() || v.IsNull() {
		return 0, false
	}
	n, _ := v.AsBigFloat().Int64()
	return n, true
}

// maxAliases keeps a YAML document from doubling itself line by line: each
// alias can at most double what came before.
const maxAliases = 20

var yamlAlias = regexp.MustCompile(`(?m)(^|[\s\[{,:-])\*[^\s,\]}]`)

func yamlAliases(s string) int { return len(yamlAlias.FindAllStringIndex(s, maxAliases+1)) }
