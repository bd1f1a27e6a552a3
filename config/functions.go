package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functions returns what expressions may call: pure functions only, so that a
// configuration means the same tomorrow. Files are read inside fsys only.
func functions(fsys fs.FS, m *meter) map[string]function.Function {
	all := map[string]function.Function{
		// They take expressions, not values: what they call is bounded itself.
		"try": tryfunc.TryFunc, "can": tryfunc.CanFunc,
	}
	for name, f := range pureFunctions() {
		all[name] = bounded(name, f, m)
	}
	all["file"] = bounded("file", fileFunc(fsys), m)
	all["fileexists"] = bounded("fileexists", fileExistsFunc(fsys), m)
	// A template gets neither templatefile, so that templates cannot call one
	// another without end, nor secret, which is no text.
	all["templatefile"] = bounded("templatefile", templateFileFunc(fsys, maps.Clone(all), m), m)
	all["secret"] = secretFunc
	return all
}

func pureFunctions() map[string]function.Function {
	all := map[string]function.Function{}
	maps.Copy(all, textFunctions())
	maps.Copy(all, collectionFunctions())
	maps.Copy(all, numberFunctions())
	maps.Copy(all, conversionFunctions())
	return all
}

func textFunctions() map[string]function.Function {
	return map[string]function.Function{
		"chomp": stdlib.ChompFunc, "endswith": endsWithFunc, "format": stdlib.FormatFunc,
		"formatdate": stdlib.FormatDateFunc, "formatlist": stdlib.FormatListFunc,
		"indent": stdlib.IndentFunc, "join": stdlib.JoinFunc, "lower": stdlib.LowerFunc,
		"regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc, "replace": replaceFunc,
		"split": stdlib.SplitFunc, "startswith": startsWithFunc, "strcontains": strContainsFunc,
		"strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc, "timeadd": stdlib.TimeAddFunc,
		"title": stdlib.TitleFunc, "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc,
		"trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc,
	}
}

func collectionFunctions() map[string]function.Function {
	return map[string]function.Function{
		"alltrue": allTrueFunc, "anytrue": anyTrueFunc, "chunklist": stdlib.ChunklistFunc,
		"coalesce": coalesceFunc, "coalescelist": stdlib.CoalesceListFunc, "compact": stdlib.CompactFunc,
		"concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc,
		"element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc, "index": indexFunc,
		"keys": stdlib.KeysFunc, "length": lengthFunc, "lookup": stdlib.LookupFunc,
		"merge": stdlib.MergeFunc, "one": oneFunc, "range": stdlib.RangeFunc,
		"reverse": stdlib.ReverseListFunc, "setintersection": stdlib.SetIntersectionFunc,
		"setproduct": stdlib.SetProductFunc, "setsubtract": stdlib.SetSubtractFunc,
		"setunion": stdlib.SetUnionFunc, "slice": stdlib.SliceFunc, "sort": stdlib.SortFunc,
		"sum": sumFunc, "values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,
	}
}

func numberFunctions() map[string]function.Function {
	return map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc,
		"log": stdlib.LogFunc, "max": stdlib.MaxFunc, "min": stdlib.MinFunc,
		"parseint": stdlib.ParseIntFunc, "pow": stdlib.PowFunc, "signum": stdlib.SignumFunc,
	}
}

func conversionFunctions() map[string]function.Function {
	return map[string]function.Function{
		"base64decode": base64DecodeFunc, "base64encode": base64EncodeFunc,
		"csvdecode": stdlib.CSVDecodeFunc, "jsondecode": stdlib.JSONDecodeFunc,
		"jsonencode": stdlib.JSONEncodeFunc, "yamldecode": yamlDecodeFunc,
		"tobool": stdlib.MakeToFunc(cty.Bool), "tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
		"tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)), "tonumber": stdlib.MakeToFunc(cty.Number),
		"toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)), "tostring": stdlib.MakeToFunc(cty.String),
	}
}

var errSecretArgument = errors.New("a secret cannot be given to a function")

// bounded wraps a function: it takes no secret, what goes in and comes out is
// counted, and results that would be huge are refused before they are made.
func bounded(name string, f function.Function, m *meter) function.Function {
	guard := func(args []cty.Value) error {
		for i, a := range args {
			if holdsSecret(a.Type()) {
				return function.NewArgError(i, errSecretArgument)
			}
			if !m.chargeArgument(a) {
				return fmt.Errorf("its arguments are too large")
			}
		}
		return refuseHuge(name, args)
	}
	return function.New(&function.Spec{
		Description: f.Description(),
		Params:      relaxed(f.Params()),
		VarParam:    f.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := guard(args); err != nil {
				return cty.DynamicPseudoType, err
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := f.Call(args)
			if err == nil && !m.charge(v) {
				return cty.DynamicVal, fmt.Errorf("its result is too large")
			}
			return v, err
		},
	})
}

// relaxed is a copy of a parameter list: function.New keeps what it is given.
func relaxed(params []function.Parameter) []function.Parameter { return slices.Clone(params) }
