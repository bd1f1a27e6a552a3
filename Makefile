# make test     everything that must hold, as CI runs it; the first time it
#               also gets the servers the tests talk to (see tools/prepare)
# make check    the same without tests: format, vet, staticcheck
# make race     the packages RACE matches under the race detector
# make crash    kill and cut passes everywhere, with real servers: an hour and
#               more; docs/reliability.md has its figures
# make fuzz     every fuzz target for FUZZTIME each
# make prepare  only get what the tests need
# make bench    measure the engine beside the other programs that are
#               installed; writes bench/results.md (40 minutes on two quiet
#               cores; BENCH takes flags, such as -cycles 1)
#
# Nothing is installed outside .cache/, except Debian packages when run as root.

GO       ?= go
FUZZTIME ?= 10s

# The packages worth a second run under the race detector, as one extended
# regular expression: those with goroutines of their own. What leans on SQLite
# is 15 to 20 times slower there and stays out, as do the tests that mostly wait
# for other processes.
RACE ?= /(config|executor|maildns|observe|planner|state)(/|$$)|/mailsync/(imapstore|wire)$$|/internal/(clock|demo|imapmem|retry|secret|view)$$

.PHONY: test check prepare format vet staticcheck race crash fuzz bench

test: check
	$(GO) test -timeout 10m ./...
	@$(MAKE) --no-print-directory race

check: prepare format vet staticcheck

prepare:
	@$(GO) run ./tools/prepare

format:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted (run gofmt -w):"; echo "$$unformatted"; exit 1; fi

vet:
	$(GO) vet ./...

staticcheck:
	.cache/bin/staticcheck ./...

race:
	@if [ "$$($(GO) env CGO_ENABLED)" = 1 ] && command -v "$$($(GO) env CC)" >/dev/null; then \
		echo "$(GO) test -race -short (the packages with goroutines)"; \
		$(GO) list ./... | grep -E '$(RACE)' | xargs $(GO) test -race -short -timeout 10m; \
	else \
		echo "no C compiler here: the race detector is skipped"; \
	fi

crash: prepare
	BASCULE_CRASH=full $(GO) test -timeout 3h -count 1 -v -run '^(TestStepCrashMatrix|TestCrashesOnDisk|TestConnectionsEnd|TestAnyCommandCanBeTheLast|TestWhateverTheWireDoes|TestKilledForGood)$$' ./mailsync | grep -v '^=== '

fuzz:
	@$(GO) list ./... | while read -r package; do \
		for target in $$($(GO) test -list '^Fuzz' "$$package" | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" || exit 1; \
		done; \
	done

BENCH ?=

# Servers and ledgers in memory, where there is such a place, keep the disk out
# of the figures; those with fsync are on the disk of the temporary directory.
bench:
	$(GO) run ./bench -dir "$$(test -d /dev/shm && echo /dev/shm)" -write bench/results.md $(BENCH)
