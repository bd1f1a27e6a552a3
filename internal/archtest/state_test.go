package archtest

import (
	"go/ast"
	"go/token"
	"strings"
)

// checkState: no variable of a package ever changes.
func checkState(p pkg) []broken {
	vars := map[string]bool{}
	var out []broken
	for _, f := range p.Files {
		for _, d := range f.Tree.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				out = append(out, declared(f, g, vars)...)
			}
		}
	}
	for _, f := range p.Files {
		for _, d := range f.Tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				out = append(out, changed(f, fn, vars)...)
			}
		}
	}
	return out
}

const whyState = "state of a package is shared by every run and every test: pass it, or keep it in a type"

// declared notes the variables of a declaration, and refuses those that can
// only be there to change.
func declared(f file, g *ast.GenDecl, vars map[string]bool) []broken {
	var out []broken
	for _, s := range g.Specs {
		v, ok := s.(*ast.ValueSpec)
		if !ok || embedded(g, v) {
			continue
		}
		for i, name := range v.Names {
			vars[name.Name] = name.Name != "_"
			if len(v.Values) == 0 || i < len(v.Values) && mutable(v.Values[i]) {
				out = append(out, broken{f.at(name), "must not declare the variable " + name.Name + " at package level", whyState})
			}
		}
	}
	return out
}

// embedded reports whether a file's content is the value (//go:embed).
func embedded(g *ast.GenDecl, v *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{g.Doc, v.Doc} {
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

// mutable reports whether a first value only makes sense for what changes:
// empty containers, pointers to fresh values, anything of sync.
func mutable(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.UnaryExpr:
		return e.Op == token.AND
	case *ast.CompositeLit:
		_, mapping := e.Type.(*ast.MapType)
		return mapping && len(e.Elts) == 0 || ofSync(e.Type)
	case *ast.CallExpr:
		if name, ok := e.Fun.(*ast.Ident); ok {
			return name.Name == "make" || name.Name == "new"
		}
	}
	return false
}

func ofSync(e ast.Expr) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && (x.Name == "sync" || x.Name == "atomic")
}

// changed finds where a function changes one of vars, or takes its address. A
// name the function declares itself is its own.
func changed(f file, fn *ast.FuncDecl, vars map[string]bool) []broken {
	own := locals(fn)
	var out []broken
	hit := func(e ast.Expr) {
		if name := root(e); name != nil && vars[name.Name] && !own[name.Name] {
			out = append(out, broken{f.at(name), "must not change the variable " + name.Name + " of the package", whyState})
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					hit(e)
				}
			}
		case *ast.IncDecStmt:
			hit(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				hit(n.X)
			}
		case *ast.CallExpr:
			if name, ok := n.Fun.(*ast.Ident); ok && (name.Name == "delete" || name.Name == "clear") && len(n.Args) > 0 {
				hit(n.Args[0])
			}
		}
		return true
	})
	return out
}

// root is the variable at the beginning of x, x.f, x[i], *x.
func root(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.StarExpr:
		return root(e.X)
	case *ast.ParenExpr:
		return root(e.X)
	}
	return nil
}

// locals are the names a function declares anywhere.
func locals(fn *ast.FuncDecl) map[string]bool {
	own := map[string]bool{}
	add := func(names ...*ast.Ident) {
		for _, n := range names {
			own[n.Name] = true
		}
	}
	if fn.Recv != nil {
		for _, field := range fn.Recv.List {
			add(field.Names...)
		}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType:
			for _, list := range []*ast.FieldList{n.Params, n.Results} {
				if list != nil {
					for _, field := range list.List {
						add(field.Names...)
					}
				}
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, e := range n.Lhs {
					if name, ok := e.(*ast.Ident); ok {
						add(name)
					}
				}
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				for _, e := range []ast.Expr{n.Key, n.Value} {
					if name, ok := e.(*ast.Ident); ok {
						add(name)
					}
				}
			}
		case *ast.ValueSpec:
			add(n.Names...)
		}
		return true
	})
	return own
}
