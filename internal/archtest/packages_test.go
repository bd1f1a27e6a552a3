package archtest

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// module is the path that every package of ours begins with.
const module = "bascule"

// pkg is a package as go list tells it. Path is relative to the module.
type pkg struct {
	Path    string
	Name    string
	Imports []string // of non-test code
	Files   []file   // non-test code, whatever its build constraints
	Tests   []file
}

// file is a parsed source file.
type file struct {
	Name string // relative to the module, "planner/gate.go"
	Text string
	Tree *ast.File
	Set  *token.FileSet
}

// at says where a node is, "planner/gate.go:12".
func (f file) at(n ast.Node) string {
	p := f.Set.Position(n.Pos())
	return f.Name + ":" + strconv.Itoa(p.Line)
}

// listed is what is read of go list's answer.
type listed struct {
	Dir, ImportPath, Name                              string
	Imports                                            []string
	GoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string
	CgoFiles                                           []string
	Error                                              *struct{ Err string }
}

// house is the source, read once for all tests.
var house = sync.OnceValues(readHouse)

// packages returns every package of the module.
func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := house()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 30 {
		t.Fatalf("go list found %d packages; the rules would pass over the rest", len(all))
	}
	return all
}

func readHouse() ([]pkg, error) {
	if err := seeFolders(); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "list", "-json=Dir,ImportPath,Name,Imports,GoFiles,CgoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles,Error", "./...")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	all, err := decode(out)
	return all, errors.Join(err, cmd.Wait())
}

// seeFolders opens every folder of the source, so that a cached test result
// does not outlive a new file, which only go list would see.
func seeFolders() error {
	return filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() != ".." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		return err
	})
}

func decode(r io.Reader) ([]pkg, error) {
	var all []pkg
	for d := json.NewDecoder(r); ; {
		var l listed
		switch err := d.Decode(&l); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		case l.Error != nil:
			return nil, errors.New(l.ImportPath + ": " + l.Error.Err)
		}
		p, err := l.parse()
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

func (l listed) parse() (pkg, error) {
	p := pkg{Path: relative(l.ImportPath), Name: l.Name, Imports: l.Imports}
	for _, name := range slices.Concat(l.GoFiles, l.CgoFiles, l.IgnoredGoFiles, l.TestGoFiles, l.XTestGoFiles) {
		text, err := os.ReadFile(filepath.Join(l.Dir, name))
		if err != nil {
			return p, err
		}
		f, err := parse(p.Path+"/"+name, string(text))
		if err != nil {
			return p, err
		}
		if strings.HasSuffix(name, "_test.go") {
			p.Tests = append(p.Tests, f)
		} else {
			p.Files = append(p.Files, f)
		}
	}
	return p, nil
}

func parse(name, text string) (file, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
	return file{Name: name, Text: text, Tree: tree, Set: set}, err
}

// relative takes the module off an import path; others stay as they are.
func relative(path string) string { return strings.TrimPrefix(path, module+"/") }

// ours reports whether an import path is of this module.
func ours(path string) bool { return strings.HasPrefix(path, module+"/") }

// standard reports whether an import path is of the standard library.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !ours(path) && !strings.Contains(first, ".")
}

// broken is one place where a rule does not hold.
type broken struct {
	Where, What, Why string
}

// tell reports what is broken.
func tell(t *testing.T, list []broken) {
	t.Helper()
	for _, b := range list {
		t.Errorf("%s %s\n\tbecause: %s", b.Where, b.What, b.Why)
	}
}
