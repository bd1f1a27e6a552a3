package mailsync

// added are the only flags that add-only time brings over.
func (x *decision) added(flags []string) []string {
	if x.s.Policy == Mirror {
		return flags
	}
	return intersectFlags(flags, []string{`\Seen`, `\Answered`, `$Forwarded`})
}

// flags is the three-way comparison. A flag is set or not, so when both sides
// changed it they agree: what the source changed since the last agreement is
// all there is to do, and a change made on the target only stays.
func (x *decision) flags() {
	for _, p := range x.here {
		source := sortedFlags(p.source.Flags)
		if p.row.Origin == FromTarget || p.withdrawn {
			continue
		}
		a := FlagAction{Row: p.row, Folder: p.where(), Source: source, Add: minusFlags(x.added(minusFlags(source, p.row.Flags)), p.target.Flags)}
		if x.s.Policy == Mirror {
			a.Remove = intersectFlags(minusFlags(p.row.Flags, source), p.target.Flags)
		}
		if announcedDeletion(p.row, p.target) && !hasFlag(source, `\Deleted`) {
			a.Remove = append(a.Remove, `\Deleted`)
		}
		x.inFlux(&a, p, source)
		if len(a.Add)+len(a.Remove) > 0 {
			x.out.Flags = append(x.out.Flags, a)
			continue
		}
		if !equalFlags(source, p.row.Flags) || len(p.row.Flux) > 0 {
			p.row.Flags, p.row.Flux = source, nil
			x.touch(p.row)
		}
		// A change of ours that was not recorded is no person's change.
		if p.row.Outcome == Copied && p.row.Settled && equalFlags(p.target.Flags, source) && !equalFlags(p.target.Flags, p.row.Left) {
			p.row.Left = sortedFlags(p.target.Flags)
			x.touch(p.row)
		}
	}
}

// inFlux adds what a pass announced and may or may not have done: there the
// base says nothing, and the source alone does.
func (x *decision) inFlux(a *FlagAction, p *placed, source []string) {
	for _, f := range p.row.Flux {
		switch has, shall := hasFlag(p.target.Flags, f), hasFlag(source, f); {
		case shall && !has && !hasFlag(a.Add, f):
			a.Add = append(a.Add, f)
		case has && !shall && x.s.Policy == Mirror && !hasFlag(a.Remove, f):
			a.Remove = append(a.Remove, f)
		}
	}
}

// announcedDeletion: the \Deleted on the target is ours, from a deletion that
// was interrupted. A message that stays after all must not keep it.
func announcedDeletion(r *Row, target *Meta) bool {
	return target != nil && hasFlag(r.Left, `\Deleted`) && !hasFlag(r.Flags, `\Deleted`) && hasFlag(target.Flags, `\Deleted`)
}
