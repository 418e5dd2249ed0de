/*
 * The `latchkey` command: each verb obtains what it needs, asks the manager,
 * and turns the status into an exit code.
 */
#ifndef CTL_H_
#define CTL_H_

#include "base/buf.h"
#include "base/log.h"
#include "latchkey.h"
#include "settings/settings.h"

/* Most bytes a verb prints. */
#define CTL_OUTPUT_MAX (256 * 1024 * 1024)

/** Exit codes: part of the interface. */
enum ctl_exit {
	CTL_DONE = 0,    /* done; the session is valid */
	CTL_REFUSED = 1, /* unknown, expired, malformed, over a limit */
	CTL_USAGE = 2,   /* wrong usage or settings */
	CTL_STORE = 3    /* the store could not answer */
};

struct ctl {
	const char *verb; /* for messages */
	struct lk_settings *settings;
	char actor[32]; /* who runs it, for histories */
	struct lk_log log;
	struct lk_manager *manager; /* NULL for verbs that want none */
	struct lk_buf out;          /* printed if the verb returns */
};

/** A verb.  ${argv} begins with its name and ends with NULL. */
struct ctl_verb {
	const char *name;
	const char *arguments; /* for the help */
	const char *help;
	int (*run)(struct ctl *ctl, int argc, char **argv);
	bool wants_manager;
};

int ctl_issue(struct ctl *ctl, int argc, char **argv);
int ctl_check(struct ctl *ctl, int argc, char **argv);
int ctl_refresh(struct ctl *ctl, int argc, char **argv);
int ctl_revoke(struct ctl *ctl, int argc, char **argv);
int ctl_revoke_all(struct ctl *ctl, int argc, char **argv);
int ctl_logout_others(struct ctl *ctl, int argc, char **argv);
int ctl_list(struct ctl *ctl, int argc, char **argv);
int ctl_history(struct ctl *ctl, int argc, char **argv);
int ctl_why(struct ctl *ctl, int argc, char **argv);
int ctl_user(struct ctl *ctl, int argc, char **argv);
int ctl_explain(struct ctl *ctl, int argc, char **argv);
int ctl_probe(struct ctl *ctl, int argc, char **argv);
int ctl_jwt(struct ctl *ctl, int argc, char **argv);
int ctl_store(struct ctl *ctl, int argc, char **argv);
int ctl_config(struct ctl *ctl, int argc, char **argv);
int ctl_doctor(struct ctl *ctl, int argc, char **argv);

/**
 * ctl_manager(ctl):
 * Make the manager of a verb that wants none by itself, as run_verb() does for
 * the others.  CTL_DONE, or an exit code when it has said what is wrong.
 */
int ctl_manager(struct ctl *ctl) LK_MUST_CHECK;

/** ctl_exit_of(status): the exit code that goes with ${status}. */
enum ctl_exit ctl_exit_of(enum lk_status status);

/**
 * ctl_say(ctl, format, ...):
 * Print one line to stderr, behind the program's and the verb's name.
 */
void ctl_say(const struct ctl *ctl, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * ctl_answer(ctl, status, what):
 * Say why ${status} is not LK_OK, if it is not, and return its exit code.
 * ${what} is what was asked for, such as "session".
 */
int ctl_answer(const struct ctl *ctl, enum lk_status status, const char *what);

/**
 * ctl_print(ctl):
 * Write what a verb has put out so far to standard output, and forget it.
 * Verbs that put out much call it; for others it is called at their end.
 * Whatever a terminal would not show as it is is escaped (escape.h), which
 * leaves JSON the same.
 */
int ctl_print(struct ctl *ctl) LK_MUST_CHECK;

/** ctl_print_exactly(ctl): The same for a token, which is of use as it is. */
int ctl_print_exactly(struct ctl *ctl) LK_MUST_CHECK;

/** ctl_print_time(out, seconds): RFC 3339, UTC; a dash for 0. */
void ctl_print_time(struct lk_buf *out, int64_t seconds);

/** ctl_usage(ctl, expected): Say what was expected; returns CTL_USAGE. */
int ctl_usage(const struct ctl *ctl, const char *expected);

/* ---- Settings ---------------------------------------------------------- */

/**
 * ctl_settings_load(ctl, path, error):
 * Take the settings of ${path}, or with NULL those of the default file, or
 * without that the built-in ones; by these an ordinary user's sessions are
 * in his home folder.
 */
enum lk_status ctl_settings_load(struct ctl *ctl, const char *path,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * ctl_settings_prepare(ctl):
 * Without a settings file, make the folders that lead to the store's own, and
 * on a terminal say which store it is.
 */
void ctl_settings_prepare(const struct ctl *ctl);

/* ---- Arguments --------------------------------------------------------- */

/** An option of a verb: a flag, or one that takes a value. */
struct ctl_option {
	const char *name; /* "--ttl" */
	bool *flag;
	const char **value;
};

/** What a word may have meant that is none of the known ones. */
struct ctl_guess {
	const char *word;
	size_t len;
	const char *best; /* NULL: nothing like it */
	size_t typos;     /* in that */
};

/** ctl_guess(guess, name): See whether ${name} is the best so far. */
void ctl_guess(struct ctl_guess *guess, const char *name);

/**
 * ctl_options(ctl, argc, argv, options, operands):
 * Read a verb's arguments: its options, ended by one without a name, and its
 * operands, which are moved to the front of ${argv} and counted in
 * ${operands}.  What begins with a dash is an operand only behind `--`, but
 * for `-` alone.  CTL_DONE, or CTL_USAGE when it has said what is wrong.
 */
int ctl_options(const struct ctl *ctl, int argc, char **argv,
    const struct ctl_option *options, int *operands) LK_MUST_CHECK;

/**
 * ctl_token(ctl, argument, token):
 * Take the token ${argument}, which is wiped, or with `-` the first line of
 * standard input.  LK_MALFORMED if it is no possible token, which ${token}
 * may hold all the same, LK_E_INVAL if there is nothing to read; then it has
 * said so.
 */
enum lk_status ctl_token(const struct ctl *ctl, char *argument,
    struct lk_token *token) LK_MUST_CHECK;

/**
 * ctl_any_token(ctl, argument, token):
 * The same for whatever may be a token, which it does not look into.
 */
enum lk_status ctl_any_token(const struct ctl *ctl, char *argument,
    struct lk_token *token) LK_MUST_CHECK;

/**
 * ctl_seconds(ctl, text, seconds):
 * Read a TTL; CTL_USAGE when it has said what is wrong.
 */
int ctl_seconds(const struct ctl *ctl, const char *text,
    int64_t *seconds) LK_MUST_CHECK;

/**
 * ctl_expect_tokens(ctl):
 * CTL_DONE if the store keeps tokens, so that `--tokens` can be had; else
 * CTL_USAGE when it has said so.
 */
int ctl_expect_tokens(const struct ctl *ctl) LK_MUST_CHECK;

#endif /* !CTL_H_ */
