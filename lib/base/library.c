#include <dlfcn.h>
#include <string.h>

#include "base/library.h"

bool
lk_library_load(const char *file, const char *names, void *pointers)
{
	void *const library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	char *at = pointers;
	void *function;

	if (library == NULL)
		return (false);
	for (; *names != '\0'; names += strlen(names) + 1) {
		if ((function = dlsym(library, names)) == NULL)
			return (false);
		/* Dlsym() has it that one to an object is one to a function. */
		memcpy(at, &function, sizeof(function));
		at += sizeof(function);
	}
	return (true);
}
