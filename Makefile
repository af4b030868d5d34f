# A few verbs; `make help` lists them. From a bare clone with git, make and python3, as root or with sudo.

.DEFAULT_GOAL := help
.ONESHELL:
.SHELLFLAGS := -euc
.PHONY: help build run test test-fast test-modf test-ksr test-languages test-lanes test-browser test-cluster test-deb test-debian12 test-debian13 lint audit check lock bench fuzz chaos wheel deb oracle compare clean mono-packages test-packages debootstrap venv venv-dev

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
APT_GET := $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get
APT_LOG := build/apt.log
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := $(PIP_INSTALL) --require-hashes -r requirements
PATH := $(PATH):/usr/sbin:/sbin
export PATH

SCRIPT ?= examples/MySRTest.cs
PARAM ?= hello
MESSAGE ?= examples/messages/invite.sip

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The output of apt and dpkg goes to a file, which is named when they fail.
define INSTALL
apt_get() {
	mkdir -p build
	$(APT_GET) -qq "$$@" >>$(APT_LOG) 2>&1 || {
		tail -n 5 $(APT_LOG) >&2
		echo "apt-get $$1 failed; its whole output is in $(abspath $(APT_LOG))" >&2
		return 1
	}
}
install() {
	echo "Installing: $$*"
	apt_get update && apt_get install -y --no-install-recommends "$$@"
}
endef

build: mono-packages venv ## compile lib/SR.cs, bridge/*.cs and the lane in C, when they changed
	@$(BIN)/app-mono build

run: build ## the manual's sample on a real INVITE; also SCRIPT=x.cs PARAM=p MESSAGE=m.sip
	@code=0
	$(BIN)/app-mono exec $(SCRIPT) $(PARAM) --message $(MESSAGE) || code=$$?
	if [ "$$code" = 1 ] && [ "$(SCRIPT)" = examples/MySRTest.cs ]; then
		echo
		echo "False is right here: the manual's own sample ends with \"return 1\", and only 0 is true to Kamailio."
		code=0
	fi
	exit $$code

# First what can run side by side, then what needs the machine for itself (tests/conftest.py): ARGS may choose from both,
# and status 5 of pytest is "no test was chosen". Tests also wait, for a worker or a deadline: on a quiet machine one
# job more than there are cores is a tenth faster.
JOBS ?= auto
SIDE_BY_SIDE := -n $(JOBS) --dist loadgroup --no-loadscope-reorder -m "not alone"
test: mono-packages test-packages venv-dev ## every test, on all cores or in JOBS=n processes; installs kamailio and sipp too, and leaves no service behind
	@$(BIN)/app-mono build
	chosen=
	run() {
		if $(BIN)/python -m pytest "$$@" $(ARGS); then chosen=yes; else [ $$? = 5 ]; fi
	}
	run $(SIDE_BY_SIDE)
	run -m alone
	[ "$$chosen" ] || { echo "no test was chosen by: $(ARGS)" >&2; exit 5; }

# What starts no Kamailio and no daemon, and few workers: parsers, the protocol, the pool, the rules for the sources.
FAST := tests/wire tests/sip tests/hosts tests/migrate tests/control tests/pool tests/settings tests/cli/test_compare.py \
	tests/cli/test_compiled.py tests/cli/test_migrate.py tests/cli/test_profile.py tests/cli/test_show.py \
	tests/daemon/test_access.py tests/daemon/test_borrower.py tests/daemon/test_quiet.py tests/daemon/test_reports.py \
	tests/daemon/test_sharing.py tests/daemon/test_verdicts.py tests/scripts/test_builds.py tests/scripts/test_current.py \
	tests/scripts/test_current_faults.py tests/scripts/test_files.py tests/scripts/test_generation.py \
	tests/scripts/test_script.py tests/worker/test_conversation.py tests/worker/test_holdings.py \
	tests/worker/test_host_calls.py tests/worker/test_outcome.py tests/worker/test_rundir.py tests/worker/test_seccomp.py \
	tests/test_bounds.py tests/test_calls.py tests/test_deadlines.py tests/test_directives.py tests/test_errors.py \
	tests/test_floors.py tests/test_fuzz_corpus.py tests/test_job.py tests/test_layout.py tests/test_mcs.py \
	tests/test_printable.py tests/test_runner.py tests/ksr/test_functions.py tests/ksr/test_running.py \
	tests/ksr/test_sources.py
test-fast: build venv-dev ## the tests that take less than 90 s together, for the inner loop: no Kamailio, no daemon
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(FAST) $(ARGS)

# As on a new machine: a clone of the last commit, in a root that has only git, make and python3.
FRESH_ROOT = $(if $(AS_ROOT),$(AS_ROOT) -E) $(PYTHON) -m tools.fresh_root
AS ?= root
test-debian13: debootstrap ## every test on a fresh Debian 13, whatever this system is; AS=user: as a user with sudo
	@$(FRESH_ROOT) trixie $(if $(filter user,$(AS)),--as-user) -- make test

test-debian12: debootstrap ## the same on a fresh Debian 12
	@$(FRESH_ROOT) bookworm $(if $(filter user,$(AS)),--as-user) -- make test

# Not snmpstats: it has no function, and brings the daemon snmpd.
define EVERY_MODULE
$(INSTALL)
packages() { apt-cache search --names-only '^kamailio-.*-modules$$' | cut -d ' ' -f 1 | grep -v snmpstats; }
packages >/dev/null || apt_get update
$(MAKE) --no-print-directory test-packages MORE_PACKAGES="$$(packages | tr '\n' ' ')"
$(BIN)/app-mono build
endef
test-modf: mono-packages venv-dev ## every function of every Kamailio module that Debian packages, through ModF; installs them
	@$(EVERY_MODULE)
	$(BIN)/python -m pytest tests/kamailio/test_modf_exports.py $(ARGS)

test-ksr: mono-packages venv-dev ## the same through KSR, with odd arguments and in any order
	@$(EVERY_MODULE)
	KSR_MODULE_BY_MODULE=yes $(BIN)/python -m pytest tests/kamailio/test_ksr_odd_arguments.py $(ARGS)

test-languages: mono-packages test-packages venv-dev ## VB.NET, F# and C# 8, fetched in every way there is; a long run of Python, Node and Java under Kamailio
	@$(BIN)/app-mono build
	rm -rf build/languages
	LANGUAGES_LONG=yes $(BIN)/python -m pytest tests/compilers tests/cli/test_lang.py tests/kamailio/test_languages_traffic.py $(ARGS)

# What an exec passes through, once with each lane: the shelf of scripts that misbehave, the comparisons with the old
# module, traffic and faults under Kamailio.
LANE_TESTS := tests/lane tests/wire tests/worker tests/scripts tests/client tests/daemon tests/test_shelf.py \
	tests/test_at_once.py tests/test_runner.py tests/kamailio/test_app_mono.py tests/kamailio/test_app_mono_kemi.py \
	tests/kamailio/test_kemi_shelf.py tests/kamailio/test_misbehaving.py tests/kamailio/test_parity.py \
	tests/kamailio/test_ksr_parity.py \
	tests/kamailio/test_traffic.py tests/kamailio/test_within.py
test-lanes: mono-packages test-packages venv-dev ## what an exec passes through, with each lane, and chaos; then a million execs in C
	@$(BIN)/app-mono build
	for lane in python c; do
		echo "With the lane in $$lane:"
		APP_MONO_LANE=$$lane $(BIN)/python -m pytest $(SIDE_BY_SIDE) $(LANE_TESTS) $(ARGS)
		APP_MONO_LANE=$$lane $(BIN)/python -m pytest -m alone $(LANE_TESTS) $(ARGS)
		APP_MONO_LANE=$$lane $(BIN)/python -m tools.chaos $(SECONDS)
	done
	LANE_EXECS=1000000 LANE_SECONDS=3600 $(BIN)/python -m pytest --timeout 3600 tests/lane/test_references.py \
		tests/lane/test_exported.py -k 'flat or gives'

test-cluster: mono-packages test-packages venv-dev ## Kamailio's scripts on three nodes behind three servers of NATS, which are killed
	@$(BIN)/app-mono build
	CLUSTER_LONG=yes $(BIN)/python -m pytest tests/cluster $(ARGS)

# Chromium takes 300 MB, so `make test` leaves the page out where it is not installed, and else runs the shortest test.
test-browser: mono-packages venv-dev ## the page of the setting http in Chromium, and the metrics by promtool; installs both
	@$(INSTALL)
	missing=
	command -v chromium >/dev/null || missing="$$missing chromium"
	command -v promtool >/dev/null || missing="$$missing prometheus"
	[ -z "$$missing" ] || install $$missing
	$(BIN)/app-mono build
	BROWSER_LONG=yes $(BIN)/python -m pytest tests/web $(ARGS)

lint: venv-dev ## ruff with the rules of bandit, mypy, and the audit where PyPI can be reached; mcs checks the C# in build
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m tools.audit || [ $$? = 2 ]

audit: venv-dev ## known vulnerabilities of the installed packages, by pip-audit; fails when PyPI cannot be reached
	@$(BIN)/python -m tools.audit

check: lint test ## what has to pass before a merge

# Needs root: the systems are booted in namespaces of their own. BEFORE=file.deb: what is upgraded from.
test-deb: debootstrap test-packages venv-dev ## the package on fresh Debian 12 and 13, booted: install, call, upgrade in traffic, purge, lintian; RELEASE=, BEFORE=
	@for release in $(or $(RELEASE),bookworm trixie); do
		$(MAKE) --no-print-directory deb RELEASE=$$release
	done
	$(AS_ROOT) env DEB_RELEASES="$(or $(RELEASE),bookworm trixie)" $(addprefix DEB_BEFORE=,$(BEFORE)) \
		$(BIN)/python -m pytest tests/deb $(ARGS)

# Packages are pinned with the hashes of their files, so that what is installed is what was tested here. uv resolves for
# every Python and machine at once, and pip-compile only for those that it runs on; it takes the hashes of all files of a
# version. The last lines fail where a package has no wheel for one of Debian's Pythons on one of the machines.
lock: ## the newest versions that go together, with hashes, into requirements/: read the changes before you commit them
	@[ -x $(VENV)-lock/bin/python ] || $(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/lock.txt
	all=$$(mktemp)
	trap 'rm -f $$all' EXIT
	uv() { $(VENV)-lock/bin/uv --quiet --no-config "$$@"; }
	compile() {
		uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
			--custom-compile-command 'make lock' "$$@" >/dev/null
	}
	compile --output-file $$all --all-extras --group audit --group build --group lock pyproject.toml
	compile --output-file requirements/run.txt --constraint $$all --group build pyproject.toml
	for extra in dev bench cluster fuzz; do
		compile --output-file requirements/$$extra.txt --constraint $$all --group build --extra $$extra pyproject.toml
	done
	for group in audit lock; do
		compile --output-file requirements/$$group.txt --constraint $$all --group pyproject.toml:$$group
	done
	wheels() {
		uv pip install --dry-run --target build/lock --only-binary :all: --require-hashes -r requirements/$$1.txt \
			--python-version $$python --python-platform $$2-manylinux_2_36
	}
	for python in 3.11 3.13; do
		wheels dev x86_64
		wheels dev aarch64
		wheels fuzz x86_64 # atheris has none for another machine
	done

# mono-devel has netstandard.dll, which the peer pythonnet needs.
bench: mono-packages test-packages venv-dev ## measure against the peers, and which targets are met: ROWS="library kamailio kemi languages pool start"
	@$(INSTALL)
	[ -e /usr/lib/mono/4.5/Facades/netstandard.dll ] || install mono-devel
	$(LOCKED)/bench.txt
	$(BIN)/app-mono build
	$(BIN)/python -m bench $(ROWS)

SECONDS ?= 60
chaos: build test-packages venv-dev ## faults of every kind under a Kamailio in traffic: SECONDS=60 SEED=n ROUTE=kemi|cluster RUNTIME=python LANE=python
	@APP_MONO_LANE="$(LANE)" $(BIN)/python -m tools.chaos $(SECONDS) "$(SEED)" "$(ROUTE)" "$(RUNTIME)"

fuzz: build venv-dev ## throw bytes at every parser, SECONDS=60 each; findings are printed and kept in build/fuzz
	@$(LOCKED)/fuzz.txt
	found=0
	for target in message expression session control lease listener lane exported at_once; do
		mkdir -p build/fuzz/$$target
		cp -n examples/messages/*.sip build/fuzz/$$target/
		sanitizer=
		case $$target in
		lane|exported|at_once) sanitizer="LD_PRELOAD=$$($(BIN)/python -c "from importlib.util import find_spec as f; print(f('asan_with_fuzzer').origin)") ASAN_OPTIONS=detect_leaks=0:malloc_context_size=2:quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc" ;;
		esac
		env $$sanitizer $(BIN)/python fuzz/targets.py $$target build/fuzz/$$target -max_total_time=$(SECONDS) -artifact_prefix=build/fuzz/$$target- -print_final_stats=1 -verbosity=0 || found=1
	done
	exit $$found

wheel: venv ## the Python package with the C# sources in it, into dist/
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	ls dist/*.whl

# In a copy of the checkout, since the version in debian/changelog is that of pyproject.toml with the release behind it:
# what is compiled for a release goes with its Python.
RELEASE ?=
DEB := build/deb
ifeq ($(RELEASE),)
deb: ## the package for the Debian that this is, into dist/; RELEASE=bookworm|trixie: in a fresh root of that one
	@$(INSTALL)
	. /etc/os-release
	[ "$$ID" = debian ] || { echo "this is $$ID $$VERSION_ID: a package is built on Debian, or with RELEASE=trixie" >&2; exit 2; }
	rm -rf $(DEB)
	mkdir -p $(DEB)/app-mono dist
	git ls-files -z | xargs -0 cp --parents --no-dereference --target-directory $(DEB)/app-mono
	version=$$(sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)~deb$$VERSION_ID
	maintainer=$$(sed -n 's/^Maintainer: //p' debian/control)
	printf '%s\n' "app-mono ($$version) $$VERSION_CODENAME; urgency=medium" '' '  * See CHANGELOG.md.' '' \
		" -- $$maintainer  $$(git log -1 --format=%aD)" >$(DEB)/app-mono/debian/changelog
	(cd $(DEB)/app-mono && dpkg-checkbuilddeps) >/dev/null 2>&1 || {
		echo "Installing what builds the package"
		apt_get update && apt_get build-dep -y --no-install-recommends ./$(DEB)/app-mono
	}
	(cd $(DEB)/app-mono && dpkg-buildpackage --build=binary --no-sign) >$(DEB)/build.log 2>&1 || {
		tail -n 20 $(DEB)/build.log >&2
		echo "the package could not be built; the whole output is in $(abspath $(DEB)/build.log)" >&2
		exit 1
	}
	cp $(DEB)/app-mono_*.deb dist/
	ls dist/app-mono_$${version}_*.deb
else
deb: debootstrap
	@$(FRESH_ROOT) $(RELEASE) --keep -- make deb
	mkdir -p dist
	cp build/roots/$(RELEASE)/kept/srv/app-mono/dist/app-mono_*.deb dist/
endif

oracle: build venv-dev ## compare with answers recorded from a real Kamailio: ORACLE=path
	@[ -n "$(ORACLE)" ] || { echo "name the file with the recorded answers: make oracle ORACLE=path" >&2; exit 2; }
	$(BIN)/python -m tools.oracle "$(ORACLE)"

# With KAMAILIO=6.0 or 5.6 in a root of the Debian that has this version, which is kept for the next run.
ifeq ($(KAMAILIO),)
compare: build test-packages venv-dev ## made-up messages on a real Kamailio and on ours: SECONDS=60 SEED=n MODE=embedded|inside|ksr KAMAILIO=6.0
	@$(BIN)/python -m tools.compare --seconds $(SECONDS) $(addprefix --seed ,$(SEED)) $(addprefix --mode ,$(MODE))
else
DEBIAN_WITH_5.6 := bookworm
DEBIAN_WITH_6.0 := trixie
compare: debootstrap
	@$(FRESH_ROOT) $(or $(DEBIAN_WITH_$(KAMAILIO)),$(error KAMAILIO is 5.6 or 6.0)) --keep -- \
		make compare SECONDS=$(SECONDS) $(addprefix SEED=,$(SEED)) $(addprefix MODE=,$(MODE))
endif

clean: ## remove what was built; the packages of the system stay
	@[ ! -e build/roots ] || $(AS_ROOT) rm -rf --one-file-system build/roots
	rm -rf build dist $(VENV) $(VENV)-audit $(VENV)-lock .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What follows installs what is missing, and asks apt only then.

# mcs reads its references from mono's own 4.5 directory, so mono-devel is not needed. System.Configuration comes
# with libmono-system4.0-cil, on which mono-mcs depends; Mono.Posix is a package of its own.
mono-packages:
	@$(INSTALL)
	missing=
	command -v mono >/dev/null || missing="$$missing mono-runtime"
	command -v mcs >/dev/null || missing="$$missing mono-mcs"
	mono=$$(readlink -f "$$(command -v mono || echo /usr/bin/mono)")
	[ -e "$${mono%/bin/*}/lib/mono/4.5/Mono.Posix.dll" ] || missing="$$missing libmono-posix4.0-cil"
	[ -z "$$missing" ] || install $$missing

debootstrap:
	@$(INSTALL)
	command -v debootstrap >/dev/null || install debootstrap

# Debian's kamailio enables and starts its service on installation. A policy-rc.d forbids the start (only when there
# is none: another one is the administrator's own), and what was not enabled before is disabled again. A recipe that is
# killed cannot remove its own: it says in the file whose it is, and the next one removes it when that process has gone.
POLICY := /usr/sbin/policy-rc.d
MADE_BY := \# Made by app-mono's Makefile until its installation ends; process and its start:
MORE_PACKAGES ?=
test-packages:
	@$(INSTALL)
	started() { awk '$$3 !~ /[ZX]/ { print $$22 }' "/proc/$$1/stat" 2>/dev/null || true; } # of a process that runs
	policy=$(POLICY)
	if made=$$(grep -s "^$(MADE_BY)" $$policy); then
		set -- $${made#*start: }
		if [ "$$(started $$1)" != "$$2" ]; then
			echo "Removing $$policy: the installation that made it was killed"
			$(AS_ROOT) rm -f $$policy
		fi
	fi
	has() { [ "$$(dpkg-query -W -f='$${db:Status-Status}' "$$1" 2>/dev/null)" = installed ]; }
	missing=
	command -v kamailio >/dev/null || missing="$$missing kamailio"
	has kamailio-python3-modules || missing="$$missing kamailio-python3-modules"
	command -v sipp >/dev/null || missing="$$missing sip-tester"
	has kamailio-lua-modules || missing="$$missing kamailio-lua-modules"
	command -v bwrap >/dev/null || missing="$$missing bubblewrap"
	command -v node >/dev/null || missing="$$missing nodejs"
	command -v javac >/dev/null || missing="$$missing default-jdk-headless"
	command -v ilasm >/dev/null || missing="$$missing mono-devel"
	# For the lane in C: Python's headers are those of the Python that makes the virtual environment.
	command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"
	[ -e "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] || missing="$$missing python3-dev"
	command -v patch >/dev/null || missing="$$missing patch"
	command -v pkill >/dev/null || missing="$$missing procps"
	command -v help2man >/dev/null || missing="$$missing help2man"
	command -v chattr >/dev/null || missing="$$missing e2fsprogs"
	command -v useradd >/dev/null || missing="$$missing passwd"
	for package in $(MORE_PACKAGES); do has $$package || missing="$$missing $$package"; done
	optional=
	# The old module, to compare with; Kamailio 6 has none.
	has kamailio-mono-modules || optional=kamailio-mono-modules
	if [ -z "$$missing" ]; then
		[ -n "$$optional" ] || exit 0
		apt-cache show $$optional >/dev/null 2>&1 || exit 0
	fi
	links() { ls /etc/systemd/system/*.wants/kamailio.service /etc/rc[2-5].d/S*kamailio 2>/dev/null || true; }
	enabled_before=$$(links)
	running_before=$$(pidof kamailio || true)
	if [ ! -e $$policy ]; then
		trap '$(AS_ROOT) rm -f $(POLICY) $(POLICY).new' EXIT
		trap 'exit 130' INT TERM HUP
		printf '%s\n' '#!/bin/sh' "$(MADE_BY) $$$$ $$(started $$$$)" 'exit 101' | $(AS_ROOT) tee $$policy.new >/dev/null
		$(AS_ROOT) chmod 755 $$policy.new
		$(AS_ROOT) mv $$policy.new $$policy
	fi
	apt_get update
	if [ -n "$$optional" ] && apt-cache show $$optional >/dev/null 2>&1; then missing="$$missing $$optional"; fi
	[ -n "$$missing" ] || exit 0
	install $$missing
	if [ -z "$$enabled_before" ] && [ -n "$$(links)" ]; then
		if command -v systemctl >/dev/null; then
			$(AS_ROOT) systemctl --quiet disable kamailio 2>/dev/null || true
		fi
		if [ -n "$$(links)" ]; then $(AS_ROOT) update-rc.d kamailio disable; fi
	fi
	if [ -z "$$running_before" ] && pidof kamailio >/dev/null; then $(AS_ROOT) service kamailio stop; fi

venv: $(VENV)/.ready
venv-dev: $(VENV)/.ready-dev

# A virtual environment belongs to one version of Python and one place: the stamp says which. After an upgrade of the
# system, on another release or in another directory it is made again.
MADE_FOR = $$($(BIN)/python -c 'import sys; print("Python %d.%d in" % sys.version_info[:2], sys.prefix)' 2>/dev/null)
IS_OTHER := $(shell [ ! -e $(VENV)/.ready ] || [ "$(MADE_FOR)" = "$$(cat $(VENV)/.ready)" ] || echo other)
.PHONY: other

# Debian's python3 comes without the means to make a virtual environment.
$(VENV)/.ready: pyproject.toml requirements/run.txt $(IS_OTHER)
	@$(INSTALL)
	[ -z "$(IS_OTHER)" ] || rm -rf $(VENV)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
		echo "$$($(PYTHON) --version) is too old: Python 3.11 or later is needed, say which: make PYTHON=python3.11" >&2
		exit 2
	}
	[ -x $(BIN)/pip ] || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || install python3-venv
	[ -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV)
	$(LOCKED)/run.txt
	$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	echo "$(MADE_FOR)" >$@

$(VENV)/.ready-dev: $(VENV)/.ready requirements/dev.txt
	@$(LOCKED)/dev.txt
	touch $@
