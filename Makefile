# SPDX-License-Identifier: MIT
# make            build/machc, build/machrt, build/libmachrt.a and .so
# make test       all suites of tests/run.py, in minutes; SUITE="errors cli" runs some of them
# make docs       writes the generated docs: docs/messages.md, the grammar in docs/language.md, completions, editors' keywords
# make check-abi  libmachrt's ABI against the last release's (Debian's abigail-tools); `make update-abi` is part of a release
# make update-layout   what is generated from runtime/layout/machcfg_layout.h: machcfg.h, tables of docs/guest-cfg.md
# make bench      the tables of docs/bench.md
# make check-properties   random machines on random boards, and who owns what in them; CASES=5000 OWNERS=100000 SEED=monday
# make check-mutants  small changes to the sources, one at a time: at least 95 % must be noticed; MUTANTS="--count 40 --seed monday"
# make check-corpus   every device of every board that Debian has a kernel for, and what Linux makes of every node; CORPUS="--every 10 -k rk3399" for some
# make update-linux   schemas/linux/nodes.json anew, from Linux's sources (Debian's linux-source packages)
# make update-needs   schemas/needs/drivers.json anew, from the same and Debian's boards
# make update-lines   schemas/lines/resets.json anew, from the newest of the same
# make check-prepare  for every board of Debian's arm64 kernel: the overlay that keeps what guests rely on; PREPARE="--sample 20 --schema 5" for some, with dt-validate
# make check-needs    whether it is what the sources give, against every board, and against a sample that was judged by hand
# make check-references  which phandles machc sees in every board of Linux's sources; REFERENCES="--sample 100" for some
# make check-growth   that machc and machrt take n log n steps in every dimension, by counting instructions (Debian's valgrind); GROWTH="memories" for some
# make check-schema   guest trees under dt-validate with Linux's bindings (Debian's dt-schema, linux-source)
# make fuzz       libFuzzer on everything that reads a file, and a million mutated configs: docs/fuzzing.md
# make check-system   the runtime on real kernels, on boards that QEMU emulates; SYSTEM="-v edu" for one of them
# make check-probe    which properties Linux's drivers do not start without, asked of Debian's kernel; PROBE="--count 60 --seed 1" for some
# make check-cross    the runtime built for other machines and for musl, its tests under qemu-user; ARCH=powerpc for one
# make check-roots    README's commands on bare Debian 12 and 13, and the packages; as root. ROOTS=deb for one
# make check-all      all of these and more, whole: tests/steps.sh. Takes hours
# make coverage   lines of runtime/ that its tests run (Debian's gcovr); fails below 90 %
# make install    machc, machrt, libmachrt and what goes with them; DESTDIR, PREFIX, LIBDIR and so on as usual
# make uninstall  removes what `make install` installed, given the same variables
# make deb        Debian packages in build/deb: machc, libmachrt1, libmachrt-dev (Debian: dpkg-dev, debhelper)
# make format     clang-format; `make format-check` only looks
#
# CC, AR, CFLAGS, CPPFLAGS, LDFLAGS and LDLIBS are the caller's; CROSS_COMPILE=powerpc-linux-gnu- names the tools of a target.
# V=1 shows the commands. WERROR=1 makes warnings errors. SAN=1 builds with ASan and UBSan into build/san instead.

ifeq ($(origin CC),default)
CC       = $(CROSS_COMPILE)gcc
endif
ifeq ($(origin CXX),default)
CXX      = $(CROSS_COMPILE)g++
endif
ifeq ($(origin AR),default)
AR       = $(CROSS_COMPILE)ar
endif
CFLAGS  ?= $(if $(SAN),-O1,-O2) -g
CXXFLAGS ?= $(CFLAGS)
B        = build
WARN     = -Wall -Wextra -Wshadow -Wconversion $(if $(WERROR),-Werror)
# machc needs no other file to run, and starts faster for it. `make STATIC=` takes the system's shared libraries.
STATIC   = -static-pie
ifdef SAN
B        = build/san
san      = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# What UBSan puts in hides from gcc that (uint8_t)(x >> 24) fits: conversions are judged in the other build.
WARN     = -Wall -Wextra -Wshadow $(if $(WERROR),-Werror)
STATIC   =
endif

# The caller's flags come last, so that they win.
std      = -std=c11 -fPIC -pthread $(san)
cpp      = -D_GNU_SOURCE -Icompiler -I$(B)/gen -Iruntime/layout -Iruntime/include $(CPPFLAGS)
cflags   = $(std) $(WARN) $(CFLAGS)
link     = $(CC) -pthread $(san) $(CFLAGS) $(LDFLAGS)
libs     = -lfdt -ljson-c -lmd $(LDLIBS)
# $(call say,CC,file) is written in front of a command: one short line in its place, unless V=1.
ifneq ($(V),1)
say      = @printf '  %-7s %s\n' $(1) '$(or $(2),$@)' &&
endif

lib_src  = $(filter-out compiler/main.c,$(sort $(wildcard compiler/*.c compiler/*/*.c)))
lib_obj  = $(lib_src:%.c=$(B)/%.o) $(B)/gen/mach.tab.o $(B)/gen/mach.lex.o $(B)/gen/schemas_data.o
schemas  = $(sort $(wildcard schemas/*.json schemas/*/*.json))
unit     = $(patsubst tests/unit/%.c,$(B)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
sources  = $(wildcard compiler/*.[ch] compiler/*/*.[ch] compiler/*/*/*.[ch] runtime/*/*.[ch] tests/*/*.[ch] tests/*/*/*.[ch] tests/*/*/*/*.[ch] examples/*/*.[ch])

all: $(B)/machc runtime

$(B)/machc: $(B)/compiler/main.o $(B)/libmachc.a
	$(call say,LD)$(link) $(STATIC) -o $@ $^ $(libs)

$(B)/libmachc.a: $(lib_obj)
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(cpp) $(cflags) -MMD -MP -c -o $@ $<

# Generated scanners and parsers are not held to -Wconversion: their code is flex's and bison's.
$(B)/gen/%.o: $(B)/gen/%.c
	$(call say,CC,$<)$(CC) $(cpp) $(std) -Wall -Wextra $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/gen/mach.tab.c $(B)/gen/mach.tab.h &: grammar/mach.y
	@mkdir -p $(@D)
	$(call say,GEN)bison $(if $(WERROR),-Werror) -o $(B)/gen/mach.tab.c --header=$(B)/gen/mach.tab.h $<

$(B)/gen/mach.lex.c: grammar/mach.l $(B)/gen/mach.tab.h
	$(call say,GEN)flex -o $@ --header-file=$(B)/gen/mach.lex.h $<
$(B)/gen/mach.lex.h: $(B)/gen/mach.lex.c
$(lib_obj): | $(B)/gen/mach.tab.h $(B)/gen/mach.lex.h

# Looked at every time, replaced only when it is another one.
$(B)/gen/version.h: FORCE
	@mkdir -p $(@D)
	@echo "#define MACHC_VERSION \"$$(sh compiler/version.sh .)\"" > $@.tmp
	@if cmp -s $@.tmp $@; then rm $@.tmp; else mv $@.tmp $@; fi
$(B)/compiler/version.o: $(B)/gen/version.h

# The schemas, as they are, in one C array each, and the names in them.
$(B)/gen/schemas_data.c: compiler/schema/embed.sh $(schemas)
	@mkdir -p $(@D)
	$(call say,GEN)sh compiler/schema/embed.sh $(schemas) > $@.tmp && mv $@.tmp $@

# The runtime reads in tests what the compiler wrote; else the two meet in guest.cfg only.
$(B)/unit/%: tests/unit/%.c $(B)/libmachc.a $(B)/libmachrt.a
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(cpp) $(cflags) -MMD -MP $(LDFLAGS) -o $@ $< $(B)/libmachc.a $(B)/libmachrt.a -lcmocka $(libs)

docs: $(B)/machc $(B)/machrt
	python3 tests/run.py --build $(B) --update generated docs

$(B)/corpus: $(patsubst %.c,$(B)/%.o,$(wildcard tests/corpus/*.c)) $(B)/libmachc.a $(B)/libmachrt.a
	$(call say,LD)$(link) -o $@ $^ $(libs)

$(B)/nodes: $(B)/tests/corpus/nodes/nodes.o $(B)/libmachc.a
	$(call say,LD)$(link) -o $@ $^ $(libs)
# Against dtc's own list of the references, of every source in Debian's linux-source.
check-references: $(B)/references $(B)/overlay $(B)/guests
	python3 tests/references/run.py --driver $(B)/references --reader $(B)/overlay $(REFERENCES)
	python3 tests/references/guests.py --driver $(B)/guests $(REFERENCES)
	python3 tests/references/overlays.py --driver $(B)/overlay
	python3 tests/references/dtc_tests.py --reader $(B)/overlay

$(B)/references $(B)/overlay $(B)/guests: $(B)/%: $(B)/tests/references/%.o $(B)/libmachc.a
	$(call say,LD)$(link) -o $@ $^ $(libs)

check-corpus: $(B)/corpus $(B)/nodes
	python3 tests/corpus/run.py --driver $(B)/corpus $(CORPUS)
	python3 tests/corpus/nodes.py --driver $(B)/nodes
	python3 tests/corpus/shadows.py

# Descriptions that are judged as a whole, and descriptions that are accepted and have no second owner.
CASES   ?= 2000
OWNERS  ?= 20000
check-properties: $(B)/machc
	MACHC_CASES=$(CASES) MACHC_SEED="$${SEED:-$$(date +%s)}" python3 tests/run.py --build $(B) properties
	cd tests && python3 -m properties.cases --machc $(abspath $(B))/machc --owners --jobs 2 --accepted $(OWNERS) --seed "$${SEED:-$$(date +%s)}"

check-mutants:
	python3 tests/mutants/run.py $(MUTANTS)

# For people, about once a year; tests look at the file that is committed.
update-linux:
	python3 schemas/update/linux.py

# For people as well: the diff is to be read.
update-needs:
	python3 schemas/update/needs.py

update-lines:
	python3 schemas/update/lines.py

check-needs:
	python3 schemas/update/lines.py --check
	python3 schemas/update/needs.py --check
	python3 tests/needs/sample.py --seed 20261130 --count 60 --goals
	python3 tests/needs/sample.py --seed 314159 --count 60 --goals

check-growth: $(B)/machc $(B)/machrt
	python3 tests/growth/run.py --build $(B) $(GROWTH)

check-schema: $(B)/machc
	python3 tests/corpus/schema.py --machc $(B)/machc

check-cross:
	@python3 tests/cross/run.py --build $(B) $(ARCH)

check-roots:
	@python3 tests/roots/run.py -v $(ROOTS)

check-all:
	@tests/steps.sh all

# With everything compiled anew, into build/coverage.
coverage:
	$(MAKE) B=build/coverage CFLAGS="-O0 -g --coverage" build/coverage/unit/test_config test-runtime
	build/coverage/unit/test_config
	gcovr --root . --filter runtime/ --fail-under-line 90 build/coverage

format:
	@clang-format -i $(sources)

format-check:
	@clang-format --dry-run -Werror $(sources)

clean:
	rm -rf build

# What a user and a VMM need. DESTDIR goes before every path, and is in no file.
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
DOCDIR     ?= $(DATADIR)/doc/machc
# Debian's zsh leaves site-functions below /usr to the administrator.
ZSHDIR     ?= $(DATADIR)/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
INSTALL    ?= install

# Lists of FILE:WHERE. The documents keep their places relative to each other, so that links between them work.
into        = $(foreach f,$(2),$(f):$(1)/$(notdir $(f)))
below       = $(foreach f,$(2),$(f):$(1)/$(f:$(B)/installed/%=%))
doc_md      = README.md CONTRIBUTING.md SECURITY.md $(wildcard docs/*.md) examples/README.md $(wildcard examples/*/*.md)
doc_files   = LICENSE NEWS $(wildcard docs/ci/* docs/images/* examples/*.mach) \
              $(wildcard $(patsubst %,examples/*/*.%,mach dtso dts c h rs)) $(filter-out %.md,$(wildcard examples/signed/*)) \
              grammar/mach.ebnf $(wildcard schemas/json/*)
installed_x = $(call into,$(BINDIR),$(B)/machc $(B)/machrt) $(B)/libmachrt.so:$(LIBDIR)/libmachrt.so.$(rt_version)
installed   = $(call into,$(LIBDIR),$(B)/libmachrt.a) \
              $(call into,$(LIBDIR)/pkgconfig,$(B)/installed/machrt.pc) \
              $(call into,$(INCLUDEDIR)/machrt,$(rt_headers)) \
              $(call into,$(MANDIR)/man1,$(wildcard docs/*.1)) \
              $(call into,$(MANDIR)/man5,$(wildcard docs/*.5)) \
              compiler/cli/completion/machc.bash:$(DATADIR)/bash-completion/completions/machc \
              runtime/machrt/completion/machrt.bash:$(DATADIR)/bash-completion/completions/machrt \
              $(call into,$(ZSHDIR),compiler/cli/completion/_machc runtime/machrt/completion/_machrt) \
              $(foreach f,syntax/mach.vim ftdetect/mach.vim,grammar/vim/$(f):$(DATADIR)/vim/vimfiles/$(f)) \
              $(foreach f,$(wildcard grammar/vscode/*.json grammar/vscode/*/*.json),$(f):$(DATADIR)/machc/$(f:grammar/%=%)) \
              $(call below,$(DATADIR)/machc,$(schemas)) \
              $(call below,$(DOCDIR),$(doc_md:%=$(B)/installed/%) $(doc_files))
links       = $(LIBDIR)/$(rt_soname) $(LIBDIR)/libmachrt.so

# tests/ is not installed: links to it become text.
$(B)/installed/%.md: %.md
	@mkdir -p $(@D)
	$(call say,GEN)sed 's,\[\([^]]*\)\]([^)]*tests/[^)]*),\1,g' $< > $@

$(B)/installed/machrt.pc: runtime/machrt.pc.in FORCE
	@mkdir -p $(@D)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(rt_version)|' $< > $@

$(B)/installed/man3: runtime/man3.awk $(rt_headers)
	@rm -rf $@ && mkdir -p $@
	$(call say,GEN)awk -f runtime/man3.awk -v out=$@ -v version=$(rt_version) $(rt_headers)

install: all $(B)/installed/man3 $(foreach f,$(installed),$(firstword $(subst :, ,$(f))))
	@set -e; for f in $(installed_x); do $(INSTALL) -D -m 755 "$${f%%:*}" '$(DESTDIR)'"$${f#*:}"; done
	@set -e; for f in $(installed); do $(INSTALL) -D -m 644 "$${f%%:*}" '$(DESTDIR)'"$${f#*:}"; done
	@set -e; for f in $(B)/installed/man3/*; do $(INSTALL) -D -m 644 "$$f" '$(DESTDIR)$(MANDIR)/man3/'"$${f##*/}"; done
	@set -e; for f in $(links); do ln -sf libmachrt.so.$(rt_version) '$(DESTDIR)'"$$f"; done
	@echo "installed below $(DESTDIR)$(PREFIX)"

uninstall: $(B)/installed/man3
	@for f in $(B)/installed/man3/*; do rm -f '$(DESTDIR)$(MANDIR)/man3/'"$${f##*/}"; done
	@for f in $(installed_x) $(installed) $(links); do rm -f '$(DESTDIR)'"$${f#*:}"; done
	@for d in $(INCLUDEDIR)/machrt $(DATADIR)/machc $(DOCDIR); do \
	    if [ -d '$(DESTDIR)'"$$d" ]; then find '$(DESTDIR)'"$$d" -depth -type d -empty -delete; fi; done

# Debian's packages, in build/deb: from a copy of the sources, as dpkg-buildpackage writes beside them.
deb:
	@rm -rf $(B)/deb && mkdir -p $(B)/deb/machc
	@tar -c --exclude=./build --exclude=./.git . | tar -x -C $(B)/deb/machc
	cd $(B)/deb/machc && env -u MAKEFLAGS -u MFLAGS -u WERROR -u CFLAGS -u LDFLAGS dpkg-buildpackage -b -us -uc
	@rm -rf $(B)/deb/machc

include runtime/Makefile.inc
include tests/system/Makefile.inc
include tests/probe/Makefile.inc
include tests/fuzz/Makefile.inc
include tests/bench/Makefile.inc

# What a suite needs besides `all`.
unit_needs = $(unit)
test: all $(foreach suite,$(or $(SUITE),unit runtime fuzz),$($(suite)_needs))
	@python3 tests/run.py --build $(B) $(SUITE)

test-runtime: all $(runtime_needs)
	@python3 tests/run.py --build $(B) runtime

check-prepare: $(B)/machc
	python3 tests/prepare/run.py --machc $< $(PREPARE)

.PHONY: FORCE all test check-growth update-linux update-needs update-lines check-needs check-prepare check-properties check-mutants check-corpus check-references check-schema check-cross check-roots check-all docs coverage format format-check clean install uninstall deb
# Nothing that is made on the way is deleted, nor kept when its command fails.
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B)/compiler $(B)/gen $(B)/unit $(B)/tests -name '*.d' 2>/dev/null)
