#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* The name of our data: libpam keeps it for all modules alike. */
#define DATA "latchkey_session"
#define VARIABLE_MAX (sizeof(PAM_MEMORY_VARIABLE) + 1 + LK_SESSION_ID_MAX)

static void
forget(pam_handle_t *handle, void *data, int error_status)
{
	(void)handle;
	(void)error_status;
	free(data);
}

int
pam_memory_set(pam_handle_t *handle, const char *id)
{
	char variable[VARIABLE_MAX + 1] = PAM_MEMORY_VARIABLE "=";
	char *copy = strdup(id);

	if (copy == NULL)
		return (PAM_BUF_ERR);
	if (pam_set_data(handle, DATA, copy, forget) != PAM_SUCCESS) {
		free(copy);
		return (PAM_BUF_ERR);
	}
	strncat(variable, id, LK_SESSION_ID_MAX);
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

const char *
pam_memory_get(pam_handle_t *handle, bool *trusted)
{
	const void *data = NULL;

	*trusted = pam_get_data(handle, DATA, &data) == PAM_SUCCESS &&
	    data != NULL;
	return (*trusted ? data : pam_getenv(handle, PAM_MEMORY_VARIABLE));
}
