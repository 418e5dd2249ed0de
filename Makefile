# latchkey: build, test, install.  `make help` lists the targets.
#
# Everything is built below $(B).  SAN=1 builds with AddressSanitizer and
# UndefinedBehaviorSanitizer, by default below build/san; TSAN=1 with
# ThreadSanitizer, below build/tsan; WERROR=1 turns warnings into errors (so
# does CI=true).

VERSION := 0.2.0
# The number is the ABI's, not the version's: it changes when a program must be
# built anew, as from 0.1.0 (0) on, and Debian's package is called after it.
SONAME  := liblatchkey.so.1

# Where settings are: /etc/latchkey.
SYSCONFDIR ?= /etc

CC         ?= cc
PKG_CONFIG ?= pkg-config
PYTHON     ?= /usr/bin/python3
B          ?= build$(if $(TSAN),/tsan,$(if $(SAN),/san))

, := ,
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
# These say it of a designated initializer that ends with a compound literal.
ifneq (,$(filter 9 10 11,$(shell $(CC) -dumpversion | cut -d. -f1)))
WARNINGS += -Wno-missing-field-initializers
endif
endif
ifneq (,$(filter-out 0 false,$(WERROR) $(CI)))
WARNINGS += -Werror
endif

ifneq (,$(TSAN))
CFLAGS   ?= -O1 -g -fno-omit-frame-pointer
HARDEN   := -U_FORTIFY_SOURCE -fsanitize=thread
LDHARDEN := -fsanitize=thread
# With its calls in between gcc forgets what a status says of a pointer.
WARNINGS += -Wno-null-dereference
else ifdef SAN
CFLAGS   ?= -O1 -g -fno-omit-frame-pointer
HARDEN   := -U_FORTIFY_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=all
LDHARDEN := -fsanitize=address,undefined
else
CFLAGS   ?= -O2 -g
HARDEN   := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
	-fstack-clash-protection
LDHARDEN := -Wl,-z,relro,-z,now,-z,noexecstack
endif

LIB_PKGS  := hiredis libconfig libcjson libsodium
GATE_PKGS := fcgi
# A store that is a module is built where its library is installed.
MODULE_PKGS := $(shell $(PKG_CONFIG) --exists libmariadb 2>/dev/null && \
	echo libmariadb)
MODULES := $(if $(MODULE_PKGS),$(B)/modules/store_mariadb.so)
HTTP_PKGS := libmicrohttpd
# Of those that are loaded when they are wanted, the headers.
LOADED    := libcurl openssl sqlite3
PKGS      := $(LIB_PKGS) $(GATE_PKGS) $(HTTP_PKGS) $(LOADED)
DEP_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null | \
	sed 's/-I/-isystem /g')
LIB_LIBS  = $(shell $(PKG_CONFIG) --libs $(LIB_PKGS) 2>/dev/null)
GATE_LIBS = $(shell $(PKG_CONFIG) --libs $(GATE_PKGS) $(HTTP_PKGS) 2>/dev/null)
HTTP_LIBS = $(shell $(PKG_CONFIG) --libs $(HTTP_PKGS) 2>/dev/null)
# Of programs that look into a store's file themselves: tests and benchmarks.
FILE_LIBS = $(shell $(PKG_CONFIG) --libs sqlite3 2>/dev/null)

TOLD        = -DLK_VERSION="$(VERSION)" -DLK_SYSCONFDIR="$(SYSCONFDIR)"
BASE_CFLAGS = -std=c11 -D_GNU_SOURCE $(patsubst %,'%',$(TOLD)) -Ilib \
	-Ifcgi-auth -Iagent -I$(B)/gen -fPIC -fvisibility=hidden -pthread \
	-MMD -MP $(WARNINGS) $(HARDEN) $(DEP_CFLAGS)
BASE_LDFLAGS = -pthread -pie $(LDHARDEN) -Wl,--as-needed

# ---- What is built of what -----------------------------------------------

MODULE_SRC := $(sort $(wildcard lib/store/mariadb/module/*.c))
LIB_SRC  := $(filter-out $(MODULE_SRC),$(sort $(shell find lib -name '*.c')))
GATE_SRC := $(sort $(shell find fcgi-auth -name '*.c'))
AGENT_SRC := $(sort $(shell find agent -name '*.c'))
CTL_SRC  := $(sort $(wildcard ctl/*.c))
PAM_SRC  := $(sort $(wildcard pam/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
CONTRACT_SRC := $(sort $(wildcard tests/contract/test_*.c))
LUA_SRC  := $(sort $(wildcard lib/store/redis/layout/lua/*.lua))

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
LIB_OBJ  := $(call obj,$(LIB_SRC))
GATE_OBJ := $(call obj,$(GATE_SRC))
AGENT_OBJ := $(call obj,$(AGENT_SRC))
CTL_OBJ  := $(call obj,$(CTL_SRC))
PAM_OBJ  := $(call obj,$(PAM_SRC))
# The gate's verdict, pure: a library of its own for `latchkey explain` and
# the tests.
VERDICT_OBJ := $(call obj,$(filter fcgi-auth/verdict/%,$(GATE_SRC)))
# A daemon's process, whichever: of the gate and of the agent.
PROCESS_OBJ := $(call obj,$(filter fcgi-auth/process/%,$(GATE_SRC)))
# What a test links of the gate and of the agent: everything but main().
GATE_PARTS := $(filter-out %/main.o,$(GATE_OBJ))
AGENT_PARTS := $(filter-out %/main.o,$(AGENT_OBJ))
# Of the PAM module: what a test calls without a host.
PAM_PARTS := $(call obj,$(patsubst %,pam/%.c,decide name options))
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(UNIT_SRC))
CONTRACT_BIN := $(patsubst tests/contract/%.c,$(B)/tests/contract/%,\
	$(CONTRACT_SRC))

.PHONY: all help
all: $(B)/latchkey $(B)/latchkey-fcgi $(B)/latchkeyd $(B)/pam_latchkey.so \
	$(B)/$(SONAME) $(B)/liblatchkey.a $(B)/latchkey.pc $(B)/completion/bash \
	$(B)/completion/zsh $(B)/man3/made $(MODULES)
	$(if $(MODULES),,@echo 'left out: the store in MariaDB, for want of' \
		libmariadb-dev)

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

# Before anything is compiled: is there all that it takes?
PAM_LIBS := hiredis sodium sqlite3 config
$(B)/complete: Makefile
	@mkdir -p $(@D)
	@missing=$$(command -v $(PKG_CONFIG) > /dev/null || \
		echo $(PKG_CONFIG); \
	for package in $(PKGS); do \
		$(PKG_CONFIG) --exists $$package 2> /dev/null || \
			echo "$$package"; \
	done; for lib in $(PAM_LIBS); do \
		[ -f "$$($(CC) -print-file-name=lib$$lib.a)" ] || \
			echo "lib$$lib.a (the PAM module links archives)"; \
	done; echo '#include <security/pam_modules.h>' | \
		$(CC) $(CPPFLAGS) -E -xc - > /dev/null 2>&1 || \
			echo 'security/pam_modules.h'); \
	[ -z "$$missing" ] || { \
		echo "$$missing" | sed 's/^/missing: /'; \
		echo 'On Debian and Ubuntu, make deps-build installs it.'; \
		exit 1; } >&2
	@touch $@

# Objects have these inside.
.PHONY: always
$(B)/told: always
	@mkdir -p $(@D)
	@echo '$(TOLD)' | cmp -s - $@ || echo '$(TOLD)' > $@

$(B)/obj/%.o: %.c Makefile $(B)/told | $(B)/complete
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<

$(B)/liblatchkey.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) qcs $@ $^

$(B)/$(SONAME): $(LIB_OBJ) lib/latchkey.map
	$(CC) -shared -pthread $(LDHARDEN) -Wl,-soname,$(SONAME) \
		-Wl,--version-script,lib/latchkey.map -Wl,--as-needed \
		$(LDFLAGS) -o $@ $(LIB_OBJ) $(LIB_LIBS)
	@ln -sf $(SONAME) $(B)/liblatchkey.so

# A module and what loads it share structs: these headers must be the same.
SHARED_H := $(sort $(wildcard lib/*.h lib/base/*.h lib/session/*.h \
	lib/settings/*.h lib/store/*.h))
$(B)/gen/module_build.h: $(SHARED_H)
	@mkdir -p $(@D)
	@echo "#define LK_MODULE_BUILD \"$(VERSION) $$(cat $^ | sha256sum | \
		cut -c1-16)\"" > $@

MODULE_LIBS := $(shell $(PKG_CONFIG) --libs $(MODULE_PKGS) 2>/dev/null)
MODULE_OBJ := $(call obj,$(MODULE_SRC))
$(B)/obj/lib/store/module.o $(MODULE_OBJ): $(B)/gen/module_build.h
$(B)/obj/lib/store/module_dir.o: $(B)/module_dir
$(B)/obj/lib/store/module_dir.o: BASE_CFLAGS += \
	-DLK_MODULE_DIR='"$(MODULEDIR)"'
$(B)/module_dir: always
	@echo '$(MODULEDIR)' | cmp -s - $@ || echo '$(MODULEDIR)' > $@
$(B)/obj/tests/contract/maria.o: BASE_CFLAGS += \
	$(if $(MODULE_PKGS),-DLK_WITH_MARIADB)
$(MODULE_OBJ) $(B)/obj/tests/contract/maria.o \
$(B)/obj/tests/bench/bench_mariadb.o: BASE_CFLAGS += \
	$(shell $(PKG_CONFIG) --cflags $(MODULE_PKGS) 2>/dev/null | \
		sed 's/-I/-isystem /g')
# Where its ways to log in are, in Debian if it does not say so.
MARIADB_PLUGINS ?= $(or $(shell mariadb_config --plugindir 2>/dev/null),\
	$(shell $(PKG_CONFIG) --variable=libdir libmariadb)/libmariadb3/plugin)
$(MODULE_OBJ): BASE_CFLAGS += -DLK_MARIADB_PLUGINS='"$(MARIADB_PLUGINS)"'

# It brings what it needs of the library, and shows nothing of that.
$(B)/modules/store_mariadb.so: $(MODULE_OBJ) $(B)/liblatchkey.a \
		lib/store/module.map
	@mkdir -p $(@D)
	$(CC) -shared -pthread $(LDHARDEN) -Wl,-Bsymbolic \
		-Wl,--exclude-libs,ALL -Wl,--gc-sections \
		-Wl,--version-script,lib/store/module.map -Wl,--as-needed \
		$(LDFLAGS) -o $@ $(MODULE_OBJ) $(B)/liblatchkey.a \
		$(MODULE_LIBS) $(shell $(PKG_CONFIG) --libs libsodium)

$(B)/latchkey: $(CTL_OBJ) $(B)/libverdict.a $(B)/liblatchkey.a
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS)

$(B)/libverdict.a: $(VERDICT_OBJ)
	@rm -f $@
	$(AR) qcs $@ $^

$(B)/latchkey-fcgi: $(filter-out $(VERDICT_OBJ),$(GATE_OBJ)) \
		$(B)/libverdict.a $(B)/liblatchkey.a
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(GATE_LIBS) $(LIB_LIBS)

$(B)/latchkeyd: $(AGENT_OBJ) $(PROCESS_OBJ) $(B)/liblatchkey.a
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(HTTP_LIBS) $(LIB_LIBS)

# The PAM module runs inside other programs, whose functions must never be
# called in place of its libraries': those are linked in, hidden and bound,
# and what they may not do in a guest's place is in pam/guest.c.  libconfig's
# archive is not made for shared objects, but for the names of three streams.
PAM_ARCHIVES := $(foreach lib,hiredis sodium sqlite3,\
	$(shell $(CC) -print-file-name=lib$(lib).a 2>/dev/null))
PAM_GUEST := -Wl,--wrap=getenv -Wl,--wrap=pthread_create

$(B)/obj/pam/libconfig.a:
	@mkdir -p $(@D)
	objcopy $(foreach name,stdin stdout stderr,\
		--redefine-sym $(name)=lk_guest_$(name)) \
		"$$($(CC) -print-file-name=libconfig.a)" $@

$(B)/obj/pam/sqlite.o: lib/store/sqlite/library.c Makefile $(B)/told
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -DLK_SQLITE_LINKED $(CFLAGS) $(CPPFLAGS) -c -o $@ $<

$(B)/pam_latchkey.so: $(PAM_OBJ) $(B)/obj/pam/sqlite.o $(B)/liblatchkey.a \
		$(B)/obj/pam/libconfig.a pam/pam_latchkey.map
	$(CC) -shared -pthread $(LDHARDEN) -Wl,-Bsymbolic \
		-Wl,--exclude-libs,ALL -Wl,--gc-sections $(PAM_GUEST) \
		-Wl,--version-script,pam/pam_latchkey.map -Wl,--as-needed \
		$(LDFLAGS) -o $@ $(PAM_OBJ) $(B)/obj/pam/sqlite.o \
		$(B)/liblatchkey.a $(B)/obj/pam/libconfig.a $(PAM_ARCHIVES) \
		-lpam -lm

# Scripts that run inside Redis: each as text and as the SHA-1 that EVALSHA
# names it by.
$(B)/gen/redis_%_scripts.h: lib/store/redis/layout/lua/embed.sh $(LUA_SRC)
	@mkdir -p $(@D)
	sh $< $(filter $(<D)/$*_%,$(LUA_SRC)) > $@

# What all pages of the gate look like, as numbers, since a string of C need not
# be as long.
$(B)/gen/page_css.h: fcgi-auth/endpoints/page.css
	@mkdir -p $(@D)
	@{ echo 'static const char gate_page_css[] = {'; \
	od -An -v -tu1 $< | sed -e 's/[0-9][0-9]*/&,/g'; echo '0 };'; } > $@

$(B)/obj/fcgi-auth/endpoints/html.o: $(B)/gen/page_css.h

# What is made before a file of ours can be read, for those that read all.
MADE_H := $(B)/gen/page_css.h $(B)/gen/module_build.h $(patsubst %,\
	$(B)/gen/redis_%_scripts.h,latchkey gosession put fence history)

$(B)/obj/lib/store/redis/layout/latchkey.o: $(B)/gen/redis_latchkey_scripts.h
$(B)/obj/lib/store/redis/layout/beside.o: \
	$(B)/gen/redis_history_scripts.h
$(B)/obj/lib/store/redis/layout/gosession.o: $(B)/gen/redis_gosession_scripts.h
$(B)/obj/lib/store/redis/layout/put.o: $(B)/gen/redis_put_scripts.h
$(B)/obj/lib/store/redis/master/fence.o: $(B)/gen/redis_fence_scripts.h

# Tests share headers in tests/support, and few want what cmocka hands them.
$(B)/obj/tests/%: BASE_CFLAGS += -Itests -Wno-unused-parameter

# Of each file its tests, for the main() in tests/support/suite.h.
SUITES := $(UNIT_SRC) $(CONTRACT_SRC)
$(B)/gen/tests/%.list: tests/%.c Makefile
	@mkdir -p $(@D)
	@sed -n 's/^\(test_[a-z0-9_]*\)(.*/SUITE_TEST(\1),/p' $< > $@

$(call obj,$(SUITES)): $(B)/obj/%.o: $(B)/gen/%.list
$(call obj,$(SUITES)): BASE_CFLAGS += -DTESTS='"$(<:.c=.list)"'

$(B)/tests/unit/%: $(B)/obj/tests/unit/%.o $(GATE_PARTS) $(AGENT_PARTS) \
		$(PAM_PARTS) $(B)/liblatchkey.a
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) $(GATE_LIBS) $(LIB_LIBS) \
		-lcmocka

$(B)/tests/contract/%: $(B)/obj/tests/contract/%.o \
		$(B)/obj/tests/contract/world.o \
		$(B)/obj/tests/contract/children.o \
		$(B)/obj/tests/contract/cluster.o \
		$(B)/obj/tests/contract/nodes.o \
		$(B)/obj/tests/contract/impostor.o \
		$(B)/obj/tests/contract/maria.o \
		$(B)/obj/tests/support/module_dir.o $(B)/liblatchkey.a
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS) -lcmocka \
		$(FILE_LIBS) $(MODULE_LIBS)

PAM_UNIT_SRC := $(filter tests/unit/test_pam_%,$(UNIT_SRC))
$(call obj,$(PAM_UNIT_SRC)): BASE_CFLAGS += -Ipam

# Programs of the tests look for modules where they are built; a copy of the tree
# is another place.
$(B)/obj/tests/unit/test_module.o: BASE_CFLAGS += \
	-DLK_MODULE_DIR='"$(abspath $(B)/tests/modules)"'
$(B)/obj/tests/support/module_dir.o: BASE_CFLAGS += \
	-DLK_MODULE_DIR='"$(abspath $(B)/modules)"'
$(B)/obj/tests/unit/test_module.o $(B)/obj/tests/support/module_dir.o: $(B)/here
$(B)/here: always
	@echo '$(abspath $(B))' | cmp -s - $@ || echo '$(abspath $(B))' > $@

$(B)/tests/latchkey: $(CTL_OBJ) $(B)/obj/tests/support/module_dir.o \
		$(B)/libverdict.a $(B)/liblatchkey.a
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS)

$(B)/tests/latchkey-fcgi: $(filter-out $(VERDICT_OBJ),$(GATE_OBJ)) \
		$(B)/obj/tests/support/module_dir.o \
		$(B)/libverdict.a $(B)/liblatchkey.a
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(GATE_LIBS) $(LIB_LIBS)

$(B)/tests/latchkeyd: $(AGENT_OBJ) $(PROCESS_OBJ) \
		$(B)/obj/tests/support/module_dir.o $(B)/liblatchkey.a
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(HTTP_LIBS) $(LIB_LIBS)

# A host that exports what the module's libraries are called by.
$(B)/tests/pam/host: $(B)/obj/tests/pam/host.o
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) -rdynamic $(LDFLAGS) -o $@ $^ -lpam

$(B)/tests/failover/load: $(B)/obj/tests/failover/load.o $(B)/liblatchkey.a
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS)

.SECONDARY:

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# ---- Fuzzing -------------------------------------------------------------

# In the tests the target runs over its corpus, without libFuzzer.
$(B)/tests/unit/test_guard_corpus: $(B)/obj/tests/fuzz/fuzz_guard.o
$(B)/tests/unit/test_settings_corpus: $(B)/obj/tests/fuzz/fuzz_settings.o
$(B)/tests/unit/test_agent_corpus: $(B)/obj/tests/fuzz/fuzz_agent.o
$(B)/tests/unit/test_form_corpus: $(B)/obj/tests/fuzz/fuzz_form.o
$(B)/tests/unit/test_jwt_corpus: $(B)/obj/tests/fuzz/fuzz_jwt.o
$(B)/tests/unit/test_reply_corpus: $(B)/obj/tests/fuzz/fuzz_reply.o
$(B)/tests/unit/test_slots_corpus: $(B)/obj/tests/fuzz/fuzz_slots.o

# The PAM module between a libpam, a memory and a network of the target's.
FUZZ_PAM_WRAP := $(patsubst %,-Wl$(,)--wrap=%,malloc calloc strdup connect \
	send recv poll __recv_chk __poll_chk)
$(B)/tests/unit/test_pam_corpus: $(B)/obj/tests/fuzz/fuzz_pam.o \
		$(filter-out %/guest.o $(PAM_PARTS),$(PAM_OBJ))
$(B)/tests/unit/test_pam_corpus: LDFLAGS += $(FUZZ_PAM_WRAP)

# What objects have inside, for those that clang makes without them.
CLANG_TOLD := -DLK_VERSION='"$(VERSION)"' -DLK_MODULE_DIR='"/nowhere"'

FUZZ_SECONDS ?= 60
FUZZ_FLAGS   := -g -O1 -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all

$(B)/fuzz/fuzz_guard: tests/fuzz/fuzz_guard.c fcgi-auth/door/guard.c
	@mkdir -p $(@D)
	clang -std=c11 -D_GNU_SOURCE -Ilib -Ifcgi-auth $(FUZZ_FLAGS) -o $@ $^ \
		$(GATE_LIBS)

$(B)/fuzz/fuzz_pam: tests/fuzz/fuzz_pam.c $(filter-out %/guest.c,$(PAM_SRC)) \
		$(LIB_SRC) $(MADE_H)
	@mkdir -p $(@D)
	clang -std=c11 -D_GNU_SOURCE $(CLANG_TOLD) -Ilib -Ipam \
		-I$(B)/gen $(DEP_CFLAGS) $(FUZZ_FLAGS) $(FUZZ_PAM_WRAP) -o $@ \
		$(filter %.c,$^) $(LIB_LIBS)

FUZZ_LIB := $(patsubst %,$(B)/fuzz/fuzz_%,jwt reply settings slots)
$(FUZZ_LIB): $(B)/fuzz/%: tests/fuzz/%.c \
		$(LIB_SRC) $(MADE_H)
	@mkdir -p $(@D)
	clang -std=c11 -D_GNU_SOURCE $(CLANG_TOLD) -Ilib \
		-I$(B)/gen $(DEP_CFLAGS) $(FUZZ_FLAGS) -o $@ $(filter %.c,$^) \
		$(LIB_LIBS)

$(B)/fuzz/fuzz_agent: tests/fuzz/fuzz_agent.c \
		$(filter agent/question/%,$(AGENT_SRC)) $(LIB_SRC) $(MADE_H)
	@mkdir -p $(@D)
	clang -std=c11 -D_GNU_SOURCE $(CLANG_TOLD) -Ilib -Iagent \
		-I$(B)/gen $(DEP_CFLAGS) $(FUZZ_FLAGS) -o $@ $(filter %.c,$^) \
		$(LIB_LIBS)

$(B)/fuzz/fuzz_form: tests/fuzz/fuzz_form.c \
		$(filter-out fcgi-auth/main.c,$(GATE_SRC)) $(LIB_SRC) \
		$(MADE_H)
	@mkdir -p $(@D)
	clang -std=c11 -D_GNU_SOURCE -DLK_VERSION='"$(VERSION)"' -Ilib \
		-Ifcgi-auth -I$(B)/gen $(DEP_CFLAGS) $(FUZZ_FLAGS) -o $@ \
		$(filter %.c,$^) $(GATE_LIBS) $(LIB_LIBS)

FUZZ := fuzz-agent fuzz-form fuzz-guard fuzz-jwt fuzz-pam fuzz-reply \
	fuzz-settings fuzz-slots
.PHONY: fuzz $(FUZZ)
## make fuzz        the agent's questions and answers, forms, the guard, access
##                  tokens, the PAM module, the reader of settings and what a
##                  node of a cluster says, each FUZZ_SECONDS (60) long
fuzz: $(FUZZ)

$(FUZZ): fuzz-%:
	@if command -v clang > /dev/null; then \
		$(MAKE) --no-print-directory -s $(B)/fuzz/fuzz_$* && \
		mkdir -p $(B)/fuzz/$* && \
		$(B)/fuzz/fuzz_$* -max_total_time=$(FUZZ_SECONDS) \
			-max_len=66000 -artifact_prefix=$(B)/fuzz/ \
			$(B)/fuzz/$* tests/fuzz/corpus/$*; \
	else echo 'make fuzz needs clang'; fi

# ---- What else it takes --------------------------------------------------

# Debian's names.  To build; to run the demo as well; to run the tests as
# well; to run the linters as well.
BUILD_DEBS := gcc libc6-dev pkg-config libhiredis-dev libconfig-dev \
	libcjson-dev libsodium-dev libsqlite3-dev libfcgi-dev \
	libmicrohttpd-dev libssl-dev libcurl4-openssl-dev libpam0g-dev binutils \
	libmariadb-dev
DEMO_DEBS  := $(BUILD_DEBS) python3 lighttpd pamtester libpam-wrapper
# What LK_REDIS_SERVER names, unless it is the path of one built by hand.
REDIS_DEBS := $(if $(findstring /,$(LK_REDIS_SERVER)),,$(or \
	$(LK_REDIS_SERVER),redis-server|valkey-server))
BENCH_DEBS := $(DEMO_DEBS) $(REDIS_DEBS) nginx wrk openssl valgrind
PEERS_DEBS := $(BENCH_DEBS) libnginx-mod-http-lua apache2 \
	libapache2-mod-auth-openidc golang-go golang-github-gomodule-redigo-dev
CHECK_DEBS := $(DEMO_DEBS) $(REDIS_DEBS) libcmocka-dev \
	python3-pytest python3-jwt python3-cryptography python3-flask \
	golang-golang-x-crypto-dev curl perl apache2 \
	libapache2-mod-fcgid nginx caddy haproxy php-cgi mandoc groff-base \
	openssh-server openssh-client sudo \
	dovecot-imapd dovecot-submissiond vsftpd postgresql iproute2 g++ \
	systemd mount patch musl-tools zlib1g-dev openssl apparmor zsh \
	mariadb-server-core mariadb-client-core \
	sasl2-bin fail2ban chromium chromium-driver python3-selenium abigail-tools
LINT_DEBS  := $(CHECK_DEBS) clang clang-format clang-tidy cppcheck

quoted = $(patsubst %,'%',$(1))

.PHONY: deps deps-build deps-demo deps-bench deps-lint
## make deps        install what building and testing need (Debian, Ubuntu)
deps:
	@sh tests/support/deps.sh $(call quoted,$(CHECK_DEBS))

## make deps-build  install what building alone needs
deps-build:
	@sh tests/support/deps.sh $(call quoted,$(BUILD_DEBS))

deps-demo:
	@sh tests/support/deps.sh $(call quoted,$(DEMO_DEBS) \
		$(if $(filter redis,$(STORE)),$(REDIS_DEBS)))

deps-bench:
	@sh tests/support/deps.sh $(call quoted,$(BENCH_DEBS))

deps-lint:
	@sh tests/support/deps.sh $(call quoted,$(LINT_DEBS))

# ---- Tests and the demo --------------------------------------------------

.PHONY: tests check demo
tests: $(UNIT_BIN) $(CONTRACT_BIN) $(B)/tests/pam/host \
	$(B)/tests/failover/load $(B)/tests/latchkey $(B)/tests/latchkey-fcgi \
	$(B)/tests/latchkeyd

## make check       build, run every test, say `N passed, N failed, N skipped`
##                  (ONLY='unit/test_guard servers/test_gate.py': these)
check: deps
	+@LK_BUILD='$(B)' MAKE='$(MAKE)' $(PYTHON) tests/run.py $(ONLY)

.PHONY: mutants
## make mutants     which faults no test notices, of those in tests/mutants
##                  (ONLY='NAME NAME': these; PASSED=1: right after a check)
mutants: deps
	+@$(PYTHON) tests/mutants/hunt.py $(if $(PASSED),--passed) $(ONLY)

# Where the demo keeps its sessions: sqlite or redis.
STORE ?= sqlite

## make demo        a login page, and how its session opens a page and a login
##                  (STORE=redis: another store; KEEP=1: stay)
demo: deps-demo
	+@$(MAKE) --no-print-directory -s all
	@LK_BUILD='$(B)' KEEP='$(KEEP)' STORE='$(STORE)' \
		$(PYTHON) tests/demo.py

.PHONY: check-mysql
## make check-mysql  what stores promise, on MySQL 9 of Debian sid in a folder of
##                  its own (needs root and Debian's packages)
check-mysql: deps all tests
	@LK_BUILD='$(B)' $(PYTHON) tests/mysql/run.py $(B)/mysql

.PHONY: check-move
## make check-move  100,000 sessions moved from Redis to MariaDB, to a file, and
##                  back, and nobody logged out (N=)
check-move: deps all tests
	@LK_BUILD='$(B)' $(PYTHON) tests/move.py $(N)

.PHONY: storm
## make storm       random faults behind Sentinel (SEED=, ROUNDS=1, FAULTS=40)
storm: deps all $(B)/tests/failover/load
	@LK_BUILD='$(B)' $(PYTHON) tests/failover/storm.py $(or $(SEED),0) \
		$(or $(ROUNDS),1) $(or $(FAULTS),40)

.PHONY: storm-cluster
## make storm-cluster  nodes of a Redis Cluster that fail and slots that move,
##                  under load (SECONDS=60, SEED=)
storm-cluster: deps all $(B)/tests/failover/load
	@LK_BUILD='$(B)' $(PYTHON) tests/failover/storm_cluster.py \
		$(or $(SECONDS),60) $(or $(SEED),0)

.PHONY: soak
## make soak        everything at once for an hour, and whether anything grows
##                  (SECONDS=3600, SEED=)
soak: deps all
	@LK_BUILD='$(B)' $(PYTHON) tests/soak.py $(or $(SECONDS),3600) \
		$(or $(SEED),0)

.PHONY: storm-checks
## make storm-checks  checks that do not wait, through a relay that is at fault
##                  (SEED=, CHECKS=10000000)
storm-checks: deps all $(B)/tests/contract/test_checks_model
	@LK_BUILD='$(B)' $(PYTHON) tests/contract/storm_checks.py \
		$(or $(CHECKS),10000000) $(or $(SEED),1)

# ---- Benchmarks ----------------------------------------------------------

BENCH_SRC := $(filter-out $(if $(MODULE_PKGS),,%/bench_mariadb.c), \
	$(sort $(wildcard tests/bench/bench_*.c)))
BENCH_BIN := $(patsubst tests/bench/%.c,$(B)/bench/%,$(BENCH_SRC))

$(B)/bench/%: $(B)/obj/tests/bench/%.o $(B)/obj/tests/bench/figure.o \
		$(B)/liblatchkey.a
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) $(LIB_LIBS) $(LDLIBS)

$(B)/bench/bench_store: LDLIBS += $(FILE_LIBS)
$(B)/bench/bench_mariadb: LDLIBS += $(MODULE_LIBS)
$(B)/bench/bench_mariadb: $(B)/obj/tests/support/module_dir.o
$(B)/bench/bench_pam: LDLIBS += -lpam
$(B)/bench/bench_pam: $(B)/bench/pam_bare.so

$(B)/bench/pam_bare.so: $(B)/obj/tests/bench/pam_bare.o
	@mkdir -p $(@D)
	$(CC) -shared $(LDHARDEN) $(LDFLAGS) -o $@ $< -lpam $(LIB_LIBS)

# How many sessions to fill each layout of Redis with.
SESSIONS ?= 100000

.PHONY: bench
## make bench       figures, beside those of bare commands (SESSIONS=1000000)
bench: deps-bench
	+@$(MAKE) --no-print-directory -s $(BENCH_BIN) all
	@LK_BUILD='$(B)' SESSIONS='$(SESSIONS)' $(PYTHON) tests/bench/bench.py

$(B)/bench/noop: $(B)/obj/tests/bench/noop.o
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(GATE_LIBS)

$(B)/bench/web_noop: $(B)/obj/tests/bench/web_noop.o
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ -lmicrohttpd

.PHONY: bench-gate
## make bench-gate  the gate's figures, beside a no-op's (BENCH='--rounds 9')
bench-gate: deps-bench all $(B)/bench/noop $(B)/bench/web_noop
	@LK_BUILD='$(B)' $(PYTHON) tests/bench/bench_gate.py $(BENCH)

.PHONY: bench-peers
## make bench-peers  the same beside nginx with Lua, a service in Go, and
##                   mod_auth_openidc (BENCH='--rounds 9')
bench-peers: all
	@sh tests/support/deps.sh $(call quoted,$(PEERS_DEBS))
	@LK_BUILD='$(B)' $(PYTHON) tests/bench/bench_peers.py $(BENCH)

.PHONY: bench-failover
## make bench-failover  gaps and losses behind Sentinel (BENCH='--rounds 9'),
##                  or in a Redis Cluster (BENCH=--cluster)
bench-failover: deps-bench all $(B)/tests/failover/load
	@LK_BUILD='$(B)' $(PYTHON) tests/bench/bench_failover.py $(BENCH)

# ---- Linters -------------------------------------------------------------

C_FILES   := $(LIB_SRC) $(GATE_SRC) $(AGENT_SRC) $(CTL_SRC) $(PAM_SRC)
H_FILES   := $(sort $(shell find lib fcgi-auth agent ctl pam -name '*.h'))
TIDY_ARGS  = -std=c11 -D_GNU_SOURCE $(CLANG_TOLD) -Ilib \
	-Ifcgi-auth -Iagent -I$(B)/gen $(DEP_CFLAGS)

.PHONY: format lint lint-format lint-clang lint-tidy lint-cppcheck lint-analyzer
## make lint        clang, clang-tidy, cppcheck, gcc -fanalyzer
lint: deps-lint
	+@$(MAKE) --no-print-directory lint-format lint-clang lint-tidy \
		lint-cppcheck lint-analyzer

# Tests are left out: their tables read best as they are set.  Each version of
# the formatter has its own mind; 14, Debian 12's, is the one that counts.
lint-format:
	@if clang-format --version | grep -q 'version 14\.'; then \
		clang-format --dry-run -Werror $(C_FILES) $(H_FILES); \
	else \
		echo 'lint-format: skipped, this is not clang-format 14'; \
	fi

## make format      set the code as .clang-format has it (version 14)
format:
	clang-format -i $(C_FILES) $(H_FILES)

lint-clang:
	+$(MAKE) --no-print-directory -s CC=clang B=$(B)/clang WERROR=1 \
		all tests

# One process for each file: clang-tidy 14 mistakes a va_list in the second.
TIDY := $(addprefix tidy/,$(C_FILES))
.PHONY: $(TIDY)
$(TIDY): tidy/%: $(MADE_H)
	@clang-tidy --quiet --warnings-as-errors='*' $* -- $(TIDY_ARGS) \
		2> $(B)/tidy.log || { cat $(B)/tidy.log; exit 1; }

lint-tidy: $(TIDY)

# varFuncNullUB: POSIX has NULL a pointer.
lint-cppcheck: $(MADE_H)
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability \
		--suppress=missingIncludeSystem --suppress=varFuncNullUB \
		-D_GNU_SOURCE -Ilib -Ifcgi-auth -Iagent -I$(B)/gen $(C_FILES)

# NULL is left to clang-tidy's analyzer: gcc 12 forgets what a status says of a
# pointer that was set beside it; and leaks to LeakSanitizer: of an array it takes
# all members for one.
lint-analyzer:
	+$(MAKE) --no-print-directory -s CC=gcc B=$(B)/analyzer WERROR=1 \
		CFLAGS='-O1 -g -fanalyzer $(patsubst %,-Wno-analyzer-%,\
			null-dereference null-argument malloc-leak)' all

.PHONY: abi
## make abi         take the library's interface for what it may only gain to
abi:
	@cd tests && $(PYTHON) -m support.abi > ../$(B)/latchkey.abi
	@mv $(B)/latchkey.abi tests/abi/latchkey.abi

# ---- Other compilers and checkers ----------------------------------------

ROW := row-clang row-musl row-m32 row-valgrind row-tsan
UNITS_RUN = for program in $(1)/tests/unit/test_*; do \
	[ -x "$$program" ] || continue; \
	case $$program in *.*) continue;; esac; \
	$(2) "$$program" > $(1)/row.log 2>&1 || { cat $(1)/row.log; \
		echo "$$program: failed"; exit 1; }; done
.PHONY: row $(ROW)
## make row         clang, musl and 32 bits; the units by valgrind and TSan
row: $(ROW)

row-clang:
	@sh tests/support/deps.sh clang $(call quoted,$(CHECK_DEBS))
	+@$(MAKE) --no-print-directory lint-clang

row-musl row-m32: row-%: deps $(MADE_H)
	@LK_BUILD='$(B)' $(PYTHON) -m pytest -q -p no:cacheprovider \
		--rootdir=tests tests/self/test_portability.py -rs \
		-k '$(if $(filter m32,$*),32,$*)'

# What a program sets its limit of descriptors to valgrind keeps to itself, and
# whom the program starts has valgrind's own: the 1024 that we give them.
row-valgrind:
	@sh tests/support/deps.sh valgrind $(call quoted,$(CHECK_DEBS))
	+@$(MAKE) --no-print-directory -s all tests
	@ulimit -n 1024; $(call UNITS_RUN,$(B),valgrind -q --error-exitcode=9 \
		--suppressions=tests/support/valgrind.supp --leak-check=full \
		--show-leak-kinds=definite --errors-for-leak-kinds=definite)

row-tsan: deps
	+@$(MAKE) --no-print-directory -s TSAN=1 B=$(B)/tsan all tests
	@$(call UNITS_RUN,$(B)/tsan,env TSAN_OPTIONS=suppressions=tests/support/tsan.supp)

include install.mk
include package.mk

.PHONY: clean
## make clean       remove everything that was built
clean:
	rm -rf $(B)
