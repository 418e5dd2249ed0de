# latchkey: a tarball, and Debian's packages.  Included by Makefile.

NAME := latchkey-$(VERSION)
# One time for all files, so that one tree makes one tarball, bit for bit.
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2> /dev/null),\
	$(shell date -r CHANGES +%s))

.PHONY: dist deb lint-deb
## make dist        a tarball of the tree, the same for the same tree
dist:
	@mkdir -p $(B)/dist
	@{ git ls-files 2> /dev/null || find * .ci .clang* .gitignore \
			\( -name build -o -name __pycache__ \) -prune \
			-o ! -type d -print; } | LC_ALL=C sort | \
		tar --create --format=ustar --no-recursion --files-from=- \
			--transform='s|^|$(NAME)/|' --owner=0 --group=0 \
			--numeric-owner --mode=u=rwX,go=rX \
			--mtime=@$(SOURCE_DATE_EPOCH) | \
		gzip -9n > $(B)/dist/$(NAME).tar.gz
	@echo $(B)/dist/$(NAME).tar.gz

DEB_DEBS := $(filter-out gcc libc6-dev binutils,$(BUILD_DEBS)) \
	build-essential debhelper po-debconf dh-apparmor fakeroot

## make deb         Debian's packages of the tree, below build/deb
deb: dist
	@sh tests/support/deps.sh $(call quoted,$(DEB_DEBS))
	@rm -rf $(B)/deb && mkdir -p $(B)/deb
	@tar -xzf $(B)/dist/$(NAME).tar.gz -C $(B)/deb
	@cd $(B)/deb/$(NAME) && env -u MAKEFLAGS -u CI \
		SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) \
		dpkg-buildpackage -us -uc $(DEB_FLAGS)
	@rm -r $(B)/deb/$(NAME)
	@ls $(B)/deb/*.deb

lint-deb:
	@sh tests/support/deps.sh lintian
	lintian --info --tag-display-limit 0 --fail-on error,warning \
		$(B)/deb/*.changes
