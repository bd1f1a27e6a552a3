package config

import (
	"fmt"
	"path"
	"reflect"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"bascule/internal/secret"
)

// reference is what secret() returns: where a secret lies, never the secret.
type reference struct{ locator string }

// secretType is opaque: no operator and no conversion accepts it.
var secretType = cty.CapsuleWithOps("secret", reflect.TypeFor[reference](), &cty.CapsuleOps{
	GoString:     func(any) string { return "secret(…)" },
	TypeGoString: func(reflect.Type) string { return "secret" },
	RawEquals:    func(a, b any) bool { return *a.(*reference) == *b.(*reference) },
	Equals:       func(a, b any) cty.Value { return cty.BoolVal(*a.(*reference) == *b.(*reference)) },
})

// holdsSecret reports whether a value of this type can contain a secret.
func holdsSecret(ty cty.Type) bool {
	switch {
	case ty.IsCapsuleType():
		return ty.Equals(secretType)
	case ty.IsCollectionType():
		return holdsSecret(ty.ElementType())
	case ty.IsTupleType():
		for _, e := range ty.TupleElementTypes() {
			if holdsSecret(e) {
				return true
			}
		}
	case ty.IsObjectType():
		for _, e := range ty.AttributeTypes() {
			if holdsSecret(e) {
				return true
			}
		}
	}
	return false
}

func secretInText(rng hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Subject: &rng, Summary: "A secret cannot be put into a text",
		Detail: "secret(…) only says where a secret lies; it is read at the moment of use. Give it whole to an attribute that takes a secret, such as password, or build the locator instead: secret(\"env:OLD_${upper(each.key)}\").",
	}
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// checkLocator says what is wrong with a locator, or nil.
func checkLocator(locator string) error {
	kind, rest, found := strings.Cut(locator, ":")
	if !found || rest == "" {
		return fmt.Errorf("%q does not say where the secret lies; write \"env:NAME\", \"file:PATH\" or \"exec:COMMAND\"", locator)
	}
	switch kind {
	case "env":
		if !envName.MatchString(rest) {
			return fmt.Errorf("%q cannot be the name of an environment variable (letters, digits and underscore; a digit does not begin it); replace() helps where the name is made from a key", rest)
		}
	case "file":
		if strings.ContainsRune(rest, 0) || path.Clean(rest) == "." {
			return fmt.Errorf("%q is not the path of a file", rest)
		}
	case "exec":
		if _, err := secret.SplitCommand(rest); err != nil {
			return fmt.Errorf("command of %q: %w", locator, err)
		}
	case "keyring", "age":
		return fmt.Errorf("%q locators are not part of this version; use \"env:NAME\", \"file:PATH\" or \"exec:COMMAND\" (a password manager's own command, say)", kind)
	default:
		return fmt.Errorf("unknown kind of secret %q; write \"env:NAME\", \"file:PATH\" or \"exec:COMMAND\"", kind)
	}
	return nil
}

// secretFunc is secret(): it checks the locator's form and reads nothing.
var secretFunc = function.New(&function.Spec{
	Description: "Says where a secret lies: \"env:NAME\", \"file:PATH\" (first line) or \"exec:COMMAND\" (first line of its output).",
	Params:      []function.Parameter{{Name: "locator", Type: cty.String}},
	Type:        function.StaticReturnType(secretType),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		locator := args[0].AsString()
		if err := checkLocator(locator); err != nil {
			return cty.UnknownVal(secretType), function.NewArgError(0, err)
		}
		return cty.CapsuleVal(secretType, &reference{locator}), nil
	},
})

// sensitive marks values of sensitive variables. The mark of a text inside
// the variable carries its locator ("var:passwords[\"alice\"]"), so that the
// text itself can be given where a secret is wanted; "" marks a whole value.
type sensitive struct{ locator string }

// isSensitive reports whether a value, or a part of it, must not be shown.
func isSensitive(v cty.Value) bool { return v.ContainsMarked() }
