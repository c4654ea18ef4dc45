# Wherry. `make help` lists what there is; the work itself is in scripts/, on the Node that npm brings.

PREFIX ?= /usr/local
DESTDIR ?=
NODE := node_modules/.bin/node
BIN := node_modules/.bin

.DEFAULT_GOAL := all
.PHONY: help all deps host-deps test-deps vm-deps build generate demo test test-vm conformance bench ok format install uninstall clean

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[36mmake %-12s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

all: build ## Install what is missing and build (the default)

host-deps:
	@sh scripts/setup run

test-deps:
	@sh scripts/setup test

vm-deps:
	@sh scripts/setup vm

deps: host-deps node_modules/.package-lock.json

# npm writes this file last; it is as old as the last complete installation. Not `npm ci`: it refuses a registry that lacks the
# packages of foreign platforms, which nobody here needs.
node_modules/.package-lock.json: package.json package-lock.json
	npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

build: deps ## Compile and bundle what changed
	@$(NODE) scripts/build.ts

generate: deps ## Write daemon/api/containerd/gen anew from its .proto files
	@$(NODE) scripts/generate.ts

demo: build ## Show what it does: a daemon of its own, an image, four containers, cleaned up
	@$(NODE) scripts/demo.ts

test: test-deps build ## Run every test (TESTS="test/unit/cli/*.test.ts" runs some)
	@$(NODE) scripts/test.ts $(TESTS)

test-vm: vm-deps build ## Run tests in a virtual machine with cgroup v2 and AppArmor (SUBSET=1: those that CI runs)
	@SUBSET=$(SUBSET) $(NODE) --disable-warning=ExperimentalWarning scripts/vm.ts

conformance: test-deps build ## Run the public OCI suites (ARGS=--help says which, and what to set)
	@$(NODE) --disable-warning=ExperimentalWarning scripts/conformance.ts $(ARGS)

bench: test-deps build ## Measure beside Debian's dockerd and runc (ARGS="logs exec" measures those alone)
	@$(NODE) scripts/bench.ts $(ARGS)

ok: test-deps build ## Everything that CI checks
	@$(NODE) scripts/ok.ts

format: deps ## Format every file
	@$(BIN)/prettier --write --log-level warn .

install: build ## Install to PREFIX (/usr/local), below DESTDIR
	@$(NODE) scripts/install.ts --prefix "$(PREFIX)" --destdir "$(DESTDIR)"

uninstall: deps ## Remove what install put there
	@$(NODE) scripts/install.ts --prefix "$(PREFIX)" --destdir "$(DESTDIR)" --remove

clean: ## Remove what was built
	rm -rf build bin
