/* The verb `store`: the store as a whole, and sessions out of it. */
#include <sys/stat.h>

#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "load.h"
#include "progress.h"
#include "store_import.h"

static const struct ctl_option no_options[] = { { NULL, NULL, NULL } };

/* Read the arguments of an action that takes none. */
static int
expect_nothing(struct ctl *ctl, int argc, char **argv)
{
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, no_options, &operands)) != 0)
		return (code);
	return (operands == 0 ? CTL_DONE
	                      : ctl_usage(ctl, "nothing after the action"));
}

static int
stats(struct ctl *ctl, int argc, char **argv)
{
	struct lk_store_stats s;
	enum lk_status status = LK_FAULT;
	int code;

	if ((code = expect_nothing(ctl, argc, argv)) != CTL_DONE)
		return (code);
	status = lk_store_stats(ctl->manager, &s);
	if (status == LK_OK)
		lk_buf_printf(&ctl->out,
		    "{\"store\":\"%s\",\"sessions\":%llu,\"users\":%llu,"
		    "\"bytes\":%llu}\n",
		    s.store, (unsigned long long)s.sessions,
		    (unsigned long long)s.users, (unsigned long long)s.bytes);
	return (ctl_answer(ctl, status, "store"));
}

static int
sweep(struct ctl *ctl, int argc, char **argv)
{
	enum lk_status status = LK_FAULT;
	uint64_t swept;
	int code;

	if ((code = expect_nothing(ctl, argc, argv)) != CTL_DONE)
		return (code);
	status = lk_store_sweep(ctl->manager, &swept);
	if (status == LK_OK)
		lk_buf_printf(&ctl->out, "%llu\n", (unsigned long long)swept);
	return (ctl_answer(ctl, status, "store"));
}

/* ---- Export ------------------------------------------------------------ */

/* Tokens do not go into a file that others can read. */
static int
check_privacy(struct ctl *ctl)
{
	struct stat st;
	int code;

	if ((code = ctl_expect_tokens(ctl)) != CTL_DONE)
		return (code);
	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		ctl_say(ctl,
		    "--tokens: others can read the file; umask 077 first");
		return (CTL_USAGE);
	}
	return (CTL_DONE);
}

static void
add_lines(void *arg, const char *lines, size_t len)
{
	struct ctl *ctl = arg;

	lk_buf_add(&ctl->out, lines, len);
}

static int
run_export(struct ctl *ctl, struct lk_export *exporting)
{
	struct lk_export_state state = { .done = false };
	struct ctl_progress progress;
	enum lk_status status = LK_OK;
	int code = CTL_DONE;

	ctl_progress_start(&progress);
	while (status == LK_OK && code == CTL_DONE && !state.done) {
		status = lk_export_some(exporting, add_lines, ctl, &state);
		ctl_progress_show(&progress, state.part, state.sessions,
		    "sessions");
		if (status == LK_OK)
			code = ctl_print(ctl);
	}
	ctl_progress_end(&progress);
	if (status != LK_OK)
		return (ctl_answer(ctl, status, "store"));
	if (code == CTL_DONE && state.unreadable > 0) {
		ctl_say(ctl, "left out %llu: not what latchkey writes",
		    (unsigned long long)state.unreadable);
		code = CTL_REFUSED;
	}
	return (code);
}

static int
export_all(struct ctl *ctl, int argc, char **argv)
{
	bool tokens = false;
	const struct ctl_option options[] = { { "--tokens", &tokens, NULL },
		{ NULL, NULL, NULL } };
	struct lk_export *exporting = NULL;
	enum lk_status status = LK_FAULT;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands != 0)
		return (ctl_usage(ctl, "no operand: it prints"));
	if (tokens && (code = check_privacy(ctl)) != CTL_DONE)
		return (code);
	status = lk_export_new(ctl->manager, tokens, &exporting);
	code = status == LK_OK ? run_export(ctl, exporting)
	                       : ctl_answer(ctl, status, "store");
	lk_export_free(exporting);
	return (code);
}

/* Make the tables, or print how. */
static int
init(struct ctl *ctl, int argc, char **argv)
{
	bool print = false;
	const struct ctl_option options[] = { { "--print", &print, NULL },
		{ NULL, NULL, NULL } };
	struct lk_error error = { "" };
	enum lk_status status = LK_FAULT;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands != 0)
		return (ctl_usage(ctl, "no operand"));
	status = lk_store_init(ctl->settings, print ? &ctl->out : NULL, &error);
	if (status == LK_OK)
		return (ctl_print(ctl));
	ctl_say(ctl, "%s", error.text);
	return (status == LK_E_SETTINGS ? CTL_USAGE : CTL_STORE);
}

/* ---- The verb ---------------------------------------------------------- */

static const struct {
	const char *name;
	int (*run)(struct ctl *ctl, int argc, char **argv);
} actions[] = { { "init", init }, { "stats", stats }, { "sweep", sweep },
	{ "export", export_all }, { "import", ctl_store_import },
	{ NULL, NULL } };

int
ctl_store(struct ctl *ctl, int argc, char **argv)
{
	int a;

	for (a = 0; argc > 1 && actions[a].name != NULL; a++) {
		if (strcmp(actions[a].name, argv[1]) == 0)
			return (actions[a].run(ctl, argc - 1, argv + 1));
	}
	return (ctl_usage(ctl, "init, stats, sweep, export or import"));
}
