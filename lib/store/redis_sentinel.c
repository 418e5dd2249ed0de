#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hiredis/hiredis.h>
#include <sodium.h>

#include "address.h"
#include "connect.h"
#include "redis_command.h"
#include "redis_reply.h"
#include "redis_sentinel.h"
#include "setting.h"

#define SENTINELS_MAX 16 /* as in the settings' table */
/* Longest question, with a password in it, and most that is read of the
 * answers to one. */
#define QUESTION_MAX 16384
#define ANSWER_MAX 32768
#define READ_SIZE 4096
/* Answers that nobody waited for may still come, but not more than these. */
#define OWED_MAX 16
/* How long the others are waited for once there is a majority: the one that
 * replaces the master may be among them. */
#define LINGER_MS 20

/* Where the master is, and what is being done about it. */
#define QUERIES 2

/** What is asked, and how many replies it has. */
struct question {
	struct lk_buf bytes;
	size_t replies;
};

/** One Sentinel. */
struct voter {
	/* Static data. */
	struct lk_address address;

	/* Dynamic data.  fd is -1 if nothing is connected or connecting. */
	int fd;
	redisReader *reader;
	size_t owed; /* replies on their way, the last of them to us */

	/* Of this question. */
	enum { DONE = 0, CONNECTING, ASKED } state;
	bool kept;  /* its connection is from an earlier one */
	size_t got; /* bytes */
	struct lk_endpoints endpoints;
	size_t endpoint; /* the one in use */
};

struct lk_redis_sentinels {
	/* Static data. */
	struct question first; /* on a new connection: AUTH as well */
	struct question again;
	size_t n;

	/* Dynamic data. */
	struct voter voters[SENTINELS_MAX];
	struct lk_vote votes[SENTINELS_MAX];
};

_Static_assert(LK_VOTE_ADDRESS_SIZE > LK_HOST_MAX + sizeof("[]:65535"),
    "an address fits");

/* ---- Life -------------------------------------------------------------- */

static enum lk_status
make_questions(struct lk_redis_sentinels *s, const struct lk_settings *settings)
{
	const char *username = settings->store.sentinel.username;
	const char *password = settings->store.sentinel.password;
	const char *master = settings->store.sentinel.master;
	struct lk_redis_command auth, query[QUERIES];

	lk_redis_command(&query[0], "SENTINEL");
	lk_redis_arg_str(&query[0], "GET-MASTER-ADDR-BY-NAME");
	lk_redis_arg_str(&query[0], master);
	lk_redis_command(&query[1], "SENTINEL");
	lk_redis_arg_str(&query[1], "MASTER");
	lk_redis_arg_str(&query[1], master);
	if (password[0] != '\0') {
		lk_redis_command(&auth, "AUTH");
		if (username[0] != '\0')
			lk_redis_arg_str(&auth, username);
		lk_redis_arg_str(&auth, password);
		if (lk_redis_command_format(&auth, 1, &s->first.bytes) != LK_OK)
			return (LK_E_NOMEM);
		s->first.replies++;
	}
	s->first.replies += QUERIES;
	s->again.replies = QUERIES;
	if (lk_redis_command_format(query, QUERIES, &s->first.bytes) != LK_OK)
		return (LK_E_NOMEM);
	return (lk_redis_command_format(query, QUERIES, &s->again.bytes));
}

enum lk_status
lk_redis_sentinels_new(const struct lk_settings *settings,
    struct lk_redis_sentinels **sentinels, struct lk_error *error)
{
	const struct lk_strings *addresses =
	    &settings->store.sentinel.addresses;
	struct lk_redis_sentinels *s = calloc(1, sizeof(*s));
	enum lk_status status = LK_OK;

	*sentinels = NULL;
	if (s == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	s->first.bytes = s->again.bytes = (struct lk_buf)LK_BUF_INIT(
	    QUESTION_MAX);
	for (; s->n < addresses->n && s->n < SENTINELS_MAX; s->n++) {
		s->voters[s->n].fd = -1;
		if (lk_address_parse(addresses->v[s->n],
		        &s->voters[s->n].address) != LK_OK)
			status = lk_fail(error, LK_E_SETTINGS,
			    "store.sentinel.addresses: expected host:port, "
			    "[ipv6]:port or unix:/path");
	}
	if (status == LK_OK && make_questions(s, settings) != LK_OK)
		status = lk_fail(error, LK_E_NOMEM, "out of memory");
	if (status == LK_OK)
		*sentinels = s;
	else
		lk_redis_sentinels_free(s);
	return (status);
}

static void
hang_up(struct voter *voter)
{
	if (voter->fd >= 0)
		(void)close(voter->fd);
	voter->fd = -1;
	lk_redis_reader_free(voter->reader);
	voter->reader = NULL;
	voter->owed = 0;
}

void
lk_redis_sentinels_free(struct lk_redis_sentinels *sentinels)
{
	size_t i;

	if (sentinels == NULL)
		return;
	for (i = 0; i < sentinels->n; i++)
		hang_up(&sentinels->voters[i]);
	lk_buf_free(&sentinels->first.bytes);
	lk_buf_free(&sentinels->again.bytes);
	free(sentinels);
}

/* ---- Reading an answer ------------------------------------------------- */

static bool
is_number(const struct lk_redis_reply *reply)
{
	return (reply->type == LK_REDIS_STRING && reply->len >= 1 &&
	    reply->len <= 5 && strspn(reply->text, "0123456789") == reply->len);
}

/* Write host and port as an address, if they can be one, or else "". */
static bool
write_address(const struct lk_redis_reply *host,
    const struct lk_redis_reply *port, char text[LK_VOTE_ADDRESS_SIZE])
{
	struct lk_address address;
	const char *want;
	bool six;

	text[0] = '\0';
	if (host->type != LK_REDIS_STRING || host->len == 0 ||
	    host->len > LK_HOST_MAX || strlen(host->text) != host->len ||
	    !is_number(port))
		return (false);
	six = strchr(host->text, ':') != NULL;
	(void)snprintf(text, LK_VOTE_ADDRESS_SIZE, "%s%s%s:%s", six ? "[" : "",
	    host->text, six ? "]" : "", port->text);
	if (lk_address_parse(text, &address) == LK_OK &&
	    lk_setting_is_address(text, &want) && !address.is_unix)
		return (true);
	text[0] = '\0';
	return (false);
}

/* Take ["host", "port"]. */
static bool
read_address(const struct lk_redis_reply *reply, struct lk_vote *vote)
{
	return (reply->type == LK_REDIS_ARRAY && reply->elements == 2 &&
	    write_address(reply->element[0], reply->element[1], vote->address));
}

/* The value of ${name} among names and values, or NULL. */
static const struct lk_redis_reply *
value_of(const struct lk_redis_reply *reply, const char *name)
{
	size_t i;

	if (reply->type != LK_REDIS_ARRAY)
		return (NULL);
	for (i = 0; i + 1 < reply->elements; i += 2) {
		if (lk_redis_reply_is(reply->element[i], name))
			return (reply->element[i + 1]);
	}
	return (NULL);
}

/*
 * Take what describes the master: whether it is being replaced.  The Sentinel
 * that does so names the next one as soon as that has been promoted, but goes
 * on describing the old one, until all replicas follow; then what is being
 * replaced is not what it names, and all is well.
 */
static bool
read_state(const struct lk_redis_reply *reply, struct lk_vote *vote)
{
	const struct lk_redis_reply *flags = value_of(reply, "flags");
	const struct lk_redis_reply *host = value_of(reply, "ip");
	const struct lk_redis_reply *port = value_of(reply, "port");
	char described[LK_VOTE_ADDRESS_SIZE];

	if (flags == NULL || flags->type != LK_REDIS_STRING || host == NULL ||
	    port == NULL || !write_address(host, port, described))
		return (false);
	vote->failing_over = strstr(flags->text, "failover_in_progress") !=
	        NULL &&
	    strcmp(described, vote->address) == 0;
	return (true);
}

static bool
begins_with(const char *text, const char *prefix)
{
	return (strncmp(text, prefix, strlen(prefix)) == 0);
}

static enum lk_vote_kind
read_error(const struct lk_redis_reply *reply)
{
	static const struct {
		const char *prefix;
		enum lk_vote_kind kind;
	} errors[] = { { "NOAUTH", LK_VOTE_CREDENTIALS },
		{ "WRONGPASS", LK_VOTE_CREDENTIALS },
		{ "NOPERM", LK_VOTE_CREDENTIALS },
		{ "ERR AUTH", LK_VOTE_CREDENTIALS },
		{ "ERR Client sent AUTH", LK_VOTE_CREDENTIALS },
		{ "ERR Protocol error: unauthenticated", LK_VOTE_CREDENTIALS },
		{ "IDONTKNOW", LK_VOTE_UNKNOWN },
		{ "ERR No such master", LK_VOTE_UNKNOWN },
		{ "ERR unknown command", LK_VOTE_NO_SENTINEL } };
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (begins_with(reply->text, errors[i].prefix))
			return (errors[i].kind);
	}
	return (LK_VOTE_BROKEN);
}

/*
 * What a reply says, behind which ${more} are to come.  Only the last of them
 * makes it a vote for the address.
 */
static void
read_reply(const struct lk_redis_reply *reply, size_t more,
    struct lk_vote *vote)
{
	/* The first thing that is wrong counts. */
	if (vote->kind != LK_VOTE_SILENT)
		return;
	if (reply->type == LK_REDIS_ERROR)
		vote->kind = read_error(reply);
	else if (more == 1 && reply->type == LK_REDIS_NIL)
		vote->kind = LK_VOTE_UNKNOWN;
	else if (more == 1 && !read_address(reply, vote))
		vote->kind = LK_VOTE_BROKEN;
	else if (more == 0)
		vote->kind = read_state(reply, vote)
		    ? LK_VOTE_NAMES
		    : LK_VOTE_BROKEN;
	if (vote->kind != LK_VOTE_SILENT && vote->kind != LK_VOTE_NAMES)
		vote->address[0] = '\0';
}

/* ---- Asking one of them ------------------------------------------------ */

static void
give_up(struct voter *voter, struct lk_vote *vote, enum lk_vote_kind kind)
{
	memset(vote, 0, sizeof(*vote));
	vote->kind = kind;
	voter->state = DONE;
	hang_up(voter);
}

/* It has fit into no socket buffer yet, if the peer does not read it. */
static bool
put_question(const struct lk_redis_sentinels *s, struct voter *voter)
{
	const struct question *q = voter->kept ? &s->again : &s->first;
	ssize_t n;

	do {
		n = send(voter->fd, q->bytes.data, q->bytes.len,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	voter->owed += q->replies;
	voter->state = ASKED;
	return (n == (ssize_t)q->bytes.len);
}

/* Connect to the next of its endpoints. */
static void
connect_next(const struct lk_redis_sentinels *s, struct voter *voter,
    struct lk_vote *vote)
{
	int error = ECONNREFUSED;

	hang_up(voter);
	voter->kept = false;
	while (voter->endpoint < voter->endpoints.n) {
		error = lk_connect_begin(
		    &voter->endpoints.at[voter->endpoint++], &voter->fd);
		if (error == 0 || error == EINPROGRESS)
			break;
	}
	if (voter->fd >= 0)
		voter->reader = lk_redis_reader_new();
	if (voter->reader == NULL)
		give_up(voter, vote, LK_VOTE_UNREACHABLE);
	else if (error == EINPROGRESS)
		voter->state = CONNECTING;
	else if (!put_question(s, voter))
		connect_next(s, voter, vote);
}

/* Ask it on a new connection. */
static void
begin_anew(const struct lk_redis_sentinels *s, struct voter *voter,
    struct lk_vote *vote)
{
	voter->endpoint = 0;
	voter->got = 0;
	if (lk_endpoints_find(&voter->address, &voter->endpoints))
		connect_next(s, voter, vote);
	else
		give_up(voter, vote, LK_VOTE_UNREACHABLE);
}

static void
begin(const struct lk_redis_sentinels *s, struct voter *voter,
    struct lk_vote *vote)
{
	memset(vote, 0, sizeof(*vote));
	voter->got = 0;
	voter->kept = voter->fd >= 0;
	if (!voter->kept || voter->owed > OWED_MAX || !put_question(s, voter))
		begin_anew(s, voter, vote);
}

/* The connection is broken: one that was kept is made anew. */
static void
lost(const struct lk_redis_sentinels *s, struct voter *voter,
    struct lk_vote *vote)
{
	if (voter->kept && voter->got == 0)
		begin_anew(s, voter, vote);
	else
		give_up(voter, vote, LK_VOTE_UNREACHABLE);
}

/* Read what replies there are whole; its vote may then be known. */
static void
read_replies(const struct lk_redis_sentinels *s, struct voter *voter,
    struct lk_vote *vote)
{
	const size_t mine = voter->kept ? s->again.replies : s->first.replies;
	struct lk_redis_reply *reply;
	void *object;

	while (voter->owed > 0) {
		object = NULL;
		if (redisReaderGetReply(voter->reader, &object) != REDIS_OK) {
			give_up(voter, vote, LK_VOTE_BROKEN);
			return;
		}
		if ((reply = object) == NULL)
			return;
		if (voter->owed <= mine)
			read_reply(reply, voter->owed - 1, vote);
		lk_redis_reply_free(reply);
		voter->owed--;
	}
	voter->state = DONE;
	/* One that refused us is asked anew, and so is one that goes on. */
	if (vote->kind != LK_VOTE_NAMES ||
	    voter->reader->pos < voter->reader->len)
		hang_up(voter);
}

static void
receive(const struct lk_redis_sentinels *s, struct voter *voter,
    struct lk_vote *vote)
{
	char bytes[READ_SIZE];
	ssize_t n;

	n = recv(voter->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		lost(s, voter, vote);
		return;
	}
	voter->got += (size_t)n;
	if (voter->got > ANSWER_MAX ||
	    redisReaderFeed(voter->reader, bytes, (size_t)n) != REDIS_OK)
		give_up(voter, vote, LK_VOTE_BROKEN);
	else
		read_replies(s, voter, vote);
}

static void
step(const struct lk_redis_sentinels *s, struct voter *voter,
    struct lk_vote *vote)
{
	if (voter->state == ASKED)
		receive(s, voter, vote);
	else if (lk_connect_end(voter->fd) != 0 || !put_question(s, voter))
		connect_next(s, voter, vote);
}

/* ---- Asking them all --------------------------------------------------- */

/* Wait for those that have not answered; false once there is none. */
static bool
wait_for_some(struct lk_redis_sentinels *s, struct lk_deadline deadline)
{
	struct pollfd p[SENTINELS_MAX];
	size_t i, waiting = 0;
	int left = lk_deadline_left_ms(deadline);

	for (i = 0; i < s->n; i++) {
		p[i] = (struct pollfd){ .fd = -1 };
		if (s->voters[i].state == DONE)
			continue;
		waiting++;
		p[i].fd = s->voters[i].fd;
		p[i].events = s->voters[i].state == ASKED ? POLLIN : POLLOUT;
	}
	if (waiting == 0 || left == 0)
		return (false);
	if (poll(p, (nfds_t)s->n, left) <= 0)
		return (errno == EINTR || lk_deadline_left_ms(deadline) > 0);
	for (i = 0; i < s->n; i++) {
		if (p[i].fd >= 0 && p[i].revents != 0)
			step(s, &s->voters[i], &s->votes[i]);
	}
	return (true);
}

const struct lk_vote *
lk_redis_sentinels_ask(struct lk_redis_sentinels *s, bool all,
    struct lk_deadline deadline)
{
	bool elected = false;
	size_t i;

	for (i = 0; i < s->n; i++)
		begin(s, &s->voters[i], &s->votes[i]);
	while (wait_for_some(s, deadline)) {
		if (all || elected ||
		    lk_votes_count(s->votes, s->n).election !=
		        LK_ELECTION_MAJORITY)
			continue;
		elected = true;
		deadline = lk_deadline_min(deadline, lk_deadline_in(LINGER_MS));
	}
	for (i = 0; i < s->n; i++) {
		if (s->voters[i].state == DONE)
			continue;
		/* Its answer may be on its way, and is then passed over. */
		if (!elected || s->voters[i].state == CONNECTING)
			give_up(&s->voters[i], &s->votes[i], LK_VOTE_SILENT);
		else
			memset(&s->votes[i], 0, sizeof(s->votes[i]));
	}
	return (s->votes);
}
