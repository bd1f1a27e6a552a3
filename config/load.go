package config

import (
	"io/fs"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"bascule/internal/diag"
	"bascule/internal/secret"
	"bascule/migration"
	"bascule/providers"
)

// Options is what a configuration is read with.
type Options struct {
	// Catalog is the drivers that source, target and dns blocks may name.
	Catalog providers.Catalog
	// Vars holds the values of --var by name. A value for a variable that is
	// not text is an HCL expression.
	Vars map[string]string
	// VarFiles are the files of --var-file, in order; ReadVarFile reads one
	// (they may lie outside the directory). Nil reads inside it.
	VarFiles    []string
	ReadVarFile func(name string) ([]byte, error)
	// Env looks BASCULE_VAR_name up; it wins over all others. Nil: no environment.
	Env func(name string) (string, bool)
	// Version is bascule's own, for required_version; "" or a development
	// version meets every constraint.
	Version string
	// Now is used for warnings only: a window in the past. Zero: none.
	Now time.Time
}

// Config is a configuration that was read. It is safe for use by several
// goroutines.
type Config struct {
	fsys    fs.FS
	opts    Options
	sources map[string][]byte
	lang    *blockSpec
	meter   meter

	blocks  []*block
	byAddr  map[migration.Address]*block
	locals  map[string]*hclsyntax.Attribute
	vars    map[string]*variable
	secrets map[string]secret.Value

	mu      sync.Mutex // one evaluation at a time: the meter is shared
	first   *evaluator
	said    diag.List
	backend Backend
}

// Backend says where the state is kept.
type Backend struct {
	// Type is "local", the only one of this version.
	Type string
	// Path of the state file, relative to the directory.
	Path string
}

// block is a top-level block with the address of its object; instances of a
// for_each are under it.
type block struct {
	*hclsyntax.Block
	spec *blockSpec
	addr migration.Address
}

// Load reads the configuration in the root of fsys and evaluates it with the
// exports of targets unknown. fsys must not lead out of the directory: give it
// os.Root's. All mistakes are in the list, in the order of the source; the
// Config is usable for Range, Secrets and Backend even then, but Desired is
// only to be acted on when there is no error.
func Load(fsys fs.FS, opts Options) (*Config, diag.List) {
	c := &Config{
		fsys: fsys, opts: opts, lang: language(), sources: map[string][]byte{},
		byAddr: map[migration.Address]*block{}, locals: map[string]*hclsyntax.Attribute{},
		vars: map[string]*variable{}, secrets: map[string]secret.Value{},
		backend: Backend{Type: "local", Path: DefaultStatePath},
	}
	f := newFindings(c.sources)
	c.meter.reset()
	bodies := c.readFiles(f)
	c.index(f, bodies)
	c.readVariables(f)
	c.readBascule(f)
	c.first = newEvaluator(c, f, nil)
	c.first.run()
	c.said = f.list.Sorted()
	return c, c.said
}

// DefaultStatePath is where the state is kept when nothing is said.
const DefaultStatePath = "bascule.state.json"

// Desired returns the first evaluation: exports of targets are unknown.
func (c *Config) Desired() *migration.Desired { return c.first.out }

// Resolve evaluates again with what targets export: by target, then by domain
// name, "" for what does not depend on the domain. The digest stays that of
// the first evaluation. The list holds only what Load did not say already.
func (c *Config) Resolve(exports map[migration.Address]map[string]migration.Exports) (*migration.Desired, diag.List) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.meter.reset()
	f := newFindings(c.sources)
	ev := newEvaluator(c, f, exports)
	ev.run()
	ev.out.Digest = c.first.out.Digest
	fresh := slices.DeleteFunc(f.list.Sorted(), func(d diag.Diagnostic) bool { return slices.Contains(c.said, d) })
	return ev.out, fresh
}

// Range returns where an object is written, and those lines. An instance of a
// for_each is written where its block is. Unknown addresses give the zero Range.
func (c *Config) Range(addr migration.Address) (diag.Range, string) {
	b := c.blockOf(addr)
	if b == nil {
		return diag.Range{}, ""
	}
	f := newFindings(c.sources)
	return toRange(b.DefRange()), f.snippet(b.DefRange())
}

func (c *Config) blockOf(addr migration.Address) *block {
	if b := c.byAddr[addr]; b != nil {
		return b
	}
	for _, b := range c.blocks {
		if addr.Under(b.addr) {
			return b
		}
	}
	return nil
}

// Secrets returns every secret the configuration names, each once, sorted.
func (c *Config) Secrets() []migration.Secret {
	seen := map[string]bool{}
	add := func(s migration.Secret) {
		if !s.IsZero() {
			seen[s.Locator] = true
		}
	}
	d := c.Desired()
	for _, servers := range [][]migration.Server{d.Sources, d.Targets} {
		for _, s := range servers {
			for _, v := range s.Secrets {
				add(v)
			}
		}
	}
	for _, n := range d.DNS {
		for _, v := range n.Secrets {
			add(v)
		}
	}
	for _, m := range d.Mailboxes {
		add(m.Source.Password)
		add(m.Target.Password)
	}
	var out []migration.Secret
	for _, locator := range slices.Sorted(maps.Keys(seen)) {
		out = append(out, migration.Secret{Locator: locator})
	}
	return out
}

// SensitiveValues answers the locators of the kind "var:…": texts of sensitive
// variables, by what follows the colon.
func (c *Config) SensitiveValues() map[string]secret.Value { return maps.Clone(c.secrets) }

// Backend returns where the state is kept.
func (c *Config) Backend() Backend { return c.backend }

// Outputs returns the outputs of the first evaluation.
func (c *Config) Outputs() []migration.Output { return c.Desired().Outputs }
