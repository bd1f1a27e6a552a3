package view_test

import (
	"testing"

	"bascule/internal/view"
)

func TestDetect(t *testing.T) {
	for name, c := range map[string]struct {
		env         map[string]string
		tty         bool
		width       int
		color, live bool
		wantWidth   int
	}{
		"a terminal is painted and redrawn":        {nil, true, 120, true, true, 120},
		"a pipe is neither":                        {nil, false, 0, false, false, 0},
		"NO_COLOR takes the paint, not the redraw": {map[string]string{"NO_COLOR": "1"}, true, 80, false, true, 80},
		"an empty NO_COLOR says nothing":           {map[string]string{"NO_COLOR": ""}, true, 80, true, true, 80},
		"CI takes both":                            {map[string]string{"CI": "true"}, true, 80, false, false, 80},
		"CI=false is no CI":                        {map[string]string{"CI": "false"}, true, 80, true, true, 80},
		"a dumb terminal is a typewriter":          {map[string]string{"TERM": "dumb"}, true, 80, false, false, 80},
		"COLUMNS helps when the width is unknown":  {map[string]string{"COLUMNS": "132"}, false, 0, false, false, 132},
		"COLUMNS may be nonsense":                  {map[string]string{"COLUMNS": "wide"}, false, 0, false, false, 0},
		"a measured width wins over COLUMNS":       {map[string]string{"COLUMNS": "132"}, true, 90, true, true, 90},
	} {
		t.Run(name, func(t *testing.T) {
			env := func(k string) (string, bool) { v, ok := c.env[k]; return v, ok }
			s := view.Detect(env, c.tty, c.width)
			if s.Color != c.color || s.Live != c.live || s.Width != c.wantWidth {
				t.Errorf("%+v", s)
			}
		})
	}
}
