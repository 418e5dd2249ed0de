# latchkey: what goes where on a machine.  Included by Makefile.

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
SBINDIR    ?= $(PREFIX)/sbin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
DOCDIR     ?= $(DATADIR)/doc/latchkey
MANDIR     ?= $(DATADIR)/man
BASHDIR    ?= $(DATADIR)/bash-completion/completions
ZSHDIR     ?= $(DATADIR)/zsh/site-functions
# systemd reads below /usr, /usr/local and /etc, and nowhere else.
SYSTEMDDIR ?= $(if $(filter /usr /usr/local,$(PREFIX)),$(PREFIX)/lib,/etc)
# libpam takes a module by its name from one folder: the one with its own.
MULTIARCH   = $(shell $(CC) -print-multiarch 2> /dev/null)
PAMDIR     ?= $(or $(patsubst %/,%,$(dir $(firstword $(wildcard $(patsubst \
	%,%/security/pam_unix.so,/usr/lib/$(MULTIARCH) /lib/$(MULTIARCH) \
	/usr/lib64 /lib64 /usr/lib /lib))))),$(LIBDIR)/security)
# Stores that are modules are looked for here, and nowhere else.
MODULEDIR  ?= $(LIBDIR)/latchkey
CONFDIR    := $(SYSCONFDIR)/latchkey
EXAMPLES   := $(DOCDIR)/examples

MAN_SRC  := $(sort $(wildcard man/*.[1-8]))
UNITS := $(sort $(wildcard etc/systemd/*))
PROFILES := $(patsubst etc/%,%,$(shell find etc/apparmor.d -type f))
ETC_SRC  := $(sort $(filter-out etc/systemd/% etc/sysusers.d/% \
	etc/tmpfiles.d/% etc/apparmor.d/%,$(shell find etc -type f)))
DOC_SRC  := README.md ARCHITECTURE.md SECURITY.md CHANGES \
	$(sort $(wildcard doc/*))
# Each function has a page as well as its group; `ls`, because they are made.
MAN3      = $(shell ls $(B)/man3/*.3 2> /dev/null)
man_path  = man$(patsubst .%,%,$(suffix $(1)))/$(notdir $(1))

# What is installed, a word `mode:source:place` each.  Texts, of mode t, name
# the places that they have by default, and are given those that they get.
INSTALLED = 755:$(B)/latchkey:$(BINDIR)/latchkey \
	755:$(B)/latchkey-fcgi:$(SBINDIR)/latchkey-fcgi \
	755:$(B)/latchkeyd:$(SBINDIR)/latchkeyd \
	644:$(B)/pam_latchkey.so:$(PAMDIR)/pam_latchkey.so \
	$(foreach module,$(MODULES),\
		644:$(module):$(MODULEDIR)/$(notdir $(module))) \
	644:lib/latchkey.h:$(INCLUDEDIR)/latchkey.h \
	644:$(B)/liblatchkey.a:$(LIBDIR)/liblatchkey.a \
	644:$(B)/$(SONAME):$(LIBDIR)/$(SONAME) \
	644:$(B)/latchkey.pc:$(LIBDIR)/pkgconfig/latchkey.pc \
	644:$(B)/completion/bash:$(BASHDIR)/latchkey \
	644:$(B)/completion/zsh:$(ZSHDIR)/_latchkey \
	644:etc/sysusers.d/latchkey.conf:$(SYSTEMDDIR)/sysusers.d/latchkey.conf \
	644:etc/tmpfiles.d/latchkey.conf:$(SYSTEMDDIR)/tmpfiles.d/latchkey.conf \
	$(foreach unit,$(UNITS),\
		t:$(unit):$(SYSTEMDDIR)/systemd/system/$(notdir $(unit))) \
	$(foreach file,$(PROFILES),t:etc/$(file):/etc/$(file)) \
	$(foreach file,$(ETC_SRC),t:$(file):$(EXAMPLES)/$(file:etc/%=%)) \
	$(foreach file,$(DOC_SRC),t:$(file):$(DOCDIR)/$(notdir $(file))) \
	$(foreach page,$(MAN_SRC) $(MAN3),t:$(page):$(MANDIR)/$(call man_path,$(page)))

SET_PLACES = sed -e 's|/usr/local/sbin/|$(SBINDIR)/|g' \
	-e 's|/usr/local/share/doc/latchkey/|$(DOCDIR)/|g' \
	-e 's|/usr/local/lib/latchkey/|$(MODULEDIR)/|g' \
	-e 's|/etc/latchkey|$(CONFDIR)|g' \
	-e '1s|^\(\.TH .*\)"latchkey"|\1"latchkey $(VERSION)"|'
define EMPTY_SETTINGS
# Settings of latchkey: latchkey.conf(5) explains each.  The defaults will do;
# $(EXAMPLES)/latchkey.conf shows them.
endef
export EMPTY_SETTINGS

$(B)/latchkey.pc: lib/latchkey.pc.in Makefile
	@mkdir -p $(@D)
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' $< > $@

$(B)/completion/%: ctl/completion/%.in ctl/completion/cases.awk ctl/main.c
	@mkdir -p $(@D)
	awk -f ctl/completion/cases.awk ctl/main.c > $@.cases
	sed -e '/@CASES@/r $@.cases' -e '/@CASES@/d' $< > $@

$(B)/man3/made: man/section3.awk lib/latchkey.h man/latchkey.1
	@rm -rf $(@D) && mkdir -p $(@D)
	awk -v to=$(@D) -v date="$$(sed -n '1s/.* \([0-9-]*\) "latch.*/\1/p' \
		man/latchkey.1)" -f $< lib/latchkey.h
	@touch $@

# The user, folders and libraries of this very machine, or the end of its
# services, where an installation is no folder for somebody else's.
LIVE = [ -z "$(DESTDIR)" ] && [ "$$(id -u)" -eq 0 ]
MANAGED = [ -d /run/systemd/system ]
CONFINED = [ -d /sys/kernel/security/apparmor ] && \
	command -v apparmor_parser > /dev/null
DAEMONS := $(filter-out %/latchkey,$(addprefix /etc/,$(PROFILES)))

.PHONY: install uninstall
## make install     into PREFIX (/usr/local), below DESTDIR; settings are in
##                  SYSCONFDIR (/etc), which `make` takes as well, like
##                  MODULEDIR, where modules are looked for (LIBDIR/latchkey)
install: all
	@rm -f $(B)/latchkey.pc
	+@$(MAKE) --no-print-directory -s $(B)/latchkey.pc
	@set -e; for word in $(INSTALLED); do \
		mode=$${word%%:*} source=$${word#*:} place=$${word##*:}; \
		source=$${source%%:*}; \
		if [ "$$mode" = t ]; then \
			$(SET_PLACES) "$$source" > $(B)/placed; \
			source=$(B)/placed mode=644; \
		fi; \
		install -D -m "$$mode" "$$source" "$(DESTDIR)$$place"; \
	done
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/liblatchkey.so
	install -d -m 755 $(DESTDIR)$(CONFDIR)
	[ -e $(DESTDIR)$(CONFDIR)/latchkey.conf ] || { umask 022; \
		printf '%s\n' "$$EMPTY_SETTINGS" \
			> $(DESTDIR)$(CONFDIR)/latchkey.conf; }
	! { $(LIVE); } || { ldconfig && \
		{ getent passwd latchkey > /dev/null || \
			useradd --system --user-group --home-dir / --no-create-home \
				--shell /usr/sbin/nologin latchkey; } && \
		install -d -o root -g latchkey -m 2770 /var/lib/latchkey; }
	! { $(LIVE) && $(MANAGED); } || systemctl daemon-reload
	! { $(LIVE) && $(CONFINED); } || apparmor_parser --replace $(DAEMONS)

## make uninstall   remove what `make install` put there; sessions stay
# A line that names a module that is gone locks everybody out.
uninstall: $(B)/man3/made
	@! grep -s '^[^#]*pam_latchkey\.so' $(DESTDIR)/etc/pam.d/* || \
		{ echo 'take these lines out first'; false; }
	! { $(LIVE) && $(MANAGED); } || \
		systemctl --quiet disable --now $(notdir $(UNITS)) || :
	! { $(LIVE) && $(CONFINED); } || apparmor_parser --remove $(DAEMONS) || :
	rm -f $(addprefix $(DESTDIR),$(LIBDIR)/liblatchkey.so* \
		$(foreach word,$(INSTALLED),$(lastword $(subst :, ,$(word)))))
	@! printf '%s\n' "$$EMPTY_SETTINGS" | cmp -s - \
		$(DESTDIR)$(CONFDIR)/latchkey.conf || \
		rm $(DESTDIR)$(CONFDIR)/latchkey.conf
	@for folder in $(MODULEDIR) $(CONFDIR) \
			$$(cd $(DESTDIR)$(DOCDIR) 2> /dev/null && \
			find . -depth -type d | sed 's|^\.|$(DOCDIR)|'); do \
		[ ! -d "$(DESTDIR)$$folder" ] || rmdir \
			--ignore-fail-on-non-empty "$(DESTDIR)$$folder"; \
	done
	@! { $(LIVE); } || { ldconfig; rm -rf /run/latchkey; \
		rmdir /var/lib/latchkey 2> /dev/null || :; \
		if [ -e /var/lib/latchkey ]; then \
			echo 'Left: the sessions in /var/lib/latchkey and their' \
				'user and group, latchkey'; \
		elif getent passwd latchkey > /dev/null; then \
			userdel latchkey; \
		fi; }
	! { $(LIVE) && $(MANAGED); } || systemctl daemon-reload
