#include <stdlib.h>
#include <string.h>

#include <security/pam_ext.h>

#include "converse.h"

/* What we answer if libpam or the host could not. */
static int
code_of(int code)
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
		return (code_of(code));
	return (
	    *user != NULL && (*user)[0] != '\0' ? PAM_SUCCESS : PAM_AUTH_ERR);
}

/*
 * What is there as PAM_AUTHTOK, or with ${ask} was now put there; NULL if
 * nothing.  Not by pam_get_authtok(), which makes an error of a host that
 * wants to be asked again.
 */
static int
get_text(pam_handle_t *handle, const char *prompt, bool ask, const char **text)
{
	const void *item = NULL;
	char *answer = NULL;
	int code;

	*text = NULL;
	code = pam_get_item(handle, PAM_AUTHTOK, &item);
	if (code == PAM_SUCCESS && item == NULL && ask) {
		code = pam_prompt(handle, PAM_PROMPT_ECHO_OFF, &answer, "%s",
		    prompt);
		if (code == PAM_SUCCESS && answer != NULL)
			code = pam_set_item(handle, PAM_AUTHTOK, answer);
		if (answer != NULL)
			explicit_bzero(answer, strlen(answer));
		free(answer);
		if (code == PAM_SUCCESS)
			code = pam_get_item(handle, PAM_AUTHTOK, &item);
	}
	if (code == PAM_SUCCESS)
		*text = item;
	return (code);
}

int
pam_converse_token(pam_handle_t *handle, const char *prompt, bool ask,
    struct lk_token *token, enum lk_status *status)
{
	const char *text = NULL;
	int code;

	*status = LK_FAULT;
	lk_token_wipe(token);
	code = get_text(handle, prompt, ask, &text);
	if (code != PAM_SUCCESS)
		return (code_of(code));
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
