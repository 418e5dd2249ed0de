#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* The name of our data: libpam keeps it for all modules alike. */
#define DATA "latchkey_session"
/* What it points to. */
struct entry {
	char id[LK_SESSION_ID_MAX + 1];
	char user[]; /* to its NUL */
};

#define VARIABLE_MAX (sizeof(PAM_MEMORY_VARIABLE) + 1 + LK_SESSION_ID_MAX)

static void
forget(pam_handle_t *handle, void *data, int error_status)
{
	(void)handle;
	(void)error_status;
	free(data);
}

int
pam_memory_set(pam_handle_t *handle, const char *id, const char *user)
{
	const size_t size = strlen(user) + 1;
	char variable[VARIABLE_MAX + 1];
	struct entry *entry = calloc(1, sizeof(*entry) + size);

	if (entry == NULL)
		return (PAM_BUF_ERR);
	(void)snprintf(entry->id, sizeof(entry->id), "%s", id);
	memcpy(entry->user, user, size);
	(void)snprintf(variable, sizeof(variable), "%s=%s", PAM_MEMORY_VARIABLE,
	    id);
	if (pam_set_data(handle, DATA, entry, forget) != PAM_SUCCESS) {
		free(entry);
		return (PAM_BUF_ERR);
	}
	return (pam_putenv(handle, variable) == PAM_SUCCESS ? PAM_SUCCESS
	                                                    : PAM_BUF_ERR);
}

void
pam_memory_clear(pam_handle_t *handle)
{
	const void *data = NULL;

	if (pam_get_data(handle, DATA, &data) == PAM_SUCCESS && data != NULL)
		(void)pam_set_data(handle, DATA, NULL, NULL);
	if (pam_getenv(handle, PAM_MEMORY_VARIABLE) != NULL)
		(void)pam_putenv(handle, PAM_MEMORY_VARIABLE);
}

struct pam_memory
pam_memory_get(pam_handle_t *handle)
{
	const void *data = NULL;
	const struct entry *entry;

	if (pam_get_data(handle, DATA, &data) == PAM_SUCCESS && data != NULL) {
		entry = data;
		return ((struct pam_memory){ entry->id, entry->user });
	}
	return ((struct pam_memory){ pam_getenv(handle, PAM_MEMORY_VARIABLE),
	    NULL });
}
