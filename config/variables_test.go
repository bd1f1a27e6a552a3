package config

import (
	"errors"
	"testing"
	"testing/fstest"
)

func TestTheLastValueOfAVariableWins(t *testing.T) {
	fsys := fstest.MapFS{
		"main.hcl":        {Data: []byte("variable \"x\" {\n  type    = string\n  default = \"default\"\n}\noutput \"x\" {\n  value = var.x\n}\n")},
		"a.auto.vars.hcl": {Data: []byte("x = \"auto\"\n")},
		"my.vars.hcl":     {Data: []byte("x = \"file\"\n")},
		".hidden.hcl":     {Data: []byte("not HCL at all {{{")},
		"x.test.hcl":      {Data: []byte("not HCL at all {{{")},
	}
	opts := testOptions()
	steps := []struct {
		name, want string
		change     func()
	}{
		{"a file of variables found by itself", `"auto"`, func() {}},
		{"a file named by --var-file", `"file"`, func() { opts.VarFiles = []string{"my.vars.hcl"} }},
		{"a file named outside the directory", `"outside"`, func() {
			opts.VarFiles = append(opts.VarFiles, "/etc/x.hcl")
			opts.ReadVarFile = func(name string) ([]byte, error) {
				if name == "/etc/x.hcl" {
					return []byte(`x = "outside"`), nil
				}
				return fsys[name].Data, nil
			}
		}},
		{"--var", `"var"`, func() { opts.Vars = map[string]string{"x": "var"} }},
		{"the environment", `"env"`, func() {
			opts.Env = func(name string) (string, bool) { return "env", name == "BASCULE_VAR_x" }
		}},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			step.change()
			if got := mustLoad(t, fsys, opts).Outputs()[0].Value; got != step.want {
				t.Errorf("got %s, want %s", got, step.want)
			}
		})
	}
}

func TestValuesFromOutsideTakeTheTypeOfTheVariable(t *testing.T) {
	text := "variable \"x\" {\n  type = %s\n}\noutput \"x\" {\n  value = var.x\n}\n"
	for _, c := range []struct{ ty, raw, want string }{
		{"string", "007", `"007"`},
		{"number", "007", `7`},
		{"bool", "true", `true`},
		{"list(string)", `["a", "b"]`, `["a","b"]`},
		{"map(number)", `{ a = 1 }`, `{"a":1}`},
		{"object({ a = string, b = optional(number, 3) })", `{ a = "x" }`, `{"a":"x","b":3}`},
		{"any", "plain", `"plain"`},
		{"number", "seven", ""},
		{"list(string)", `[unclosed`, ""},
		{"list(string)", `[var.y]`, ""},
		{"list(string)", `((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1`, ""},
	} {
		opts := testOptions()
		opts.Vars = map[string]string{"x": c.raw}
		cfg, list := Load(fstest.MapFS{"main.hcl": {Data: []byte(sprintf(text, c.ty))}}, opts)
		if list.HasErrors() != (c.want == "") {
			t.Errorf("%s from %s:\n%s", c.ty, c.raw, render(list))
			continue
		}
		if c.want != "" && cfg.Outputs()[0].Value != c.want {
			t.Errorf("%s from %s: %s, want %s", c.ty, c.raw, cfg.Outputs()[0].Value, c.want)
		}
	}
}

func TestMistakesInValuesFromOutside(t *testing.T) {
	main := "variable \"x\" {\n  type      = number\n  sensitive = true\n  default   = 1\n}\n"
	opts := testOptions()
	opts.Vars = map[string]string{"xx": "1"}
	opts.VarFiles = []string{"missing.vars.hcl", "bad.vars.hcl"}
	opts.ReadVarFile = func(name string) ([]byte, error) {
		if name == "bad.vars.hcl" {
			return []byte("x = \"hunter2\"\ny = 1\nblock {\n}\nz = file(\"x\")\n"), nil
		}
		return nil, errors.New("no such file")
	}
	_, list := Load(fstest.MapFS{"main.hcl": {Data: []byte(main)}}, opts)
	golden(t, "testdata/vars.golden", []byte(render(list)))
}
