package config

import _ "embed"

//go:embed skeleton.hcl
var skeleton []byte

// Skeleton returns the commented configuration that init begins with. It is
// valid as it is, with names that stand for one's own.
func Skeleton() []byte { return append([]byte(nil), skeleton...) }
