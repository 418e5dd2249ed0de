/*
 * Redis' protocol: commands, formatted by hiredis, and what is answered, parsed
 * by its reader into objects of our own, since the default ones would believe
 * any length a peer announces.
 */
#ifndef LK_REDIS_RESP_H_
#define LK_REDIS_RESP_H_

#include <hiredis/read.h>

#include "base/buf.h"
#include "base/error.h"

/* ---- Commands ---------------------------------------------------------- */

#define LK_REDIS_ARGS_MAX 20

/** A script that Redis runs. */
struct lk_redis_script {
	const char *sha1; /* 40 hex digits of the text's SHA-1 */
	const char *text;
};

/**
 * A command: arguments that are borrowed until it has been run, and numbers
 * that are kept in it, so it must not be copied.
 */
struct lk_redis_command {
	int argc;
	const char *argv[LK_REDIS_ARGS_MAX];
	size_t len[LK_REDIS_ARGS_MAX];
	char number[LK_REDIS_ARGS_MAX][24]; /* room for formatted numbers */
};

/**
 * lk_redis_command(command, name): Start a command.
 * lk_redis_arg(command, bytes, len), lk_redis_arg_str(command, text),
 * lk_redis_arg_int(command, number): Append an argument.
 */
void lk_redis_command(struct lk_redis_command *command, const char *name);
void lk_redis_arg(struct lk_redis_command *command, const void *bytes,
    size_t len);
void lk_redis_arg_str(struct lk_redis_command *command, const char *text);
void lk_redis_arg_int(struct lk_redis_command *command, int64_t number);

/**
 * lk_redis_command_auth(command, username, password):
 * Start the command that logs in; without a user name it is the default one's
 * password.  False, and no command, if there is no password.
 */
bool lk_redis_command_auth(struct lk_redis_command *command,
    const char *username, const char *password);

/**
 * lk_redis_command_format(commands, count, out):
 * Append the commands, as they go over the wire, to ${out}.
 */
enum lk_status lk_redis_command_format(const struct lk_redis_command *commands,
    size_t count, struct lk_buf *out) LK_MUST_CHECK;

/* ---- Replies ----------------------------------------------------------- */

/* Most bytes of all replies to one operation; the longest is a list. */
#define LK_REDIS_REPLY_MAX (16 * 1024 * 1024)
/* Most elements of an array. */
#define LK_REDIS_ELEMENTS_MAX 4096
/* Deepest nesting of arrays: hiredis has no bound from 1.0 on. */
#define LK_REDIS_DEPTH_MAX 6

enum lk_redis_type {
	LK_REDIS_NIL = 0,
	LK_REDIS_STRING, /* bulk or simple */
	LK_REDIS_INTEGER,
	LK_REDIS_ARRAY,
	LK_REDIS_ERROR
};

struct lk_redis_reply {
	enum lk_redis_type type;
	int64_t integer;
	char *text; /* of STRING and ERROR: NUL-terminated, may hold NULs */
	size_t len;
	struct lk_redis_reply **element; /* of ARRAY */
	size_t elements;
};

/**
 * lk_redis_reader_new(), lk_redis_reader_free(reader):
 * A reader that makes struct lk_redis_reply; freeing wipes its buffer.
 * NULL if memory ran out.
 */
redisReader *lk_redis_reader_new(void);
void lk_redis_reader_free(redisReader *reader);

/** lk_redis_reply_free(reply): Wipe and free.  NULL is fine. */
void lk_redis_reply_free(struct lk_redis_reply *reply);

/** lk_redis_free_replies(replies, count): Free each of them. */
void lk_redis_free_replies(struct lk_redis_reply **replies, size_t count);

/**
 * lk_redis_reply_is(reply, text): whether it is a STRING that says ${text}.
 */
bool lk_redis_reply_is(const struct lk_redis_reply *reply, const char *text);

/** lk_redis_reply_says(reply, number): whether it is this INTEGER. */
static inline bool
lk_redis_reply_says(const struct lk_redis_reply *reply, int64_t number)
{
	return (reply->type == LK_REDIS_INTEGER && reply->integer == number);
}

/**
 * lk_redis_reply_is_error(reply, code):
 * Whether it is an ERROR that begins with ${code}.
 */
bool lk_redis_reply_is_error(const struct lk_redis_reply *reply,
    const char *code);

/**
 * lk_redis_reply_refusal(reply, where, error):
 * If ${reply} is an error, say in ${error} what Redis at ${where} means by it
 * and return the status that follows, else LK_OK.  The reply's own text stays
 * out of it: it may quote arguments, and so a token.
 */
enum lk_status lk_redis_reply_refusal(const struct lk_redis_reply *reply,
    const char *where, struct lk_error *error) LK_MUST_CHECK;

/* ---- What INFO says ---------------------------------------------------- */

/* Longest value that is looked at: a replica's, with the host name of 255
 * bytes that it may have announced. */
#define LK_REDIS_INFO_MAX 511
/* A replica that was silent for more seconds may have been cut off. */
#define LK_REDIS_LAG_MAX 1

/**
 * lk_redis_info(info, name, value):
 * Copy the value of a line `name:value`; false if there is none.
 */
bool lk_redis_info(const char *info, const char *name,
    char value[LK_REDIS_INFO_MAX + 1]);

/**
 * lk_redis_info_replicas(info):
 * How many replicas a master's INFO shows to be in step: connected, and heard
 * of within the last LK_REDIS_LAG_MAX seconds.
 */
size_t lk_redis_info_replicas(const char *info);

#endif /* !LK_REDIS_RESP_H_ */
