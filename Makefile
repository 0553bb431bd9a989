# SPDX-License-Identifier: MIT
# make            build/machc, build/machrt, build/libmachrt.a and .so
# make test       all suites of tests/run.py, the runtime, and old fuzz findings: minutes at most. SUITE="errors cli" runs some
# make docs       docs/messages.md, the grammar in docs/language.md, completions, editors' keywords, parts of man pages, anew
# make check-abi  libmachrt's ABI against the last release's (Debian's abigail-tools); `make update-abi` is part of a release
# make update-layout   what is generated from runtime/layout/machcfg_layout.h: machcfg.h, tables of docs/guest-cfg.md
# make bench      the tables of docs/bench.md
# make check-properties   random machines on random boards; CASES=5000 SEED=monday
# make check-corpus   every device of every board that Debian has a kernel for; CORPUS="--every 10 -k rk3399" for some
# make update-linux   schemas/linux.json anew, from Linux's sources (Debian's linux-source packages)
# make check-schema   guest trees under dt-validate with Linux's bindings (Debian's dt-schema, linux-source)
# make fuzz       libFuzzer on everything that reads a file, and a million mutated configs: docs/fuzzing.md
# make check-system   the runtime on real kernels, on boards that QEMU emulates; SYSTEM="-v edu" for one of them
# make coverage   lines of runtime/ that its tests run (Debian's gcovr); fails below 90 %
# make install    machc, machrt, libmachrt and what goes with them; DESTDIR, PREFIX, LIBDIR and so on as usual
# make format     clang-format; `make format-check` only looks
# SAN=1 builds with ASan and UBSan into build/san instead.

CC      ?= gcc
OPT     ?= -O2 -g
WARN     = -Wall -Wextra -Wshadow -Wconversion -Werror
B        = build
ifdef SAN
B        = build/san
OPT      = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# What UBSan puts in hides from gcc that (uint8_t)(x >> 24) fits: conversions are judged in the other build.
WARN     = -Wall -Wextra -Wshadow -Werror
endif
CPPFLAGS = -D_GNU_SOURCE -Icompiler -I$(B)/gen -Iruntime/layout -Iruntime/include
CFLAGS   = -std=c11 $(OPT) $(WARN) -fPIC -pthread
LDLIBS   = -lfdt -lmd
# machc needs no other file to run, and starts faster for it. `make STATIC=` takes the system's shared libraries.
STATIC   = -static-pie
ifdef SAN
STATIC   =
endif

lib_src  = $(filter-out compiler/main.c,$(sort $(wildcard compiler/*.c compiler/*/*.c)))
lib_obj  = $(lib_src:%.c=$(B)/%.o) $(B)/gen/mach.tab.o $(B)/gen/mach.lex.o $(B)/gen/schemas_data.o
# machc has no reader for linux.json yet: it would be E0801, built in or as a --schema-dir.
schemas  = $(filter-out schemas/linux.json,$(sort $(wildcard schemas/*.json schemas/*/*.json)))
unit     = $(patsubst tests/unit/%.c,$(B)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
sources  = $(wildcard compiler/*.[ch] compiler/*/*.[ch] compiler/*/*/*.[ch] runtime/*/*.[ch] tests/*/*.[ch] tests/*/*/*.[ch] tests/*/*/*/*.[ch] examples/*/*.[ch])

all: $(B)/machc runtime

$(B)/machc: $(B)/compiler/main.o $(B)/libmachc.a
	$(CC) $(OPT) $(STATIC) -pthread -o $@ $^ $(LDLIBS)

$(B)/libmachc.a: $(lib_obj)
	@rm -f $@
	ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Generated scanners and parsers are not held to -Wconversion: their code is flex's and bison's.
$(B)/gen/%.o: $(B)/gen/%.c
	$(CC) $(CPPFLAGS) -std=c11 $(OPT) -Wall -Wextra -fPIC -MMD -MP -c -o $@ $<

$(B)/gen/mach.tab.c $(B)/gen/mach.tab.h &: grammar/mach.y
	@mkdir -p $(@D)
	bison -Werror -o $(B)/gen/mach.tab.c --header=$(B)/gen/mach.tab.h $<

$(B)/gen/mach.lex.c: grammar/mach.l $(B)/gen/mach.tab.h
	flex -o $@ --header-file=$(B)/gen/mach.lex.h $<
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
	sh compiler/schema/embed.sh $(schemas) > $@.tmp && mv $@.tmp $@

# The runtime reads in tests what the compiler wrote; else the two meet in guest.cfg only.
$(B)/unit/%: tests/unit/%.c $(B)/libmachc.a $(B)/libmachrt.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -o $@ $< $(B)/libmachc.a $(B)/libmachrt.a $(LDLIBS) -pthread -lcmocka

test: $(B)/machc $(unit) test-runtime test-fuzz
	python3 tests/run.py --build $(B) $(SUITE)

docs: $(B)/machc $(B)/machrt
	python3 tests/run.py --build $(B) --update generated docs

$(B)/corpus: $(patsubst %.c,$(B)/%.o,$(wildcard tests/corpus/*.c)) $(B)/libmachc.a $(B)/libmachrt.a
	$(CC) $(OPT) -o $@ $^ $(LDLIBS) -pthread

check-corpus: $(B)/corpus
	python3 tests/corpus/run.py --driver $(B)/corpus $(CORPUS)

CASES   ?= 2000
check-properties: $(B)/machc
	MACHC_CASES=$(CASES) MACHC_SEED="$${SEED:-$$(date +%s)}" python3 tests/run.py --build $(B) properties

# For people, about once a year; tests look at the file that is committed.
update-linux:
	python3 schemas/update/linux.py

check-schema: $(B)/machc
	python3 tests/corpus/schema.py --machc $(B)/machc

# With everything compiled anew, into build/coverage.
coverage:
	$(MAKE) B=build/coverage OPT="-O0 -g --coverage" build/coverage/unit/test_config test-runtime
	build/coverage/unit/test_config
	gcovr --root . --filter runtime/ --fail-under-line 90 build/coverage

format:
	@clang-format -i $(sources)

format-check:
	@clang-format --dry-run -Werror $(sources)

clean:
	rm -rf build

# What a user and a VMM need; DESTDIR is put in front of all of it, and is no part of what is in the files.
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
INSTALL    ?= install
put         = $(INSTALL) -D -m 644 $(1) '$(DESTDIR)$(2)'

install: all
	$(INSTALL) -D -m 755 $(B)/machc '$(DESTDIR)$(BINDIR)/machc'
	$(INSTALL) -D -m 755 $(B)/machrt '$(DESTDIR)$(BINDIR)/machrt'
	$(call put,$(B)/libmachrt.a,$(LIBDIR)/libmachrt.a)
	$(INSTALL) -D -m 755 $(B)/libmachrt.so '$(DESTDIR)$(LIBDIR)/libmachrt.so.$(rt_version)'
	ln -sf libmachrt.so.$(rt_version) '$(DESTDIR)$(LIBDIR)/$(rt_soname)'
	ln -sf $(rt_soname) '$(DESTDIR)$(LIBDIR)/libmachrt.so'
	for h in runtime/include/*.h; do $(call put,$$h,$(INCLUDEDIR)/machrt)/$${h##*/} || exit 1; done
	@mkdir -p '$(DESTDIR)$(LIBDIR)/pkgconfig'
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(rt_version)|' runtime/machrt.pc.in > '$(DESTDIR)$(LIBDIR)/pkgconfig/machrt.pc'
	for m in docs/*.[15]; do $(call put,$$m,$(MANDIR)/man)$${m##*.}/$${m##*/} || exit 1; done
	$(call put,compiler/cli/completion/machc.bash,$(DATADIR)/bash-completion/completions/machc)
	$(call put,runtime/machrt/completion/machrt.bash,$(DATADIR)/bash-completion/completions/machrt)
	$(call put,compiler/cli/completion/_machc,$(DATADIR)/zsh/site-functions/_machc)
	$(call put,runtime/machrt/completion/_machrt,$(DATADIR)/zsh/site-functions/_machrt)
	$(call put,grammar/vim/syntax/mach.vim,$(DATADIR)/vim/vimfiles/syntax/mach.vim)
	$(call put,grammar/vim/ftdetect/mach.vim,$(DATADIR)/vim/vimfiles/ftdetect/mach.vim)
	for s in $(schemas); do $(call put,$$s,$(DATADIR)/machc)/$$s || exit 1; done
	for d in README.md LICENSE docs/*.md; do $(call put,$$d,$(DATADIR)/doc/machc)/$${d##*/} || exit 1; done

include runtime/Makefile.inc
include tests/system/Makefile.inc
include tests/fuzz/Makefile.inc
include tests/bench/Makefile.inc

.PHONY: FORCE all test check-properties check-corpus check-schema update-linux docs coverage format format-check clean install
-include $(shell find $(B) -name '*.d' 2>/dev/null)
