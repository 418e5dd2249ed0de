#include <string.h>

#include <security/pam_ext.h>

#include "converse.h"

/* What we answer if libpam or the host could not. */
static int
answer_of(int code)
{
	if (code == PAM_CONV_AGAIN || code == PAM_INCOMPLETE)
		return (PAM_INCOMPLETE);
	if (code == PAM_BUF_ERR)
		return (PAM_BUF_ERR);
	return (PAM_AUTH_ERR);
}

int
pam_converse_user(pam_handle_t *handle, const char **user)
{
	int code;

	*user = NULL;
	code = pam_get_user(handle, user, NULL);
	if (code != PAM_SUCCESS)
		return (answer_of(code));
	return (
	    *user != NULL && (*user)[0] != '\0' ? PAM_SUCCESS : PAM_AUTH_ERR);
}

int
pam_converse_token(pam_handle_t *handle, const char *prompt, bool ask,
    struct lk_token *token, enum lk_status *status)
{
	const void *item = NULL;
	const char *text = NULL;
	int code;

	*status = LK_FAULT;
	lk_token_wipe(token);
	if (ask)
		code = pam_get_authtok(handle, PAM_AUTHTOK, &text, prompt);
	else if ((code = pam_get_item(handle, PAM_AUTHTOK, &item)) ==
	    PAM_SUCCESS)
		text = item;
	if (code != PAM_SUCCESS)
		return (answer_of(code));
	if (text == NULL)
		return (PAM_AUTH_ERR);
	*status = lk_token_set(token, text, strnlen(text, LK_TOKEN_MAX + 1));
	return (PAM_SUCCESS);
}

void
pam_converse_say(pam_handle_t *handle, const char *text)
{
	(void)pam_prompt(handle, PAM_ERROR_MSG, NULL, "%s", text);
}
