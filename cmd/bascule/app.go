package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"bascule/config"
	"bascule/executor"
	"bascule/internal/atomicfile"
	"bascule/internal/diag"
	"bascule/internal/secret"
	"bascule/internal/view"
	"bascule/maildns"
	"bascule/maildns/lookup"
	"bascule/mailsync/limits"
	"bascule/migration"
	"bascule/observe"
	"bascule/planner"
	"bascule/providers"
	"bascule/state"
	"bascule/state/local"
)

// app is one configuration, wired to the world.
type app struct {
	*cli
	dir string
	cfg *config.Config
	// desired is the first evaluation: exports unknown.
	desired  *migration.Desired
	secrets  *secret.Resolver
	store    *local.Store
	resolver *lookup.Resolver
	looker   *observe.Looker
	// limits is what all connections of this run share.
	limits *limits.Set

	mu        sync.Mutex
	providers map[migration.Address]providers.Provider
}

// sources are the flags that change how a configuration is read.
type sources struct {
	vars     []string
	varFiles []string
}

// workdir is the directory of the configuration.
func (c *cli) workdir() string {
	if c.globals.chdir == "" {
		return c.Dir
	}
	if filepath.IsAbs(c.globals.chdir) {
		return c.globals.chdir
	}
	return filepath.Join(c.Dir, c.globals.chdir)
}

// read evaluates the configuration and shows its diagnostics.
func (c *cli) read(src sources) (*config.Config, error) {
	cfg, diags := c.evaluate(src)
	c.show(c.timely(diags))
	if diags.HasErrors() {
		return nil, exit(exitFailure)
	}
	return cfg, nil
}

// evaluate reads the configuration inside its directory: a symbolic link that
// leads out of it is not followed.
func (c *cli) evaluate(src sources) (*config.Config, diag.List) {
	root, err := os.OpenRoot(c.workdir())
	if err != nil {
		return nil, diag.List{{Severity: diag.Error, Summary: "The directory cannot be read", Detail: err.Error()}}
	}
	// It stays open: the second evaluation reads through it too.
	return config.Load(root.FS(), config.Options{
		Catalog: c.Catalog, Vars: pairs(src.vars), VarFiles: src.varFiles, ReadVarFile: c.readVarFile,
		Env: c.Env, Version: version, Now: c.Clock.Now(),
	})
}

// timely leaves out what a migration that has begun need not hear: its own
// window lies in the past by then.
func (c *cli) timely(diags diag.List) diag.List {
	if !slices.ContainsFunc(diags, pastWindow) {
		return diags
	}
	st, err := c.stateStore(nil).Load(context.Background())
	if err != nil || len(st.Executions) == 0 {
		return diags
	}
	return slices.DeleteFunc(slices.Clone(diags), pastWindow)
}

func pastWindow(d diag.Diagnostic) bool { return d.Summary == config.SummaryWindowPast }

// begun refuses to begin a migration whose window lies in the past: it is more
// likely a mistyped year than the wish to move at any opening from now on.
func begun(st *state.State, now time.Time, d *migration.Desired) error {
	first := d.Settings.Cutover.Window.NotBefore
	if len(st.Executions) > 0 || first.IsZero() || first.After(now) {
		return nil
	}
	err := fmt.Errorf("the window lies in the past: not_before was %s", first.Format("Mon 2006-01-02 15:04 MST"))
	return hint(err, "Give a day to come, or leave not_before out. Nothing was done.")
}

func (c *cli) readVarFile(name string) ([]byte, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(c.workdir(), name)
	}
	return os.ReadFile(name)
}

func pairs(vars []string) map[string]string {
	out := map[string]string{}
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		out[name] = value
	}
	return out
}

// show renders diagnostics on standard error.
func (c *cli) show(diags diag.List) {
	if len(diags) > 0 {
		_ = view.Diagnostics(c.Stderr, diags, c.errStyle())
	}
}

// open reads the configuration and wires it.
func (c *cli) open(src sources) (*app, error) {
	cfg, err := c.read(src)
	if err != nil {
		return nil, err
	}
	return c.wire(cfg), nil
}

func (c *cli) wire(cfg *config.Config) *app {
	c.localise(cfg)
	a := &app{cli: c, dir: c.workdir(), cfg: cfg, desired: cfg.Desired(), providers: map[migration.Address]providers.Provider{}}
	a.secrets = a.resolverOf(cfg.SensitiveValues())
	a.store = c.stateStore(cfg)
	a.limits = c.sharedLimits(a.desired.Settings.Timezone)
	a.resolver = &lookup.Resolver{Dialer: c.Dial, Recursive: c.Resolvers}
	a.looker = &observe.Looker{Clock: c.Clock, Resolver: a.resolver, Provider: a.provider, OpenSource: a.glanceSource, OpenTarget: a.glanceTarget}
	return a
}

// sharedLimits begins the accounts of a run; days begin in the migration's zone.
func (c *cli) sharedLimits(timezone string) *limits.Set {
	zone, err := time.LoadLocation(timezone)
	if err != nil {
		zone = time.UTC
	}
	return limits.New(limits.Options{Clock: c.Clock, Random: rand.Float64, Zone: zone})
}

func (c *cli) resolverOf(values map[string]secret.Value) *secret.Resolver {
	dir := c.workdir()
	return &secret.Resolver{Env: c.Env, Dir: dir, Values: values, ReadFile: func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return os.ReadFile(name)
	}}
}

// stateStore is where the state lies; without a configuration, in the directory.
func (c *cli) stateStore(cfg *config.Config) *local.Store {
	dir := c.workdir()
	if cfg != nil {
		dir = filepath.Join(dir, filepath.Dir(cfg.Backend().Path))
	}
	return local.New(dir, local.Options{Clock: c.Clock, Tool: "bascule " + version, Rand: c.Rand})
}

// loadState returns the state, or an empty one when nothing was done yet.
func loadState(ctx context.Context, s state.Store, c *cli) (*state.State, bool, error) {
	st, err := s.Load(ctx)
	if errors.Is(err, state.ErrNoState) {
		return state.New("", "bascule "+version, c.Clock.Now()), false, nil
	}
	return st, err == nil, err
}

// secret resolves a locator at the moment of use.
func (a *app) secret(ctx context.Context, s migration.Secret) (secret.Value, error) {
	return a.secrets.Resolve(ctx, s.Locator)
}

// provider opens a target's own interface; nil where it has none.
func (a *app) provider(_ context.Context, target migration.Address) (providers.Provider, error) {
	for _, t := range a.desired.Targets {
		if t.Address == target {
			return a.driver(providers.KindTarget, t)
		}
	}
	return nil, fmt.Errorf("%s is not declared", target)
}

// driver opens the driver of a block once.
func (a *app) driver(kind providers.Kind, s migration.Server) (providers.Provider, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p, ok := a.providers[s.Address]; ok {
		return p, nil
	}
	d, ok := a.Catalog.Find(kind, s.Driver)
	if !ok {
		return nil, fmt.Errorf("%s: there is no %s driver %q", s.Address, kind, s.Driver)
	}
	if d.Open == nil {
		return nil, nil
	}
	cas, err := a.authorities(s.Endpoint.CAFile)
	if err != nil {
		return nil, err
	}
	p, err := d.Open(providers.Config{Server: s, Secret: a.secret, HTTP: a.HTTP, Dial: a.Dial, CAs: cas})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Address, err)
	}
	a.providers[s.Address] = p
	return p, nil
}

// authorities are the system's and those of a ca_file; nil for the system's alone.
func (c *cli) authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(c.workdir(), file)
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file %s holds no certificate in PEM form", file)
	}
	return pool, nil
}

// look observes and evaluates the second time: everything a plan depends on.
// Within one run a mailbox is looked at once: asking again after every step
// would feed a wrong password to the server's defences each time.
func (a *app) look(depth observe.Depth) func(context.Context, *state.State) (planner.Input, diag.List, error) {
	seen := map[migration.Address]migration.MailboxSeen{}
	return func(ctx context.Context, st *state.State) (planner.Input, diag.List, error) {
		targets := a.looker.Targets(ctx, a.desired)
		desired, diags := a.cfg.Resolve(exportsOf(targets))
		if diags.HasErrors() {
			return planner.Input{}, diags, nil
		}
		in := planner.Input{Desired: desired, State: st, Tool: "bascule " + version}
		a.looker.Mailboxes(ctx, desired, targets, st, depth, seen)
		in.Observed = &migration.Observed{Targets: targets, Mailboxes: maps.Clone(seen), Hosts: a.looker.Hosts(ctx, desired)}
		in.Zones = a.looker.Zones(ctx, desired, targets)
		in.Now = a.Clock.Now()
		in.Observed.At = in.Now
		return in, diags, ctx.Err()
	}
}

func exportsOf(targets map[migration.Address]migration.TargetSeen) map[migration.Address]map[string]migration.Exports {
	out := map[migration.Address]map[string]migration.Exports{}
	for a, t := range targets {
		if t.Err == "" && t.Exports != nil {
			out[a] = t.Exports
		}
	}
	return out
}

// explain gives planner diagnostics their place in the source. A pull that
// knows only what was approved has no source to point at.
func (a *app) explain(diags diag.List) diag.List {
	if a.cfg == nil {
		return diags
	}
	for i, d := range diags {
		if d.Source.IsZero() && d.Address != "" {
			diags[i].Source, diags[i].Snippet = a.cfg.Range(migration.Address(d.Address))
		}
	}
	return diags
}

// world is what the executor may touch.
func (a *app) world() executor.World {
	return executor.World{
		Store: a.store, Clock: a.Clock, Random: a.Rand, Limits: a.limits, Look: a.look(observe.Needed), OpenSource: a.openSource, OpenTarget: a.openTarget,
		OpenLedger: a.openLedger, Provider: a.provider, Secret: a.secret, Writer: a.writer,
		Snapshot: func(ctx context.Context, d migration.Domain, keys []maildns.Key) (maildns.Zone, error) {
			return a.looker.Snapshot(ctx, a.desired, d, keys)
		},
		Recipients: observe.Prober{Dial: a.Dial, Hello: "bascule.invalid"}.Recipients,
		CountSPF:   a.countSPF, WriteFile: a.writeFile, Tap: a.Tap,
	}
}

// writeFile writes below the configuration's directory, and nowhere else.
func (a *app) writeFile(name string, content []byte) error {
	if !fs.ValidPath(name) {
		return fmt.Errorf("write %s: not a path below the configuration", name)
	}
	full := filepath.Join(a.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		return err
	}
	return atomicfile.Write(full, content, 0o600)
}
