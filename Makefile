# SPDX-License-Identifier: MIT
# The front door. Meson does the work; `make help` lists the commands.

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
# Passed on as they are, for example: make MESON_FLAGS=-Dclient=disabled
MESON_FLAGS ?=
# For example: make demo DEMO_ARGS='--limit 4 --workers 2'
DEMO_ARGS ?=
# Passed to the benchmark program; --help lists what it takes.
BENCH_ARGS ?=
# For example: make check TEST_ARGS='--engine epoll task group'
TEST_ARGS ?=

# For example: make torture TORTURE_ARGS='--seed 42 seeds fuzz'
TORTURE_ARGS ?=
COVERAGE_ARGS ?=

# For make oracle.
SEEDS ?= 1000000
PYTHON ?= python3

.DEFAULT_GOAL := all
.PHONY: all build deps-% demo check bench docs oracle torture coverage ci ci-full install format clean help

all: deps-build build ## build everything into build/ (installs the build tools if it may)

deps-%:
	@scripts/install-deps.sh $*

# Configured again when packages have come or gone since: what was missing may be there now.
build:
	@if [ ! -f $(BUILD)/build.ninja ]; then \
	    echo "configuring into $(BUILD)/"; \
	    meson setup $(BUILD) $(MESON_FLAGS) >/dev/null || { meson setup $(BUILD) $(MESON_FLAGS); exit 1; }; \
	elif [ /var/lib/dpkg/status -nt $(BUILD)/build.ninja ] || [ -n "$(MESON_FLAGS)" ]; then \
	    echo "configuring $(BUILD)/ again"; \
	    meson setup --reconfigure $(BUILD) $(MESON_FLAGS) >/dev/null; \
	fi
	@echo "building"
	@ninja -C $(BUILD) $(if $(VERBOSE),-v)

demo: deps-demo ## install what is missing, build, and run the main job: the image pipeline
	@$(MAKE) --no-print-directory build
	@if [ -d /usr/share/backgrounds/mate/nature ]; then photos=; else photos=--synthetic; fi; \
	    set -x; $(BUILD)/examples/image_pipeline $$photos $(DEMO_ARGS)

check: deps-check ## the same for the tests: install, build, run all of them on both engines
	@$(MAKE) --no-print-directory build
	@scripts/run_tests.py $(BUILD) $(TEST_ARGS)

bench: deps-bench ## build, and measure: each figure beside its hand-written floor
	@$(MAKE) --no-print-directory build
	@$(BUILD)/bench/bench $(BENCH_ARGS)

docs: deps-docs ## the pages as HTML in build/docs/html and as manual pages in build/docs/man
	@sphinx-build -q -W --keep-going -d $(BUILD)/docs/cache -b html docs $(BUILD)/docs/html
	@sphinx-build -q -W --keep-going -d $(BUILD)/docs/cache -b man docs $(BUILD)/docs/man
	@echo "$(BUILD)/docs/html/index.html, $(BUILD)/docs/man"

oracle: deps-check ## compare with CPython's asyncio on SEEDS (a million) random programs, by PYTHON
	@$(MAKE) --no-print-directory build
	@$(PYTHON) tests/oracle/oracle.py $(BUILD)/tests/oracle_program --seeds $(SEEDS)

torture: deps-torture ## everything that is meant to break it, in the long form (about an hour)
	@$(MAKE) --no-print-directory build
	@scripts/torture.py $(BUILD) $(TORTURE_ARGS)

coverage: deps-check ## which lines and branches the tests reach: a table and build/coverage/index.html
	@scripts/coverage.py $(BUILD)/coverage $(COVERAGE_ARGS)

ci: ## what continuous integration runs: make check, then the lanes (about 20 minutes)
	@.ci/run

ci-full: ## the whole matrix of compilers, sanitizers and engines
	@.ci/run --full

install: ## install into PREFIX (/usr/local), below DESTDIR if given
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) --prefix "$(abspath $(PREFIX))" $(MESON_FLAGS) >/dev/null
	@meson introspect --buildoptions $(BUILD) | grep -qF '"value": "$(abspath $(PREFIX))"' || \
	    meson configure $(BUILD) --prefix "$(abspath $(PREFIX))"
	@ninja -C $(BUILD)
	@meson install -C $(BUILD) --no-rebuild $(if $(DESTDIR),--destdir "$(abspath $(DESTDIR))")
	@case "$(DESTDIR):$(PREFIX)" in :/usr|:/usr/local) ldconfig || true ;; esac

format: ## lay out the C files as .clang-format says (clang-format 14)
	@scripts/format.sh

clean: ## remove build/
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
	    while IFS='|' read -r name text; do printf '%-16s %s\n' "$$name" "$$text"; done
