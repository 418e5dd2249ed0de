/* Commands to Redis, formatted by hiredis. */
#ifndef LK_REDIS_COMMAND_H_
#define LK_REDIS_COMMAND_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "latchkey.h"

#define LK_REDIS_ARGS_MAX 16

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

#endif /* !LK_REDIS_COMMAND_H_ */
