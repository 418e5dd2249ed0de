#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>
#include <sodium.h>

#include "store/redis/wire/resp.h"

/* ---- Commands ---------------------------------------------------------- */

void
lk_redis_arg(struct lk_redis_command *command, const void *bytes, size_t len)
{
	command->argv[command->argc] = bytes;
	command->len[command->argc++] = len;
}

void
lk_redis_arg_str(struct lk_redis_command *command, const char *text)
{
	lk_redis_arg(command, text, strlen(text));
}

void
lk_redis_arg_int(struct lk_redis_command *command, int64_t number)
{
	char *text = command->number[command->argc];

	(void)snprintf(text, sizeof(command->number[0]), "%lld",
	    (long long)number);
	lk_redis_arg_str(command, text);
}

void
lk_redis_command(struct lk_redis_command *command, const char *name)
{
	command->argc = 0;
	lk_redis_arg_str(command, name);
}

bool
lk_redis_command_auth(struct lk_redis_command *command, const char *username,
    const char *password)
{
	if (password[0] == '\0')
		return (false);
	lk_redis_command(command, "AUTH");
	if (username[0] != '\0')
		lk_redis_arg_str(command, username);
	lk_redis_arg_str(command, password);
	return (true);
}

enum lk_status
lk_redis_command_format(const struct lk_redis_command *commands, size_t count,
    struct lk_buf *out)
{
	const char *argv[LK_REDIS_ARGS_MAX];
	const struct lk_redis_command *c;
	char *text = NULL;
	size_t i;
	int len;

	for (i = 0; i < count; i++) {
		c = &commands[i];
		memcpy(argv, c->argv, (size_t)c->argc * sizeof(argv[0]));
		len = (int)redisFormatCommandArgv(&text, c->argc, argv, c->len);
		if (len < 0)
			return (LK_E_NOMEM);
		lk_buf_add(out, text, (size_t)len);
		sodium_memzero(text, (size_t)len);
		redisFreeCommand(text);
	}
	return (out->failed ? LK_E_NOMEM : LK_OK);
}

/* ---- Building replies, called by the reader --------------------------- */

/* Make an object and hang it into the array it belongs to. */
static struct lk_redis_reply *
reply_new(const redisReadTask *task, enum lk_redis_type type)
{
	struct lk_redis_reply *reply = calloc(1, sizeof(*reply));
	struct lk_redis_reply *parent;

	if (reply == NULL)
		return (NULL);
	reply->type = type;
	if (task->parent != NULL) {
		parent = task->parent->obj;
		parent->element[task->idx] = reply;
	}
	return (reply);
}

static void *
create_string(const redisReadTask *task, char *text, size_t len)
{
	struct lk_redis_reply *reply;
	char *copy;

	if ((copy = malloc(len + 1)) == NULL)
		return (NULL);
	reply = reply_new(task,
	    task->type == REDIS_REPLY_ERROR ? LK_REDIS_ERROR : LK_REDIS_STRING);
	if (reply == NULL) {
		free(copy);
		return (NULL);
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	reply->text = copy;
	reply->len = len;
	return (reply);
}

/*
 * A reader that is refused its object reports an error: no such array.  As none
 * is nested deeply, freeing them may call itself.
 */
static void *
create_array_of(const redisReadTask *task, size_t elements)
{
	const redisReadTask *outer = task;
	struct lk_redis_reply *reply;
	int depth = 1;

	while ((outer = outer->parent) != NULL)
		depth++;
	if (elements > LK_REDIS_ELEMENTS_MAX || depth > LK_REDIS_DEPTH_MAX ||
	    (reply = reply_new(task, LK_REDIS_ARRAY)) == NULL)
		return (NULL);
	if (elements > 0) {
		reply->element = calloc(elements,
		    sizeof(struct lk_redis_reply *));
		if (reply->element == NULL) {
			reply->elements = 0;
			/* The parent, if any, owns it now. */
			if (task->parent == NULL)
				free(reply);
			return (NULL);
		}
	}
	reply->elements = elements;
	return (reply);
}

static void *
create_integer(const redisReadTask *task, long long integer)
{
	struct lk_redis_reply *reply = reply_new(task, LK_REDIS_INTEGER);

	if (reply != NULL)
		reply->integer = integer;
	return (reply);
}

static void *
create_nil(const redisReadTask *task)
{
	return (reply_new(task, LK_REDIS_NIL));
}

static void
free_object(void *object)
{
	lk_redis_reply_free(object);
}

#if defined(HIREDIS_MAJOR) && HIREDIS_MAJOR >= 1
/* RESP3 types: never asked for (no HELLO 3), so never right. */
static void *
create_double(const redisReadTask *task, double number, char *text, size_t len)
{
	(void)task;
	(void)number;
	(void)text;
	(void)len;
	return (NULL);
}

static void *
create_bool(const redisReadTask *task, int truth)
{
	(void)task;
	(void)truth;
	return (NULL);
}

static redisReplyObjectFunctions reply_functions = {
	.createString = create_string,
	.createArray = create_array_of,
	.createInteger = create_integer,
	.createDouble = create_double,
	.createNil = create_nil,
	.createBool = create_bool,
	.freeObject = free_object
};
#else
static void *
create_array(const redisReadTask *task, int elements)
{
	return (create_array_of(task, (size_t)elements));
}

static redisReplyObjectFunctions reply_functions = {
	.createString = create_string,
	.createArray = create_array,
	.createInteger = create_integer,
	.createNil = create_nil,
	.freeObject = free_object
};
#endif

redisReader *
lk_redis_reader_new(void)
{
	return (redisReaderCreateWithFunctions(&reply_functions));
}

void
lk_redis_reader_free(redisReader *reader)
{
	if (reader == NULL)
		return;
	if (reader->buf != NULL)
		sodium_memzero(reader->buf, reader->len);
	redisReaderFree(reader);
}

void
lk_redis_reply_free(struct lk_redis_reply *reply)
{
	size_t i;

	if (reply == NULL)
		return;
	for (i = 0; i < reply->elements; i++)
		lk_redis_reply_free(reply->element[i]);
	free(reply->element);
	if (reply->text != NULL) {
		sodium_memzero(reply->text, reply->len);
		free(reply->text);
	}
	free(reply);
}

void
lk_redis_free_replies(struct lk_redis_reply **replies, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		lk_redis_reply_free(replies[i]);
		replies[i] = NULL;
	}
}

/* ---- Reading them ------------------------------------------------------ */

bool
lk_redis_reply_is(const struct lk_redis_reply *reply, const char *text)
{
	return (reply->type == LK_REDIS_STRING && reply->len == strlen(text) &&
	    memcmp(reply->text, text, reply->len) == 0);
}

bool
lk_redis_reply_is_error(const struct lk_redis_reply *reply, const char *code)
{
	return (reply->type == LK_REDIS_ERROR &&
	    strncmp(reply->text, code, strlen(code)) == 0);
}

/* Most characters of an error that are repeated: of its code, and of the name
 * of the command that an ACL does not permit; never an argument. */
#define CODE_MAX 16
#define COMMAND_MAX 32

#define NOT_PERMITTED "does not permit this user (ACL) enough"
#define LACKS_A_COMMAND                                                     \
	"lacks a command, or has it under another name: Redis 7 or Valkey " \
	"7.2 is needed, and no Sentinel"

#define CLUSTER_NODE                                                     \
	"is a cluster node; latchkey needs store.backend = \"cluster\" " \
	"for it, and database 0"

/* The beginnings of error replies, the more particular ones first. */
static const struct {
	const char *prefix;
	enum lk_status status;
	const char *meaning;
} refusals[] = { { "LOADING", LK_E_STORE, "is still loading its data" },
	{ "READONLY", LK_E_STORE, "is a replica and takes no changes" },
	{ "MASTERDOWN", LK_E_STORE, "is a replica that has lost its master" },
	{ "UNBLOCKED", LK_E_STORE, "has stopped being the master" },
	{ "BUSY", LK_E_STORE, "is busy with a long script" },
	{ "OOM", LK_E_STORE, "is out of memory (maxmemory)" },
	{ "MISCONF", LK_E_STORE, "cannot save to disk and takes no changes" },
	{ "NOREPLICAS", LK_E_STORE, "has too few replicas to take changes" },
	{ "ERR max number of clients", LK_E_STORE,
	    "has no free connection (maxclients)" },
	{ "NOAUTH", LK_E_SETTINGS, "wants a password (store.redis.password)" },
	{ "ERR Protocol error: unauthenticated", LK_E_SETTINGS,
	    "wants a password (store.redis.password)" },
	{ "WRONGPASS", LK_E_SETTINGS,
	    "refused store.redis.username or store.redis.password" },
	{ "NOPERM", LK_E_SETTINGS, NOT_PERMITTED },
	{ "ERR The user executing the script", LK_E_SETTINGS, NOT_PERMITTED },
	{ "ERR ACL failure in script", LK_E_SETTINGS, NOT_PERMITTED },
	{ "ERR AUTH", LK_E_SETTINGS,
	    "has no password, but store.redis.password is set" },
	{ "ERR Client sent AUTH", LK_E_SETTINGS,
	    "has no password, but store.redis.password is set" },
	{ "ERR DB index", LK_E_SETTINGS,
	    "has no database of the number store.redis.database" },
	{ "ERR SELECT is not allowed", LK_E_SETTINGS, CLUSTER_NODE },
	{ "MOVED", LK_E_SETTINGS, CLUSTER_NODE },
	{ "CROSSSLOT", LK_E_SETTINGS, CLUSTER_NODE },
	{ "CLUSTERDOWN", LK_E_SETTINGS, CLUSTER_NODE },
	{ "ASK ", LK_E_STORE, "is moving the slot to another node" },
	{ "TRYAGAIN", LK_E_STORE, "is moving the slot to another node" },
	{ "ERR Script attempted to access", LK_E_STORE,
	    "is moving the slot to another node" },
	{ "ERR This instance has cluster support disabled", LK_E_SETTINGS,
	    "is no node of a Redis Cluster (store.backend)" },
	/* The first of each two is said to us, the second to a script. */
	{ "ERR unknown command", LK_E_SETTINGS, LACKS_A_COMMAND },
	{ "ERR Unknown Redis command called from script", LK_E_SETTINGS,
	    LACKS_A_COMMAND },
	{ "ERR Unknown command called from script", LK_E_SETTINGS,
	    LACKS_A_COMMAND },
	{ "DENIED", LK_E_SETTINGS,
	    "is in protected mode and takes no connection from elsewhere" },
	{ "WRONGTYPE", LK_E_CORRUPT, "holds something else under our keys" },
	{ "", LK_E_STORE, "answered with an error" } };

enum lk_status
lk_redis_reply_refusal(const struct lk_redis_reply *reply, const char *where,
    struct lk_error *error)
{
	size_t i = 0, code, name;
	const char *command;

	if (reply->type != LK_REDIS_ERROR)
		return (LK_OK);
	while (!lk_redis_reply_is_error(reply, refusals[i].prefix))
		i++;
	code = strspn(reply->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
	command = strstr(reply->text, "run the '");
	command = command != NULL ? command + strlen("run the '") : "";
	name = strspn(command, "abcdefghijklmnopqrstuvwxyz-|");
	return (lk_fail(error, refusals[i].status,
	    "redis at %s %s (%.*s%s%.*s)", where, refusals[i].meaning,
	    (int)(code < CODE_MAX ? code : CODE_MAX), reply->text,
	    name > 0 ? ": " : "",
	    (int)(name < COMMAND_MAX ? name : COMMAND_MAX), command));
}

/* ---- What INFO says ---------------------------------------------------- */

/* More replicas than Redis keeps. */
#define REPLICAS_MAX 64

bool
lk_redis_info(const char *info, const char *name,
    char value[LK_REDIS_INFO_MAX + 1])
{
	size_t name_len = strlen(name), len;
	const char *line;

	for (line = info; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, name_len) != 0 || line[name_len] != ':')
			continue;
		line += name_len + 1;
		len = strcspn(line, "\r\n");
		if (len > LK_REDIS_INFO_MAX)
			len = LK_REDIS_INFO_MAX;
		memcpy(value, line, len);
		value[len] = '\0';
		return (true);
	}
	return (false);
}

/*
 * Whether `ip=...,port=...,state=online,offset=...,lag=0` is in step.  Redis
 * takes the time of the last word from a finer clock than the present, so that
 * at the turn of a second the lag can be -1.
 */
static bool
is_in_step(const char *replica)
{
	static const char lag[] = ",lag=";
	const char *p = strstr(replica, lag);
	char *end;
	long seconds;

	if (strstr(replica, ",state=online,") == NULL || p == NULL)
		return (false);
	p += sizeof(lag) - 1;
	seconds = strtol(p, &end, 10);
	return (end != p && seconds >= -1 && seconds <= LK_REDIS_LAG_MAX);
}

size_t
lk_redis_info_replicas(const char *info)
{
	char value[LK_REDIS_INFO_MAX + 1], name[16];
	size_t i, n = 0;

	if (!lk_redis_info(info, "role", value) || strcmp(value, "master") != 0)
		return (0);
	for (i = 0; i < REPLICAS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "slave%zu", i);
		if (lk_redis_info(info, name, value))
			n += is_in_step(value);
	}
	return (n);
}
