#include <sys/stat.h>

#include <dlfcn.h>
#include <stdio.h>
#include <sodium.h>
#include <unistd.h>

#include "store/module.h"
#include "support/test.h"

/* A folder of this test's. */
const char lk_store_module_dir[] = LK_MODULE_DIR;

static void
path_of(char path[512])
{
	(void)snprintf(path, 512, "%s/store_other.so", lk_store_module_dir);
}

/* Put ${from} there as a module, or text if it is NULL. */
static void
put(const char *from, mode_t mode)
{
	char path[512], bytes[4096];
	FILE *in = from != NULL ? fopen(from, "r") : NULL, *out;
	size_t len;

	path_of(path);
	(void)mkdir(lk_store_module_dir, 0755);
	(void)unlink(path);
	out = fopen(path, "w");
	assert_non_null(out);
	if (in == NULL)
		(void)fputs("no library", out);
	while (in != NULL && (len = fread(bytes, 1, sizeof(bytes), in)) > 0)
		assert_int_equal(fwrite(bytes, 1, len, out), len);
	if (in != NULL)
		(void)fclose(in);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void
assert_refused(const char *why)
{
	const struct lk_store_module *module;
	struct lk_error error = { "" };
	char path[512];

	assert_int_equal(lk_store_module_load("other", &module, &error),
	    LK_E_SETTINGS);
	assert_null(module);
	if (strstr(error.text, why) == NULL)
		fail_msg("%s", error.text);
	path_of(path);
	(void)unlink(path);
}

/* A library of this system's, which is no module. */
static const char *
some_library(void)
{
	Dl_info info;

	assert_int_not_equal(dladdr((void *)(uintptr_t)sodium_init, &info), 0);
	return (info.dli_fname);
}

static void
test_module_that_is_missing_is_refused(void **state)
{
	assert_refused("got none");
}

static void
test_module_that_others_may_write_is_refused(void **state)
{
	put(some_library(), 0664);
	assert_refused("cannot write");
	put(some_library(), 0646);
	assert_refused("cannot write");
}

static void
test_module_in_a_folder_that_others_may_write_is_refused(void **state)
{
	put(some_library(), 0644);
	assert_int_equal(chmod(lk_store_module_dir, 0777), 0);
	assert_refused("cannot write");
	assert_int_equal(chmod(lk_store_module_dir, 0755), 0);
}

static void
test_module_that_is_no_library_is_refused(void **state)
{
	put(NULL, 0644);
	assert_refused("store.backend: ");
}

static void
test_module_of_another_build_is_refused(void **state)
{
	put(some_library(), 0644);
	assert_refused("of this build");
}

#include "support/suite.h"
