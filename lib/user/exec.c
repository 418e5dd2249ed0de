/* The program `user.command` prints the detail of a user. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "user/run.h"
#include "user/source.h"

/* EX_NOUSER of sysexits.h. */
#define EXIT_NO_USER 67

/* What the status of its end and its output say. */
static enum lk_status
judge(const char *program, int code, const struct lk_buf *printed,
    struct lk_buf *detail, struct lk_error *error)
{
	struct lk_buf value = LK_BUF_INIT(sizeof("null") - 1);
	bool is_null;

	if (code == EXIT_NO_USER)
		return (LK_NO_USER);
	if (code != 0)
		return (lk_fail(error, LK_E_STORE, "%s: exit status %d",
		    program, code));
	lk_json_compact(printed->data, printed->len, &value);
	is_null = !value.failed && strcmp(value.data, "null") == 0;
	lk_buf_free(&value);
	if (is_null)
		return (LK_NO_USER);
	if (!lk_json_is_object(printed->data, printed->len))
		return (lk_fail(error, LK_E_STORE,
		    "%s: expected a JSON object on its output", program));
	lk_json_compact(printed->data, printed->len, detail);
	if (detail->failed)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	return (LK_OK);
}

enum lk_status
lk_user_source_exec(const struct lk_settings *settings, const char *id,
    struct lk_buf *detail, struct lk_error *error)
{
	const struct lk_strings *command = &settings->user.command;
	struct lk_deadline deadline = lk_deadline_in(settings->user.timeout_ms);
	enum lk_status status = LK_FAULT;
	struct lk_buf printed;
	char **argv = NULL;
	int code = 0;

	if (command->n == 0 || command->v[0][0] != '/')
		return (lk_fail(error, LK_E_SETTINGS,
		    "user.command: expected the absolute path of a program"));
	/* The program would take it for an option, and not for a user. */
	if (id[0] == '-')
		return (LK_NO_USER);
	if ((argv = calloc(command->n + 2, sizeof(*argv))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	memcpy(argv, command->v, command->n * sizeof(*argv));
	/* An exec takes pointers to char and writes to none of them. */
	memcpy(&argv[command->n], &id, sizeof(id));
	status = lk_run(argv, NULL, deadline, LK_DETAIL_MAX, &printed, &code,
	    error);
	if (status == LK_OK)
		status = judge(argv[0], code, &printed, detail, error);
	free(argv);
	lk_buf_free(&printed);
	return (status);
}
