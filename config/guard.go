package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Limits on the text of one expression. The parser and the evaluator call
// themselves for each level, so unbounded depth would exhaust the stack,
// which no program can recover from.
const (
	maxDepth     = 64
	maxOperators = 512
)

// level is one open bracket: how many operators were seen in the item being
// read, and whether a line end closes that item.
type level struct {
	operators int
	body      bool
}

// guardText looks at tokens only, before anything parses them.
func guardText(src []byte, filename string) hcl.Diagnostics {
	tokens, _ := hclsyntax.LexConfig(src, filename, hcl.InitialPos)
	return guardTokens(tokens)
}

func guardTokens(tokens hclsyntax.Tokens) hcl.Diagnostics {
	levels := []level{{body: true}}
	var prev hclsyntax.TokenType
	for _, t := range tokens {
		top := &levels[len(levels)-1]
		if operator(t.Type) {
			top.operators++
		}
		switch {
		case opens(t.Type):
			levels = append(levels, level{body: t.Type == hclsyntax.TokenOBrace && opensBody(prev)})
		case closes(t.Type) && len(levels) > 1:
			levels = levels[:len(levels)-1]
		case t.Type == hclsyntax.TokenComma, t.Type == hclsyntax.TokenNewline && top.body:
			top.operators = 0
		}
		if len(levels) > maxDepth || levels[len(levels)-1].operators > maxOperators {
			return tooComplex(t.Range)
		}
		if t.Type != hclsyntax.TokenComment {
			prev = t.Type
		}
	}
	return nil
}

func tooComplex(rng hcl.Range) hcl.Diagnostics {
	return hcl.Diagnostics{{
		Severity: hcl.DiagError, Subject: &rng, Summary: "Expression too complex",
		Detail: fmt.Sprintf("At most %d levels of nesting and %d operators in one expression are read. Split it with locals.", maxDepth, maxOperators),
	}}
}

func opens(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen,
		hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc,
		hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		return true
	}
	return false
}

func closes(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen,
		hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
		return true
	}
	return false
}

// opensBody tells the brace of a block from the brace of an object: a block's
// follows its type or a label.
func opensBody(prev hclsyntax.TokenType) bool {
	return prev == hclsyntax.TokenIdent || prev == hclsyntax.TokenCQuote
}

func operator(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenStar, hclsyntax.TokenSlash,
		hclsyntax.TokenPercent, hclsyntax.TokenBang, hclsyntax.TokenAnd, hclsyntax.TokenOr,
		hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
		hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenQuestion,
		hclsyntax.TokenDot, hclsyntax.TokenOBrack, hclsyntax.TokenTemplateControl, hclsyntax.TokenTemplateInterp:
		return true
	}
	return false
}
