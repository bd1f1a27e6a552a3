package config

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// The functions Terraform users know that the cty library does not have.

var startsWithFunc = textPredicate("Reports whether a text begins with a prefix.", "prefix", strings.HasPrefix)
var endsWithFunc = textPredicate("Reports whether a text ends with a suffix.", "suffix", strings.HasSuffix)
var strContainsFunc = textPredicate("Reports whether a text contains another.", "part", strings.Contains)

func textPredicate(doc, second string, test func(s, part string) bool) function.Function {
	return function.New(&function.Spec{
		Description: doc,
		Params:      []function.Parameter{{Name: "text", Type: cty.String}, {Name: second, Type: cty.String}},
		Type:        function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(test(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

func isPattern(s string) bool { return len(s) > 1 && s[0] == '/' && s[len(s)-1] == '/' }

// replaceFunc treats /…/ as a regular expression, as Terraform does.
var replaceFunc = function.New(&function.Spec{
	Description: "Replaces every occurrence of a text, or of a /regular expression/, by another text.",
	Params: []function.Parameter{
		{Name: "text", Type: cty.String}, {Name: "search", Type: cty.String}, {Name: "replacement", Type: cty.String},
	},
	Type: function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if search := args[1].AsString(); isPattern(search) {
			return stdlib.RegexReplace(args[0], cty.StringVal(search[1:len(search)-1]), args[2])
		}
		return stdlib.Replace(args[0], args[1], args[2])
	},
})

var lengthFunc = function.New(&function.Spec{
	Description: "The number of elements of a collection, or of characters of a text.",
	Params:      []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowUnknown: true}},
	Type: func(args []cty.Value) (cty.Type, error) {
		ty := args[0].Type()
		if ty == cty.String || ty == cty.DynamicPseudoType || ty.IsCollectionType() || ty.IsTupleType() || ty.IsObjectType() {
			return cty.Number, nil
		}
		return cty.Number, function.NewArgErrorf(0, "a collection or a text is wanted, not %s", ty.FriendlyName())
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		v := args[0]
		switch ty := v.Type(); {
		case ty == cty.DynamicPseudoType:
			return cty.UnknownVal(cty.Number), nil
		case ty == cty.String:
			return stdlib.Strlen(v)
		case ty.IsTupleType():
			return cty.NumberIntVal(int64(len(ty.TupleElementTypes()))), nil
		case ty.IsObjectType():
			return cty.NumberIntVal(int64(len(ty.AttributeTypes()))), nil
		}
		return v.Length(), nil
	},
})

var allTrueFunc = everyBool("Reports whether all elements are true; true for none.", true, func(a, b cty.Value) cty.Value { return a.And(b) })
var anyTrueFunc = everyBool("Reports whether an element is true; false for none.", false, func(a, b cty.Value) cty.Value { return a.Or(b) })

func everyBool(doc string, start bool, join func(a, b cty.Value) cty.Value) function.Function {
	return function.New(&function.Spec{
		Description: doc,
		Params:      []function.Parameter{{Name: "list", Type: cty.List(cty.Bool), AllowUnknown: true}},
		Type:        function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].IsKnown() {
				return cty.UnknownVal(cty.Bool), nil
			}
			result := cty.BoolVal(start)
			for it := args[0].ElementIterator(); it.Next(); {
				_, v := it.Element()
				if v.IsNull() {
					v = cty.False
				}
				result = join(result, v)
			}
			return result, nil
		},
	})
}

var sumFunc = function.New(&function.Spec{
	Description: "The sum of a list or set of numbers.",
	Params:      []function.Parameter{{Name: "numbers", Type: cty.DynamicPseudoType}},
	Type:        function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		list, err := convert.Convert(args[0], cty.List(cty.Number))
		if err != nil || list.IsNull() || list.LengthInt() == 0 {
			return cty.UnknownVal(cty.Number), function.NewArgErrorf(0, "a list of at least one number is wanted")
		}
		total := cty.Zero
		for it := list.ElementIterator(); it.Next(); {
			_, v := it.Element()
			if v.IsNull() {
				return cty.UnknownVal(cty.Number), function.NewArgErrorf(0, "the list contains null")
			}
			total = total.Add(v)
		}
		return total, nil
	},
})

var oneFunc = function.New(&function.Spec{
	Description: "The only element of a collection of one, or null for an empty one.",
	Params:      []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
	Type: func(args []cty.Value) (cty.Type, error) {
		ty := args[0].Type()
		switch {
		case ty.IsListType() || ty.IsSetType():
			return ty.ElementType(), nil
		case ty.IsTupleType() && len(ty.TupleElementTypes()) == 1:
			return ty.TupleElementTypes()[0], nil
		case ty.IsTupleType() && len(ty.TupleElementTypes()) == 0:
			return cty.DynamicPseudoType, nil
		}
		return cty.DynamicPseudoType, function.NewArgErrorf(0, "a list or set of at most one element is wanted")
	},
	Impl: func(args []cty.Value, want cty.Type) (cty.Value, error) {
		switch args[0].LengthInt() {
		case 0:
			return cty.NullVal(want), nil
		case 1:
			it := args[0].ElementIterator()
			it.Next()
			_, v := it.Element()
			return v, nil
		}
		return cty.NullVal(want), function.NewArgErrorf(0, "it has %d elements, at most one is wanted", args[0].LengthInt())
	},
})

// coalesceFunc skips empty texts too, as Terraform does.
var coalesceFunc = function.New(&function.Spec{
	Description: "The first argument that is neither null nor an empty text.",
	VarParam:    &function.Parameter{Name: "values", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true},
	Type: func(args []cty.Value) (cty.Type, error) {
		types := make([]cty.Type, len(args))
		for i, a := range args {
			types[i] = a.Type()
		}
		ty, _ := convert.UnifyUnsafe(types)
		if len(args) == 0 || ty == cty.NilType {
			return cty.DynamicPseudoType, fmt.Errorf("all arguments must have the same type")
		}
		return ty, nil
	},
	Impl: func(args []cty.Value, want cty.Type) (cty.Value, error) {
		for _, a := range args {
			v, err := convert.Convert(a, want)
			if err != nil {
				return cty.UnknownVal(want), err
			}
			if !v.IsKnown() {
				return cty.UnknownVal(want), nil
			}
			if v.IsNull() || want == cty.String && v.AsString() == "" {
				continue
			}
			return v, nil
		}
		return cty.NullVal(want), fmt.Errorf("every argument is null or empty")
	},
})

var indexFunc = function.New(&function.Spec{
	Description: "The position of a value in a list, counted from 0.",
	Params:      []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}, {Name: "value", Type: cty.DynamicPseudoType}},
	Type:        function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if ty := args[0].Type(); !ty.IsListType() && !ty.IsTupleType() {
			return cty.UnknownVal(cty.Number), function.NewArgErrorf(0, "a list is wanted")
		}
		for it := args[0].ElementIterator(); it.Next(); {
			i, v := it.Element()
			eq, err := stdlib.Equal(v, args[1])
			if err != nil || !eq.IsKnown() {
				return cty.UnknownVal(cty.Number), err
			}
			if eq.True() {
				return i, nil
			}
		}
		return cty.UnknownVal(cty.Number), function.NewArgErrorf(1, "it is not in the list")
	},
})

var base64EncodeFunc = function.New(&function.Spec{
	Description: "Encodes a text in base64 (RFC 4648 §4).",
	Params:      []function.Parameter{{Name: "text", Type: cty.String}},
	Type:        function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		return cty.StringVal(base64.StdEncoding.EncodeToString([]byte(args[0].AsString()))), nil
	},
})

var base64DecodeFunc = function.New(&function.Spec{
	Description: "Decodes base64 (RFC 4648 §4) into a text of UTF-8.",
	Params:      []function.Parameter{{Name: "text", Type: cty.String}},
	Type:        function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		b, err := base64.StdEncoding.DecodeString(args[0].AsString())
		if err != nil || !utf8.Valid(b) {
			return cty.UnknownVal(cty.String), function.NewArgErrorf(0, "it is not base64 of a text")
		}
		return cty.StringVal(string(b)), nil
	},
})

var yamlDecodeFunc = yaml.YAMLDecodeFunc
