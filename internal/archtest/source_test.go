package archtest

import (
	"go/ast"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// sourceRules look at one package's files.
var sourceRules = map[string]func(pkg) []broken{
	"clock": checkClock, "init": checkInit, "state": checkState, "phases": checkPhases,
	"doc": checkDoc, "words": checkWords, "sleep": checkSleep,
}

func TestSourceKeepsTheRulesOfTheHouse(t *testing.T) {
	all := packages(t)
	for name, rule := range sourceRules {
		t.Run(name, func(t *testing.T) {
			for _, p := range all {
				tell(t, rule(p))
			}
		})
	}
}

// uses calls f for every mention pkgName.Name in a file, where pkgName is the
// name under which the file imports path; stack holds the nodes above it.
func uses(f file, path string, found func(sel *ast.SelectorExpr, stack []ast.Node)) {
	name := importedAs(f, path)
	if name == "" {
		return
	}
	var stack []ast.Node
	ast.Inspect(f.Tree, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == name {
				found(sel, stack)
			}
		}
		stack = append(stack, n)
		return true
	})
}

// importedAs is the name a file has for an import, "" when it has none.
func importedAs(f file, path string) string {
	for _, spec := range f.Tree.Imports {
		if strings.Trim(spec.Path.Value, `"`) != path {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path[strings.LastIndex(path, "/")+1:]
	}
	return ""
}

// checkClock: one package asks what time it is.
func checkClock(p pkg) []broken {
	if p.Path == "internal/clock" {
		return nil
	}
	var out []broken
	for _, f := range p.Files {
		uses(f, "time", func(sel *ast.SelectorExpr, _ []ast.Node) {
			switch sel.Sel.Name {
			case "Now", "Since", "Until":
				out = append(out, broken{f.at(sel), "must not use time." + sel.Sel.Name,
					"the wall clock decides about gates and is injected: take a clock.Clock, or clock.Monotonic to measure"})
			}
		})
	}
	return out
}

// checkInit: nothing happens before main.
func checkInit(p pkg) []broken {
	var out []broken
	for _, f := range p.Files {
		for _, d := range f.Tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				out = append(out, broken{f.at(fn), "must not have an init function", "what runs by being imported cannot be seen or ordered; list it where things are wired"})
			}
		}
	}
	return out
}

// phaseNames are the constants of package migration.
var phaseNames = regexp.MustCompile(`^(Prepare|LowerTTL|Sync|Verify|Cutover|DoubleReception|Clients|Decommission)$`)

// checkPhases: a phase is a decision, and few decide. The executor may label a
// step that it makes itself, and nothing more.
func checkPhases(p pkg) []broken {
	if fitsAny([]string{"migration", "config", "planner", "cmd/*", "internal/view", "internal/demo"}, p.Path) {
		return nil
	}
	var out []broken
	for _, f := range p.Files {
		uses(f, module+"/migration", func(sel *ast.SelectorExpr, stack []ast.Node) {
			if phaseNames.MatchString(sel.Sel.Name) && !(p.Path == "executor" && labels(sel, stack)) {
				out = append(out, broken{f.at(sel), "must not use migration." + sel.Sel.Name,
					"whoever is not a planner knows steps, never phases: let the plan say it in the step"})
			}
		})
	}
	return out
}

// labels reports whether sel is the value of `Phase:` in a literal.
func labels(sel *ast.SelectorExpr, stack []ast.Node) bool {
	if len(stack) == 0 {
		return false
	}
	pair, ok := stack[len(stack)-1].(*ast.KeyValueExpr)
	if !ok || pair.Value != sel {
		return false
	}
	key, ok := pair.Key.(*ast.Ident)
	return ok && key.Name == "Phase"
}

// checkDoc: every package says what it is and what always holds.
func checkDoc(p pkg) []broken {
	const why = "a reader starts at doc.go: what it is, what it never does, its main types, its invariant"
	for _, f := range p.Files {
		if !strings.HasSuffix(f.Name, "/doc.go") {
			continue
		}
		switch doc := f.Tree.Doc.Text(); {
		case doc == "":
			return []broken{{f.Name, "must have a package comment", why}}
		case !strings.Contains(doc, "Invariant"):
			return []broken{{f.Name, "must state an invariant (\"Invariant: …\")", why}}
		}
		return nil
	}
	return []broken{{p.Path, "must have a doc.go", why}}
}

// unfinished are words of work that is not done.
var unfinished = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b|(?i:\bfor now\b|\bsimplified\b|\bstubs?\b|\bnot implemented\b)`)

// checkWords: what is there is finished, or is not there.
func checkWords(p pkg) []broken {
	var out []broken
	for _, f := range p.Files {
		for i, text := range strings.Split(f.Text, "\n") {
			if word := unfinished.FindString(text); word != "" {
				out = append(out, broken{f.Name + ":" + strconv.Itoa(i+1), "must not say " + word, "finish it, or leave it out and say so in the documentation"})
			}
		}
	}
	return out
}

// sleepers may wait in their tests for processes of others, which announce nothing.
var sleepers = []string{"internal/testservers"}

// checkSleep: tests wait for events, never for time.
func checkSleep(p pkg) []broken {
	if fitsAny(sleepers, p.Path) {
		return nil
	}
	var out []broken
	for _, f := range p.Tests {
		uses(f, "time", func(sel *ast.SelectorExpr, _ []ast.Node) {
			if sel.Sel.Name == "Sleep" && importedAs(f, "testing/synctest") == "" {
				out = append(out, broken{f.at(sel), "must not use time.Sleep", "a test that sleeps is slow, or fails on a slow machine; use a clock.Virtual, a channel or testing/synctest"})
			}
		})
	}
	return out
}
