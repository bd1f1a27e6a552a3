package main

import "testing"

// The judge must be able to say no: a lost, a doubled and an altered message,
// other flags, another date, another folder.
func TestTheJudgeOfTheScenesSaysNo(t *testing.T) {
	message := func(digest string) seen {
		return seen{digest: digest + "00000000", date: 1, flags: `\seen`}
	}
	make := func(inbox ...seen) box {
		return box{map[string]uint32{}, map[string][]seen{"INBOX": inbox, "Sent": nil}}
	}
	old := func() box { return make(message("a"), message("a"), message("b")) }
	other := message("b")
	other.flags = ""
	later := message("b")
	later.date = 2
	for name, c := range map[string]struct {
		new   box
		wrong int
		extra int
	}{
		"equal":     {make(message("b"), message("a"), message("a")), 0, 0},
		"lost":      {make(message("a"), message("a")), 1, 0},
		"twin lost": {make(message("a"), message("b")), 1, 0},
		"doubled":   {make(message("a"), message("a"), message("b"), message("b")), 0, 1},
		"altered":   {make(message("a"), message("a"), message("c")), 1, 1},
		"flags":     {make(message("a"), message("a"), other), 1, 1},
		"date":      {make(message("a"), message("a"), later), 1, 1},
		"misplaced": {box{map[string]uint32{}, map[string][]seen{"INBOX": {message("a"), message("a")}, "Sent": {message("b")}}}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			wrong, extra := judge(old(), c.new, nil)
			if len(wrong) != c.wrong || extra != c.extra {
				t.Errorf("%d wrong, %d beside: %v", len(wrong), extra, wrong)
			}
		})
	}
}

func TestTheJournalIsReadForMomentsWithoutMX(t *testing.T) {
	const bad = ";; Changes between zone versions: 1 -> 2\n;;Removed\nexample.ch. 300 MX 10 old.\n;;Added\n;; Changes between zone versions: 2 -> 3\n;;Removed\n;;Added\nexample.ch. 300 MX 10 new.\n"
	if n, empty := journalMX(bad, []string{"10 old."}); n != 2 || !empty {
		t.Errorf("%d changes, empty %v", n, empty)
	}
}
