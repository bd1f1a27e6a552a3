package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

func fileFunc(fsys fs.FS) function.Function {
	return function.New(&function.Spec{
		Description: "The content of a text file of the configuration directory (UTF-8, at most 1 MiB).",
		Params:      []function.Parameter{{Name: "path", Type: cty.String}},
		Type:        function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, err := readText(fsys, args[0].AsString())
			if err != nil {
				return cty.UnknownVal(cty.String), function.NewArgError(0, err)
			}
			return cty.StringVal(text), nil
		},
	})
}

func fileExistsFunc(fsys fs.FS) function.Function {
	return function.New(&function.Spec{
		Description: "Reports whether a file is in the configuration directory.",
		Params:      []function.Parameter{{Name: "path", Type: cty.String}},
		Type:        function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name, err := confined(args[0].AsString())
			if err != nil {
				return cty.UnknownVal(cty.Bool), function.NewArgError(0, err)
			}
			info, err := fs.Stat(fsys, name)
			if errors.Is(err, fs.ErrNotExist) {
				return cty.False, nil
			}
			if err != nil {
				return cty.UnknownVal(cty.Bool), function.NewArgError(0, err)
			}
			return cty.BoolVal(info.Mode().IsRegular()), nil
		},
	})
}

func templateFileFunc(fsys fs.FS, others map[string]function.Function, m *meter) function.Function {
	return function.New(&function.Spec{
		Description: "The content of a file of the configuration directory, with ${…} and %{…} evaluated; a second argument holds the names it may use.",
		Params: []function.Parameter{
			{Name: "path", Type: cty.String}, {Name: "vars", Type: cty.DynamicPseudoType},
		},
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := args[0].AsString()
			text, err := readText(fsys, name)
			if err != nil {
				return cty.UnknownVal(cty.String), function.NewArgError(0, err)
			}
			return renderTemplate(name, text, args[1], others, m)
		},
	})
}

func renderTemplate(name, text string, vars cty.Value, funcs map[string]function.Function, m *meter) (cty.Value, error) {
	unknown := cty.UnknownVal(cty.String)
	if ty := vars.Type(); !ty.IsObjectType() && !ty.IsMapType() {
		return unknown, function.NewArgErrorf(1, "an object with the names the template uses is wanted")
	}
	tokens, _ := hclsyntax.LexTemplate([]byte(text), name, hcl.InitialPos)
	if diags := guardTokens(tokens); diags.HasErrors() {
		return unknown, templateError(diags)
	}
	expr, diags := hclsyntax.ParseTemplate([]byte(text), name, hcl.InitialPos)
	if diags.HasErrors() {
		return unknown, templateError(diags)
	}
	m.install(expr)
	if err := allGiven(expr, vars); err != nil {
		return unknown, err
	}
	v, diags := expr.Value(&hcl.EvalContext{Variables: vars.AsValueMap(), Functions: funcs})
	if diags.HasErrors() {
		return unknown, templateError(diags)
	}
	s, ok := knownText(v)
	if !ok && v.IsKnown() {
		return unknown, function.NewArgErrorf(0, "the template %s does not make a text", name)
	}
	if !ok {
		return unknown, nil
	}
	return cty.StringVal(s), nil
}

// allGiven names what a template uses and was not given.
func allGiven(expr hclsyntax.Expression, vars cty.Value) error {
	given := vars.AsValueMap()
	for _, t := range expr.Variables() {
		if _, ok := given[t.RootName()]; !ok {
			return function.NewArgErrorf(1, "the template uses %q at %s, which is not given%s", t.RootName(), place(t.SourceRange()),
				strings.TrimSuffix(suggest(t.RootName(), slices.Sorted(maps.Keys(given))), " "))
		}
	}
	return nil
}

func templateError(diags hcl.Diagnostics) error {
	first := diags.Errs()[0]
	var d *hcl.Diagnostic
	if errors.As(first, &d) && d.Subject != nil {
		return function.NewArgErrorf(0, "%s:%d: %s: %s", d.Subject.Filename, d.Subject.Start.Line, d.Summary, strings.TrimSuffix(d.Detail, "."))
	}
	return function.NewArgError(0, first)
}

// confined returns the path of a file inside the directory. Links that lead
// out of it are refused by the file system given (os.Root).
func confined(name string) (string, error) {
	clean := path.Clean(strings.ReplaceAll(name, "\\", "/"))
	if !fs.ValidPath(clean) || clean == "." || path.IsAbs(name) {
		return "", fmt.Errorf("%q is not inside the directory of the configuration; copy the file there", name)
	}
	return clean, nil
}

// readText reads at most maxText octets of UTF-8.
func readText(fsys fs.FS, name string) (string, error) {
	clean, err := confined(name)
	if err != nil {
		return "", err
	}
	b, err := readLimited(fsys, clean)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", fmt.Errorf("%s is not UTF-8 text", name)
	}
	return string(b), nil
}

func readLimited(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s in the directory of the configuration", name)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(b) > maxText {
		return nil, fmt.Errorf("%s is larger than 1 MiB", name)
	}
	return b, nil
}
