# Every target that needs Node runs with the one that tools/with-node picks. Sources run as they
# are: only `make build` makes anything.
NODE := tools/with-node node
.DEFAULT_GOAL := help
.PHONY: help setup demo test soak storm check golden templates build package image install docs bench bench-agent latency startup clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do printf '  make %-11s %s\n' "$$name" "$$text"; done

setup: ## bring what is missing: Node, node_modules, Debian packages (called by the others)
	@tools/setup.sh

demo: setup ## two clusters, real packets, in namespaces; BACKEND=iptables, ipvs or nftables
	@$(NODE) tools/demo/run.ts

test: setup ## every test, in this process, in network namespaces, in an emulated machine; FILES=path to choose
	@$(NODE) tools/test/run.ts $(FILES)

check: setup ## format, types, lint, dead code, the import rule and what else a machine can judge
	@$(NODE) tools/check/run.ts

soak: setup ## five minutes of changes, faults and clients in namespaces; SOAK=600 for longer
	@SOAK_SECONDS=$(or $(SOAK),300) $(NODE) tools/test/run.ts test/agent/soak.test.ts

storm: setup ## a minute of kills, flushes and a hostile cluster in namespaces; STORM=600 for longer
	@STORM_SECONDS=$(or $(STORM),60) $(NODE) tools/test/run.ts test/hostile/storm.test.ts

golden: setup ## rewrite the expectations of golden/ from what the compiler now does
	@tools/with-node vitest run golden -u

templates: setup ## compile the .hbs templates, and the script of report pages, into the modules beside them
	@$(NODE) tools/precompile-templates.ts

build: setup ## dist/: what is published
	@$(NODE) tools/build.ts

package: build ## slicewright-*.tgz, as npm would publish it
	@tools/with-node npm pack --loglevel=error

image: setup ## slicewright-image.tar, an OCI image without a daemon, and what is in it; ARCH=amd64 or arm64 for one
	@$(NODE) tools/image/run.ts

install: build ## the program, man pages and completions under PREFIX (/usr/local), below DESTDIR
	@tools/install/install.sh dist "$(DESTDIR)$(or $(PREFIX),/usr/local)"

docs: setup ## site/: the documents as static HTML with search; installs its generator the first time
	@tools/site/build.sh

bench: build ## time, CPU and memory beside bare tools, as tables, JSON and plots in .cache/bench; ROWS, SIZES, CLUSTERS, MODES, ROUNDS
	@$(NODE) tools/bench/run.ts

bench-agent: build ## only the agent as a process: start, CPU and memory, one endpoint changed; SIZES, MODES, CHANGES
	@ROWS=agent $(NODE) tools/bench/run.ts

latency: setup ## first packets through the rules of 1 and 10,000 Services, nftables beside iptables
	@$(NODE) tools/bench/latency.ts

startup: build ## only how long help, status and a small compile take, against an empty Node program; ROUNDS
	@ROWS=startup $(NODE) tools/bench/run.ts

clean: ## remove what was built and cached, but not what set-up installed
	@rm -rf dist site .cache coverage slicewright-*.tgz slicewright-image.*
