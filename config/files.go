package config

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxFiles bounds a directory; each file has at most maxText octets.
const maxFiles = 500

// isConfigFile reports whether a file belongs to the configuration itself.
func isConfigFile(name string) bool {
	return strings.HasSuffix(name, ".hcl") && !strings.HasPrefix(name, ".") &&
		!strings.HasSuffix(name, ".test.hcl") && !strings.HasSuffix(name, ".vars.hcl")
}

func isAutoVarsFile(name string) bool {
	return strings.HasSuffix(name, ".auto.vars.hcl") && !strings.HasPrefix(name, ".")
}

// hclFiles lists the files of a directory that meet a test, sorted by name.
func hclFiles(fsys fs.FS, test func(name string) bool) ([]string, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("read the directory of the configuration: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && test(e.Name()) {
			names = append(names, e.Name())
		}
	}
	if len(names) > maxFiles {
		return nil, fmt.Errorf("the directory holds %d files of configuration; at most %d are read", len(names), maxFiles)
	}
	return names, nil
}

// readFiles parses the configuration. A file with a syntax error still gives
// what could be read of it.
func (c *Config) readFiles(f *findings) []*hclsyntax.Body {
	names, err := hclFiles(c.fsys, isConfigFile)
	if err != nil {
		f.errorAt(hcl.Range{}, "", "Configuration cannot be read", "%s.", err)
		return nil
	}
	if len(names) == 0 {
		f.errorAt(hcl.Range{}, "", "No configuration here", "There is no *.hcl file in this directory. Run \"bascule init\" to begin one, or say where it is with --chdir.")
		return nil
	}
	var bodies []*hclsyntax.Body
	for _, name := range names {
		src, err := readLimited(c.fsys, name)
		if err != nil {
			f.errorAt(hcl.Range{}, "", "Configuration cannot be read", "%s.", err)
			continue
		}
		if body := c.parse(f, name, src); body != nil {
			bodies = append(bodies, body)
		}
	}
	return bodies
}

func (c *Config) parse(f *findings, name string, src []byte) *hclsyntax.Body {
	c.sources[name] = src
	file, diags := parseText(name, src)
	f.fromParser(diags)
	if file == nil {
		return nil
	}
	body, _ := file.Body.(*hclsyntax.Body)
	return body
}

// parseText parses after the guard has looked; a nil file was not parsed.
func parseText(name string, src []byte) (*hcl.File, hcl.Diagnostics) {
	if diags := guardText(src, name); diags.HasErrors() {
		return nil, diags
	}
	return hclsyntax.ParseConfig(src, name, hcl.InitialPos)
}
