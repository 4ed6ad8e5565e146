# SPDX-License-Identifier: MIT
# Builds dist/g2s, a static executable, and the links g2s-scan, g2s-resolve, ... beside it.
# "make help" lists the targets and the variables.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
# The compiler of what is installed, and that of the tests.
MUSL_CC ?= musl-gcc
HOST_CC ?= gcc
CLANG ?= clang
# Those of the fuzzers.
FUZZ_CC ?= clang
AFL_CC ?= afl-clang-fast
CFLAGS ?= -O2
LDFLAGS ?=
# "make WERROR=" for a compiler that warns of more than ours do.
WERROR ?= -Werror
# "make LTO='-flto -flto-partition=one'" decodes a third faster (30 MB in 0.60 s, not 0.89 s) and is
# 60 KB larger; so little of a program is decoded that size is the better bargain.
LTO ?=

# What is built: release (musl, static), test (the C library of this machine), asan (the same, with the
# address and undefined-behaviour sanitizers), msan (by clang, with its sanitizer of uninitialized memory),
# fuzz and afl (like asan by clang, watched by libFuzzer or AFL++).  The targets below choose; each has its
# own directory.
VARIANT := release

B := .build/$(VARIANT)
SRC := .build/src
DIST_release := dist
DIST := $(or $(DIST_$(VARIANT)),$(B)/dist)

ifneq ($(filter-out release test asan msan fuzz afl,$(VARIANT)),)
$(error VARIANT is release, test, asan, msan, fuzz or afl)
endif

# --- sources ------------------------------------------------------------------------------------------

CORE_C := $(sort $(wildcard core/*.c core/*/*.c))
APPLET_C := $(sort $(wildcard applets/*.c))
ZYDIS_C := Decoder DecoderData Register SharedData
SYSCALL_TABLES := $(sort $(wildcard core/policy/syscalls/*.tsv))
UNIT_C := $(sort $(wildcard tests/unit/*.c))
UNIT_TESTS := $(filter tests/unit/test_%,$(UNIT_C))
UNIT_SHARED := $(filter-out $(UNIT_TESTS),$(UNIT_C))
E2E_C := $(sort $(wildcard tests/e2e/*.c))
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
# Each goes to the section that its name ends in.
MAN_PAGES := $(sort $(wildcard applets/*.[1-9]))
LINKS := $(shell awk -F '"' '/^\tX/ { print $$2 }' applets/applets.h)

CORE_O := $(CORE_C:%.c=$(B)/%.o) $(B)/syscalls.o $(B)/docker.o $(ZYDIS_C:%=$(B)/zydis/%.o) $(B)/cjson/cJSON.o
APPLET_O := $(APPLET_C:%.c=$(B)/%.o)
# All applets but main, so that a unit test can link what they share.
APPLET_LIB_O := $(filter-out $(B)/applets/main.o,$(APPLET_O))
# What completes command lines: bash has a link of one file for each program, fish a file.
COMPLETIONS := $(B)/completions/g2s.bash $(B)/completions/_g2s $(foreach program,g2s $(LINKS),$(B)/completions/$(program).fish)
UNIT_PROGRAMS := $(UNIT_TESTS:%.c=$(B)/%)
E2E_PROGRAMS := $(E2E_C:%.c=$(B)/%)
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(B)/tests/fuzz/fuzz_%)
# Unit tests that leave what they hand to readers: the fuzzers' seeds.
FUZZ_RECORDERS := $(UNIT_TESTS:tests/unit/%.c=$(B)/tests/fuzz/record_%)
FUZZ_SEEDS := .build/seeds

# --- flags --------------------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wformat=2 -Wimplicit-fallthrough -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wshadow -Wstrict-prototypes -Wundef -Wvla \
	-Wwrite-strings
HARDENING := -fstack-protector-strong -fstack-clash-protection
ifeq ($(shell uname -m),x86_64)
HARDENING += -fcf-protection=full
endif
COMMON := -std=c17 -ffunction-sections -fdata-sections -D_GNU_SOURCE
# Not one of the flags that a change of rebuilds everything: a moved tree gives the same objects.
HERE = -ffile-prefix-map='$(CURDIR)'=.
LINK_COMMON := -Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack,-z,separate-code

# musl has no _FORTIFY_SOURCE.  gcc's -static-pie through musl's specs makes a dynamic executable, so the
# start files of a static PIE are spelled out.
HASH := \#
comma := ,
ifeq ($(VARIANT),release)
COMPILER := $(MUSL_CC)
# Nothing unwinds its stack: the tables for that would be a twentieth of the executable.
VARIANT_CFLAGS := -fPIE -fno-asynchronous-unwind-tables -fno-unwind-tables $(HARDENING) $(CFLAGS)
SMALL := -Os
DECODER_FLAGS := $(LTO)
MUSL_LIB = $(shell $(MUSL_CC) '-$(HASH)$(HASH)$(HASH)' -x c /dev/null 2>&1 | tr ' ' '\n' | sed -n 's:/Scrt1\.o$$::p')
LINK_START = $(MUSL_LIB)/rcrt1.o $(MUSL_LIB)/crti.o $(shell $(MUSL_CC) -print-file-name=crtbeginS.o)
LINK_END = $(shell $(MUSL_CC) -print-file-name=crtendS.o) $(MUSL_LIB)/crtn.o
LINK_FLAGS := $(VARIANT_CFLAGS) $(DECODER_FLAGS) -ffunction-sections -fdata-sections -static -nostartfiles -Wl,-pie,--no-dynamic-linker,-z,text -Wl,--build-id=sha1 -s \
	$(LINK_COMMON) $(LDFLAGS)
endif
# The sandbox (applets/lock.c) knows the calls of musl.  Other C libraries, sanitizers and instrumented builds
# make calls of their own and fill the address space: they are built without it.
UNLOCKED := -DG2S_UNLOCKED
ifeq ($(VARIANT),test)
COMPILER := $(HOST_CC)
VARIANT_CFLAGS := -fPIE $(HARDENING) -D_FORTIFY_SOURCE=2 -O2 -g $(UNLOCKED)
LINK_FLAGS := -pie $(LINK_COMMON)
endif
ifeq ($(VARIANT),asan)
COMPILER := $(HOST_CC)
VARIANT_CFLAGS := -fPIE -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all $(UNLOCKED)
LINK_FLAGS := -pie -fsanitize=address,undefined
endif
# What is called without the sanitizer (the C library) it knows about; Zydis and cJSON are built with it.
ifeq ($(VARIANT),msan)
COMPILER := $(CLANG)
VARIANT_CFLAGS := -fPIE -O1 -g -fno-omit-frame-pointer -fsanitize=memory -fsanitize-memory-track-origins \
	-fno-sanitize-recover=all $(UNLOCKED)
LINK_FLAGS := -pie -fsanitize=memory
endif
# gcc, with which everything is built first, is the one that warns.
SANITIZE := -O2 -g -w -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
	$(UNLOCKED)
ifeq ($(VARIANT),fuzz)
COMPILER := $(FUZZ_CC)
VARIANT_CFLAGS := -fsanitize=fuzzer-no-link $(SANITIZE)
LINK_FLAGS := $(SANITIZE)
FUZZ_LINK := -fsanitize=fuzzer
endif
ifeq ($(VARIANT),afl)
COMPILER := AFL_QUIET=1 $(AFL_CC)
VARIANT_CFLAGS := $(SANITIZE)
LINK_FLAGS := $(SANITIZE)
endif

G2S_CFLAGS := $(COMMON) $(WARNINGS) $(WERROR) $(VARIANT_CFLAGS) $(CPPFLAGS)
# The third parties' own code: their warnings are theirs.  Without NDEBUG decoding is a sixth slower.
THIRD_CFLAGS := $(COMMON) -w -DNDEBUG $(VARIANT_CFLAGS)
# Only AMD64's live instructions: AVX-512 is needed (Go emits it), Knights Corner is not.
ZYDIS_FLAGS := -isystem $(SRC)/zydis/include -isystem $(SRC)/zycore/include \
	-DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD -DZYDIS_DISABLE_FORMATTER \
	-DZYDIS_DISABLE_ENCODER -DZYDIS_DISABLE_KNC

# --- targets ------------------------------------------------------------------------------------------

.PHONY: all test-programs install uninstall dist clean check check-unit check-cli check-build check-e2e \
	e2e-docker check-asan distcheck static bench fuzz fuzz-programs help FORCE
.SUFFIXES:

all: $(DIST)/g2s $(LINKS:%=$(DIST)/%) $(COMPLETIONS) ## build dist/g2s and its links (the default)

test-programs: all $(UNIT_PROGRAMS) $(E2E_PROGRAMS) $(B)/libg2s.a fuzz-programs

static: all ## prove with readelf that dist/g2s is what it should be
	scripts/check-static $(DIST)/g2s

check: ## run every test but e2e-docker; installs what they need when root
	+scripts/test

check-unit check-cli check-build check-e2e check-fuzz: check-%: ## run one part of the tests
	+scripts/test $*

e2e-docker: ## the README's image in a Docker Engine of its own (root, 4 GB of disk, some minutes)
	+scripts/test docker

check-asan: ## unit and cli tests and the fuzzers' seeds under AddressSanitizer and UBSan
	+scripts/test --asan unit cli fuzz

TIME ?= 60
TARGETS ?=
fuzz: all ## try random inputs (clang, afl++; TIME=seconds for each target, TARGETS="elf ...")
	+scripts/fuzz '$(TIME)' $(TARGETS)

fuzz-programs: $(FUZZ_PROGRAMS)

distcheck: ## the whole matrix, in a clean copy of the tree: sanitizers, analysers, release, install, manuals
	+scripts/distcheck

export BENCH_FILES BENCH_RUNS BENCH_PARTS
bench: all ## CPU time of whole processes (BENCH_FILES="...", BENCH_RUNS=n, BENCH_PARTS="...")
	scripts/bench $(DIST)

install: all ## install the executable, its links, manuals and completions (DESTDIR, PREFIX)
	install -d '$(DESTDIR)$(BINDIR)'
	install -m 755 $(DIST)/g2s '$(DESTDIR)$(BINDIR)/g2s'
	for link in $(LINKS); do ln -sfn g2s '$(DESTDIR)$(BINDIR)'/$$link || exit 1; done
	for page in $(MAN_PAGES:applets/%=%); do \
		install -D -m 644 applets/$$page '$(DESTDIR)$(MANDIR)'/man$${page##*.}/$$page || exit 1; done
	install -D -m 644 $(B)/completions/g2s.bash '$(DESTDIR)$(BASHCOMPDIR)/g2s'
	for link in $(LINKS); do ln -sfn g2s '$(DESTDIR)$(BASHCOMPDIR)'/$$link || exit 1; done
	install -D -m 644 $(B)/completions/_g2s '$(DESTDIR)$(ZSHCOMPDIR)/_g2s'
	install -d '$(DESTDIR)$(FISHCOMPDIR)'
	install -m 644 $(filter %.fish,$(COMPLETIONS)) '$(DESTDIR)$(FISHCOMPDIR)'

# Directories go too when they are empty, but for those that belong to the system.
uninstall: ## remove what install has put there
	rm -f '$(DESTDIR)$(BINDIR)/g2s' $(LINKS:%='$(DESTDIR)$(BINDIR)'/%) \
		$(foreach page,$(MAN_PAGES:applets/%=%),'$(DESTDIR)$(MANDIR)'/man$(subst .,,$(suffix $(page)))/$(page)) \
		$(patsubst %,'$(DESTDIR)$(BASHCOMPDIR)'/%,g2s $(LINKS)) '$(DESTDIR)$(ZSHCOMPDIR)/_g2s' \
		$(patsubst %,'$(DESTDIR)$(FISHCOMPDIR)'/%.fish,g2s $(LINKS))
	case '$(DESTDIR)$(PREFIX)' in /usr | /usr/local) ;; \
	*) for directory in '$(BINDIR)' '$(MANDIR)/man1' '$(MANDIR)/man5' '$(BASHCOMPDIR)' '$(ZSHCOMPDIR)' '$(FISHCOMPDIR)' \
		'$(MANDIR)' '$(PREFIX)/share/bash-completion' '$(PREFIX)/share/zsh' '$(PREFIX)/share/fish' '$(PREFIX)/share' '$(PREFIX)'; do \
		rmdir "$(DESTDIR)$$directory" 2>/dev/null || :; done ;; esac

VERSION = $(shell sed -n 's/^.define G2S_VERSION "\(.*\)"$$/\1/p' include/g2s/version.h)
RELEASE = .build/pack/g2s-$(VERSION)-linux-$(firstword $(subst -, ,$(shell $(COMPILER) -dumpmachine)))

dist: all ## leave a release in dist: tar.gz, SPDX document, SHA256SUMS
	@rm -rf .build/pack
	+@$(MAKE) -s --no-print-directory install DESTDIR='$(CURDIR)/$(RELEASE)' PREFIX= BINDIR=/bin MANDIR=/share/man \
		BASHCOMPDIR=/share/bash-completion/completions ZSHCOMPDIR=/share/zsh/site-functions \
		FISHCOMPDIR=/share/fish/vendor_completions.d
	$(SAY) TAR $(DIST)/$(notdir $(RELEASE)).tar.gz
	@MUSL_LICENSE='$(MUSL_LICENSE)' scripts/release '$(RELEASE)' '$(VERSION)' '$(DIST)' '$(SRC)' '$(MUSL_LIB)'

clean: ## remove .build and dist
	rm -rf .build dist

help: ## print this
	@sed -n 's/^\([a-z0-9 -]*\):[^#]*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		awk -F '|' '{ printf "%-46s %s\n", $$1, $$2 }'
	@echo 'Variables: PREFIX, DESTDIR, BINDIR, MANDIR, BASHCOMPDIR, ZSHCOMPDIR, FISHCOMPDIR;'
	@echo 'CFLAGS, LDFLAGS, MUSL_CC, HOST_CC, CLANG, WERROR, LTO, V=1;'
	@echo 'ZYDIS_SRC, ZYCORE_SRC, CJSON_SRC: unpacked sources or the pinned tarballs, to build offline;'
	@echo 'G2S_CACHE: where what was fetched is kept; MUSL_LICENSE: a file for "make dist";'
	@echo 'SOURCE_DATE_EPOCH: the date of a release, else that of the changelog.'

# --- third-party sources ------------------------------------------------------------------------------

export ZYDIS_SRC ZYCORE_SRC CJSON_SRC G2S_CACHE

# The script leaves the stamp alone when nothing has changed.
$(SRC)/stamp: FORCE
	@scripts/fetch-sources $(SRC)

# --- rules --------------------------------------------------------------------------------------------

V ?= 0
SAY_0 = @printf '  %-4s %s\n'
SAY_1 = @:
SAY = $(or $(SAY_$(V)),$(SAY_1))
Q = $(if $(filter 0,$(V)),@)

# $(call compile,FLAGS): the object and its dependencies appear whole or not at all, also when two makes
# run at once or one is interrupted.
define compile
$(SAY) CC $<
@mkdir -p $(@D)
$(Q)t=$@.$$$$; trap 'rm -f $$t $$t.d' EXIT; \
$(COMPILER) $(HERE) $(1) -MMD -MP -MT $@ -MF $$t.d -c -o $$t $< && mv $$t.d $(@:.o=.d) && mv $$t $@
endef

# $(call link,COMMAND): COMMAND writes to $$t.
define link
$(SAY) LD $@
@mkdir -p $(@D)
$(Q)t=$@.$$$$; trap 'rm -f $$t' EXIT; $(1) && mv $$t $@
endef

# $(call unchanged,TEXT): the target holds TEXT; it is written only when that differs.
define unchanged
@mkdir -p $(@D)
@text='$(subst ','\'',$(1))'; \
if [ "$$(cat $@ 2>/dev/null)" != "$$text" ]; then \
	echo "$$text" >$@.$$$$ && mv $@.$$$$ $@; \
fi
endef

# Every object depends on the flags it was compiled with, and an archive on the list of its members.
$(B)/flags: FORCE
	$(call unchanged,$(COMPILER) $(G2S_CFLAGS) $(SMALL) $(ZYDIS_FLAGS) $(LINK_FLAGS))
$(B)/members: FORCE
	$(call unchanged,$(CORE_O) $(APPLET_O))

$(B)/core/%.o: core/%.c $(B)/flags
	$(call compile,$(G2S_CFLAGS) $(SPEED_FLAGS) -Iinclude $(ROOM_FLAGS))

# Where the time goes: searches, decoding and data flow.  All else runs once per line or table entry at most:
# there size counts, not speed.
FAST := words analysis/flow analysis/refs analysis/refs_all analysis/state analysis/value
FAST_O := $(B)/core/isa/% $(FAST:%=$(B)/core/%.o)
$(filter-out $(FAST_O),$(CORE_C:%.c=$(B)/%.o)): private SPEED_FLAGS := $(SMALL)
$(B)/applets/%.o: applets/%.c $(B)/flags
	$(call compile,$(G2S_CFLAGS) $(SMALL) -Iinclude)

# One file of core sees each library: for every other one its headers are not there.
$(B)/core/isa/x86.o: private ROOM_FLAGS := $(ZYDIS_FLAGS) $(DECODER_FLAGS)
$(B)/core/policy/oci_json.o: private ROOM_FLAGS := -isystem $(SRC)/cjson
$(B)/core/isa/x86.o $(B)/core/policy/oci_json.o: $(SRC)/stamp

$(B)/syscalls.c: scripts/gen-syscalls $(SYSCALL_TABLES)
	$(SAY) GEN $@
	@mkdir -p $(@D)
	@scripts/gen-syscalls $(SYSCALL_TABLES) >$@.$$$$ && mv $@.$$$$ $@ || { rm -f $@.$$$$; exit 1; }

$(B)/docker.c: scripts/gen-docker core/policy/docker.tsv
	$(SAY) GEN $@
	@mkdir -p $(@D)
	@scripts/gen-docker core/policy/docker.tsv >$@.$$$$ && mv $@.$$$$ $@ || { rm -f $@.$$$$; exit 1; }

$(B)/syscalls.o $(B)/docker.o: $(B)/%.o: $(B)/%.c $(B)/flags
	$(call compile,$(G2S_CFLAGS) -Icore/policy)

# Most of what is decoded never comes to this decoder (see x86_skim.c): here, too, size counts.
$(B)/zydis/Decoder.o: private ZYDIS_SIZE := $(SMALL)

# The sources are files of the unpacked directories, which exist only after the stamp's recipe.
$(B)/zydis/%.o: $(SRC)/stamp $(B)/flags
	$(call compile_third,$(SRC)/zydis/src/$*.c,$(ZYDIS_FLAGS) $(DECODER_FLAGS) $(ZYDIS_SIZE) -I$(SRC)/zydis/src)

$(B)/cjson/cJSON.o: $(SRC)/stamp $(B)/flags
	$(call compile_third,$(SRC)/cjson/cJSON.c,$(SMALL) -I$(SRC)/cjson)

define compile_third
$(SAY) CC $(1)
@mkdir -p $(@D)
$(Q)t=$@.$$$$; trap 'rm -f $$t' EXIT; \
$(COMPILER) $(HERE) $(THIRD_CFLAGS) $(2) -c -o $$t $(1) && mv $$t $@
endef

$(B)/libg2s.a: $(CORE_O) $(B)/members
	$(call link,rm -f $$t && $(AR) rcsD $$t $(CORE_O))

$(B)/libapplets.a: $(APPLET_LIB_O) $(B)/members
	$(call link,rm -f $$t && $(AR) rcsD $$t $(APPLET_LIB_O))

# The objects themselves and not the archive: ar need not know about objects for -flto.
$(DIST)/g2s: $(APPLET_O) $(CORE_O) $(B)/members
	$(call link,$(COMPILER) $(LINK_FLAGS) -o $$t $(LINK_START) $(APPLET_O) $(CORE_O) $(LINK_END))

# For the tests of the sandbox: g2s with a bug, which does as the test says once it is locked.
$(B)/bug/lock.o: applets/lock.c $(B)/flags
	$(call compile,$(G2S_CFLAGS) $(SMALL) -Iinclude -DG2S_TEST_BUG)
$(B)/bug/bug.o: tests/cli/bug.c $(B)/flags
	$(call compile,$(G2S_CFLAGS))
$(B)/bug/g2s-scan: $(B)/bug/lock.o $(B)/bug/bug.o $(filter-out $(B)/applets/lock.o,$(APPLET_O)) $(CORE_O)
	$(call link,$(COMPILER) $(LINK_FLAGS) -o $$t $(LINK_START) $(filter %.o,$^) $(LINK_END))

$(LINKS:%=$(DIST)/%): | $(DIST)/g2s
	@ln -sfn g2s $@

# $(call completions,SHELL [PROGRAM]): made from what --help says, at every new executable.
define completions
$(SAY) GEN $@
@mkdir -p $(@D)
@scripts/completions $(firstword $(1)) $(DIST)/g2s $(wordlist 2,2,$(1)) >$@.$$$$ && mv $@.$$$$ $@ || { rm -f $@.$$$$; exit 1; }
endef

$(COMPLETIONS): scripts/completions $(DIST)/g2s
$(B)/completions/g2s.bash:
	$(call completions,bash)
$(B)/completions/_g2s:
	$(call completions,zsh)
$(filter %.fish,$(COMPLETIONS)): $(B)/completions/%.fish:
	$(call completions,fish $*)

# Tests look at headers of all rooms, but not at those of the libraries.
TEST_FLAGS := -Iinclude -Icore -Iapplets -Itests/unit

$(B)/tests/%.o: tests/%.c $(B)/flags
	$(call compile,$(G2S_CFLAGS) $(TEST_FLAGS))

$(UNIT_PROGRAMS): $(B)/tests/unit/%: $(B)/tests/unit/%.o $(UNIT_SHARED:%.c=$(B)/%.o) \
		$(B)/libapplets.a $(B)/libg2s.a
	$(call link,$(COMPILER) $(LINK_FLAGS) -o $$t $^ -lcmocka)

$(E2E_PROGRAMS): $(B)/tests/e2e/%: $(B)/tests/e2e/%.o $(B)/libg2s.a
	$(call link,$(COMPILER) $(LINK_FLAGS) -o $$t $^)

# libFuzzer brings its own main.
$(FUZZ_PROGRAMS): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/fuzz.o \
		$(if $(FUZZ_LINK),,$(B)/tests/fuzz/main.o) $(B)/libapplets.a $(B)/libg2s.a
	$(call link,$(COMPILER) $(LINK_FLAGS) $(FUZZ_LINK) -o $$t $^)

RECORDED := g2s_elf_open g2s_oci_json_read unit_open
$(FUZZ_RECORDERS): $(B)/tests/fuzz/record_%: $(B)/tests/unit/%.o $(UNIT_SHARED:%.c=$(B)/%.o) \
		$(B)/tests/fuzz/record.o $(B)/libapplets.a $(B)/libg2s.a
	$(call link,$(COMPILER) $(LINK_FLAGS) $(RECORDED:%=-Wl$(comma)--wrap=%) -o $$t $^ -lcmocka)

$(FUZZ_SEEDS)/stamp: tests/fuzz/make-seeds $(FUZZ_RECORDERS) $(DIST)/g2s $(LINKS:%=$(DIST)/%)
	$(SAY) GEN $(@D)
	@rm -rf $(@D) $(@D).$$$$; tests/fuzz/make-seeds $(B) $(DIST) $(@D).$$$$ && \
		touch $(@D).$$$$/stamp && mv -T $(@D).$$$$ $(@D) || { rm -rf $(@D).$$$$; exit 1; }

.SECONDARY:
-include $(shell find $(B) -type f -name '*.d' 2>/dev/null)
