# latchkey: build, test, install.  `make help` lists the targets.
#
# Everything is built below $(B).  SAN=1 builds with AddressSanitizer and
# UndefinedBehaviorSanitizer, by default below build/san; WERROR=1 turns
# warnings into errors (so does CI=true).

VERSION := 0.1.0
SONAME  := liblatchkey.so.0

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
SBINDIR    ?= $(PREFIX)/sbin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DOCDIR     ?= $(PREFIX)/share/doc/latchkey
SYSCONFDIR ?= /etc

CC         ?= cc
PKG_CONFIG ?= pkg-config
PYTHON     ?= /usr/bin/python3
B          ?= $(if $(SAN),build/san,build)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# ---- Flags ---------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow \
	-Wstrict-prototypes -Wmissing-prototypes -Wundef -Wcast-qual -Wvla \
	-Wformat=2 -Wwrite-strings -Wpointer-arith -Wnull-dereference \
	-Wimplicit-fallthrough
ifneq (,$(findstring gcc,$(shell $(CC) --version 2>/dev/null | \
	grep -qi 'free software' && echo gcc)))
WARNINGS += -Wlogical-op -Wduplicated-cond
endif
ifneq (,$(filter-out 0 false,$(WERROR) $(CI)))
WARNINGS += -Werror
endif

ifdef SAN
CFLAGS   ?= -O1 -g -fno-omit-frame-pointer
HARDEN   := -fsanitize=address,undefined -fno-sanitize-recover=all
LDHARDEN := -fsanitize=address,undefined
else
CFLAGS   ?= -O2 -g
HARDEN   := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
	-fstack-clash-protection
LDHARDEN := -Wl,-z,relro,-z,now,-z,noexecstack
endif

LIB_PKGS  := hiredis libconfig libcjson libsodium
GATE_PKGS := fcgi
PKGS      := $(LIB_PKGS) $(GATE_PKGS)
DEP_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null | \
	sed 's/-I/-isystem /g')
LIB_LIBS  = $(shell $(PKG_CONFIG) --libs $(LIB_PKGS) 2>/dev/null)
GATE_LIBS = $(shell $(PKG_CONFIG) --libs $(GATE_PKGS) 2>/dev/null)

BASE_CFLAGS = -std=c11 -D_GNU_SOURCE -DLK_VERSION='"$(VERSION)"' -Ilib \
	-I$(B)/gen -fPIC -fvisibility=hidden -pthread -MMD -MP \
	$(WARNINGS) $(HARDEN) $(DEP_CFLAGS)
BASE_LDFLAGS = -pthread -pie $(LDHARDEN) -Wl,--as-needed

# ---- What is built of what -----------------------------------------------

LIB_SRC  := $(sort $(wildcard lib/*.c lib/store/*.c lib/user/*.c))
GATE_SRC := $(sort $(wildcard fcgi-auth/*.c))
CTL_SRC  := $(sort $(wildcard ctl/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
CONTRACT_SRC := $(sort $(wildcard tests/contract/test_*.c))
LUA_SRC  := $(sort $(wildcard lib/store/lua/*.lua))

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
LIB_OBJ  := $(call obj,$(LIB_SRC))
GATE_OBJ := $(call obj,$(GATE_SRC))
CTL_OBJ  := $(call obj,$(CTL_SRC))
# What a test links of the gate: everything but its main().
GATE_PARTS := $(filter-out %/main.o,$(GATE_OBJ))
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(UNIT_SRC))
CONTRACT_BIN := $(patsubst tests/contract/%.c,$(B)/tests/contract/%,\
	$(CONTRACT_SRC))

.PHONY: all help
all: $(B)/latchkey $(B)/latchkey-fcgi $(B)/$(SONAME) $(B)/liblatchkey.a \
	$(B)/latchkey.pc

help:
	@sed -n 's/^## //p' Makefile

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<

$(B)/liblatchkey.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/$(SONAME): $(LIB_OBJ) lib/latchkey.map
	$(CC) -shared -pthread $(LDHARDEN) -Wl,-soname,$(SONAME) \
		-Wl,--version-script,lib/latchkey.map -Wl,--as-needed \
		$(LDFLAGS) -o $@ $(LIB_OBJ) $(LIB_LIBS)
	@ln -sf $(SONAME) $(B)/liblatchkey.so

$(B)/latchkey: $(CTL_OBJ) $(B)/liblatchkey.a
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS)

$(B)/latchkey-fcgi: $(GATE_OBJ) $(B)/liblatchkey.a
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(GATE_LIBS) $(LIB_LIBS)

$(B)/latchkey.pc: lib/latchkey.pc.in Makefile
	@mkdir -p $(@D)
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' $< > $@

# Scripts that run inside Redis: each as text and as the SHA-1 that EVALSHA
# names it by.
$(B)/gen/redis_%_scripts.h: lib/store/lua/embed.sh $(LUA_SRC)
	@mkdir -p $(@D)
	sh lib/store/lua/embed.sh $(filter lib/store/lua/$*_%,$(LUA_SRC)) > $@

$(B)/obj/lib/store/redis_latchkey.o: $(B)/gen/redis_latchkey_scripts.h
$(B)/obj/lib/store/redis_gosession.o: $(B)/gen/redis_gosession_scripts.h

$(B)/tests/unit/%: $(B)/obj/tests/unit/%.o $(GATE_PARTS) $(B)/liblatchkey.a
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(GATE_LIBS) $(LIB_LIBS) \
		-lcmocka

$(B)/tests/contract/%: $(B)/obj/tests/contract/%.o \
		$(B)/obj/tests/contract/world.o $(B)/liblatchkey.a
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS) -lcmocka

$(call obj,$(UNIT_SRC)): BASE_CFLAGS += -Ifcgi-auth
.SECONDARY:

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
