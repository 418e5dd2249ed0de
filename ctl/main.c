#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <syslog.h>
#include <unistd.h>

#include "base/fd.h"
#include "ctl.h"

/* Ended by one whose name is NULL. */
static const struct ctl_verb ctl_verbs[] = {
	{ "issue",
	    "USER [--ttl SECONDS] [--client KIND] [--peer ADDRESS] "
	    "[--agent PROGRAM]",
	    "start a session and print its token", ctl_issue, true },
	{ "check", "TOKEN [--user]",
	    "print the session as JSON, with the user's detail", ctl_check,
	    true },
	{ "refresh", "TOKEN [--ttl SECONDS]",
	    "give a live session another end; print it", ctl_refresh, true },
	{ "revoke", "TOKEN | --id ID", "end a session; print how many ended",
	    ctl_revoke, true },
	{ "revoke-all", "USER", "end all sessions of a user", ctl_revoke_all,
	    true },
	{ "logout-others", "TOKEN", "end all sessions of its user but this one",
	    ctl_logout_others, true },
	{ "list", "USER [--json] [--tokens]",
	    "print a user's sessions: id, client, issued, expires", ctl_list,
	    true },
	{ "history", "USER [--json] [--erase]",
	    "print what happened to a user's sessions, the newest first",
	    ctl_history, true },
	{ "why", "ID [--json]", "print what became of a session", ctl_why,
	    true },
	{ "user",
	    "get USER...|load USER... [--ttl SECONDS]|"
	    "refresh USER... [--ttl SECONDS]|delete USER...",
	    "the cached user info, as JSON", ctl_user, true },
	{ "explain",
	    "METHOD URL [TOKEN] [--client-accepts-html] [--subrequest] "
	    "[--destination URL]",
	    "print what the gate would answer, by which rule, and why",
	    ctl_explain, true },
	{ "probe",
	    "URL [--token-from FILE] [--public PATH] [--ca FILE] [--revoke] "
	    "[--pause COMMAND] [--resume COMMAND]",
	    "try your own site as somebody would who wants to get in",
	    ctl_probe, false },
	{ "jwt",
	    "keygen FILE|issue TOKEN [--audience A] [--ttl S]|"
	    "verify JWT [--offline]|jwks",
	    "access tokens, which others verify, and their keys", ctl_jwt,
	    true },
	{ "store",
	    "init [--print]|stats|sweep|export [--tokens]|import [FILE|-]",
	    "the store as a whole: make, count, clear, move it", ctl_store,
	    true },
	{ "config", "", "print the effective settings", ctl_config, false },
	{ "doctor", "", "check settings, permissions and the store", ctl_doctor,
	    true },
	{ NULL, NULL, NULL, NULL, false }
};

/* ---- Help -------------------------------------------------------------- */

static void
help_verb(struct ctl *ctl, const struct ctl_verb *verb)
{
	lk_buf_printf(&ctl->out, "  %s%s%s\n        %s\n", verb->name,
	    verb->arguments[0] != '\0' ? " " : "", verb->arguments, verb->help);
}

/* Print the help of one verb, or with NULL of all. */
static int
help(struct ctl *ctl, const struct ctl_verb *verb)
{
	if (verb != NULL) {
		lk_buf_str(&ctl->out, "usage: latchkey [-c FILE]\n");
		help_verb(ctl, verb);
		return (ctl_print(ctl));
	}
	lk_buf_printf(&ctl->out,
	    "usage: latchkey [-c FILE] VERB [ARGUMENT ...]\n"
	    "       latchkey help [VERB]\n\n"
	    "Sessions that open every door: issue, check, refresh, list "
	    "and revoke them.\n\n"
	    "  -c, --config FILE  settings (default %s;\n"
	    "                     without that file, built-in defaults, and\n"
	    "                     a store of one's own unless one is root)\n"
	    "  -h, --help         print this and exit\n"
	    "  -V, --version      print the version and exit\n\n",
	    LK_SETTINGS_PATH);
	for (verb = ctl_verbs; verb->name != NULL; verb++)
		help_verb(ctl, verb);
	lk_buf_str(&ctl->out,
	    "\nA TOKEN of - is read from standard input.  Behind -- nothing "
	    "is an option.\n"
	    "Exit status: 0 done, or the session is valid; 1 refused; "
	    "2 wrong usage or\nsettings; 3 the store cannot answer.\n");
	return (ctl_print(ctl));
}

static int
version(struct ctl *ctl)
{
	lk_buf_printf(&ctl->out, "latchkey %s\n", lk_version());
	return (ctl_print(ctl));
}

/* ---- Running ----------------------------------------------------------- */

/*
 * Logging goes to syslog if the settings say so; a command that was asked
 * for something on a terminal prints its own errors and nothing else.
 */
static const struct lk_log *
open_log(struct ctl *ctl)
{
	if (ctl->settings->log.to != LK_LOG_TO_SYSLOG)
		return (NULL);
	openlog("latchkey", LOG_PID, LOG_AUTHPRIV);
	ctl->log.level = (enum lk_log_level)ctl->settings->log.level;
	ctl->log.format = (enum lk_log_format)ctl->settings->log.format;
	ctl->log.sink = lk_log_syslog;
	return (&ctl->log);
}

int
ctl_manager(struct ctl *ctl)
{
	const struct lk_surroundings around = { .log = open_log(ctl) };
	struct lk_error error;

	(void)snprintf(ctl->actor, sizeof(ctl->actor), "command:%u",
	    (unsigned int)getuid());
	ctl_settings_prepare(ctl);
	if (lk_manager_new(ctl->settings, &around, &ctl->manager, &error) ==
	    LK_OK)
		return (CTL_DONE);
	ctl_say(ctl, "%s", error.text);
	return (CTL_USAGE);
}

static int
run_verb(struct ctl *ctl, const struct ctl_verb *verb, const char *path,
    int argc, char **argv)
{
	struct lk_error error;
	int code = CTL_DONE, printed;

	if (ctl_settings_load(ctl, path, &error) != LK_OK) {
		ctl_say(ctl, "%s", error.text);
		return (CTL_USAGE);
	}
	if (verb->wants_manager)
		code = ctl_manager(ctl);
	if (code == CTL_DONE) {
		code = verb->run(ctl, argc, argv);
		printed = ctl_print(ctl);
		if (code < printed)
			code = printed;
	}
	lk_manager_free(ctl->manager);
	lk_settings_free(ctl->settings);
	return (code);
}

/* ---- The command line -------------------------------------------------- */

/* The verb of that name; NULL when it has said that there is none. */
static const struct ctl_verb *
find_verb(const struct ctl *ctl, const char *name)
{
	struct ctl_guess guess = { .word = name, .len = strlen(name) };
	const struct ctl_verb *verb;

	for (verb = ctl_verbs; verb->name != NULL; verb++) {
		if (strcmp(verb->name, name) == 0)
			return (verb);
		ctl_guess(&guess, verb->name);
	}
	if (guess.best != NULL)
		ctl_say(ctl, "unknown verb %s, did you mean %s?", name,
		    guess.best);
	else
		ctl_say(ctl, "unknown verb; see latchkey --help");
	return (NULL);
}

static bool
is_option(const char *argument, const char *letter, const char *name)
{
	return (strcmp(argument, letter) == 0 || strcmp(argument, name) == 0);
}

/*
 * Read the options before the verb.  The exit code if there is nothing more
 * to do, or -1 with ${first}, the index of the verb.
 */
static int
read_options(struct ctl *ctl, int argc, char **argv, const char **path,
    int *first)
{
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (i + 1 == argc && is_option(argv[i], "-h", "--help"))
			return (help(ctl, NULL));
		if (i + 1 == argc && is_option(argv[i], "-V", "--version"))
			return (version(ctl));
		if (strncmp(argv[i], "--config=", 9) == 0)
			*path = argv[i] + 9;
		else if (is_option(argv[i], "-c", "--config") && i + 1 < argc)
			*path = argv[++i];
		else
			return (ctl_usage(ctl,
			    "-c FILE and a verb, or --help or --version "
			    "alone"));
	}
	*first = i;
	return (i < argc ? -1 : ctl_usage(ctl, "a verb"));
}

/* `help`, alone or with a verb. */
static int
run_help(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_verb *verb = NULL;

	if (argc > 2)
		return (ctl_usage(ctl, "one verb to explain"));
	if (argc == 2 && (verb = find_verb(ctl, argv[1])) == NULL)
		return (CTL_USAGE);
	return (help(ctl, verb));
}

static int
run(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_verb *verb;
	const char *path = NULL;
	int code, first = 0;

	code = read_options(ctl, argc, argv, &path, &first);
	if (code != -1)
		return (code);
	argc -= first;
	argv += first;
	if (strcmp(argv[0], "help") == 0)
		return (run_help(ctl, argc, argv));
	if ((verb = find_verb(ctl, argv[0])) == NULL)
		return (CTL_USAGE);
	/* Beside anything else it may be a user id. */
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return (help(ctl, verb));
	ctl->verb = verb->name;
	return (run_verb(ctl, verb, path, argc, argv));
}

int
main(int argc, char **argv)
{
	const struct rlimit no_core = { 0, 0 };
	struct lk_fd_hold standard = { { false } };
	struct ctl ctl = { .out = LK_BUF_INIT(CTL_OUTPUT_MAX) };
	int code;

	/* For good: what is printed must not reach the store, nor a token that
	 * is sent to the store be printed. */
	lk_fd_hold(&standard);
	/* Tokens pass through here; they do not belong into a core file. */
	(void)setrlimit(RLIMIT_CORE, &no_core);
	/* A reader that has gone is an answer that could not be written. */
	(void)signal(SIGPIPE, SIG_IGN);
	code = run(&ctl, argc, argv);
	lk_buf_free(&ctl.out);
	return (code);
}
