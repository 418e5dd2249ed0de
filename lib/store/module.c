#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/self.h"
#include "base/trusted_file.h"
#include "module_build.h"
#include "store/module.h"

/* Largest module. */
#define MODULE_MAX (16 * 1024 * 1024)

enum lk_status
lk_store_module_load(const char *name, const struct lk_store_module **modulep,
    struct lk_error *error)
{
	struct lk_buf content = LK_BUF_INIT(MODULE_MAX);
	const struct lk_store_module *module;
	char path[PATH_MAX];
	enum lk_status status = LK_FAULT;
	void *library;

	*modulep = NULL;
	(void)snprintf(path, sizeof(path), "%s/store_%s.so",
	    lk_store_module_dir, name);
	/* What its library finds in the environment is the caller's. */
	if (!lk_identity_is_whole())
		return (lk_fail(error, LK_E_SETTINGS,
		    "store.backend: \"%s\" is not for programs that run with "
		    "rights that their caller does not have; use \"agent\"",
		    name));
	if (lk_trusted_file_absent(path))
		return (lk_fail(error, LK_E_SETTINGS,
		    "store.backend: expected %s for \"%s\", got none: it is "
		    "built where its library is installed",
		    path, name));
	status = lk_trusted_file_read(path, &content, error);
	lk_buf_free(&content);
	if (status != LK_OK)
		return (status);
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		return (lk_fail(error, LK_E_SETTINGS, "store.backend: %s",
		    dlerror()));
	module = dlsym(library, "lk_store_module");
	if (module == NULL || strcmp(module->build, LK_MODULE_BUILD) != 0)
		return (lk_fail(error, LK_E_SETTINGS,
		    "%s: expected a module of this build of latchkey, %s, "
		    "got %s",
		    path, LK_MODULE_BUILD,
		    module == NULL ? "none" : module->build));
	*modulep = module;
	return (LK_OK);
}
