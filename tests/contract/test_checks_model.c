/*
 * Checks that do not wait, and a relay before a real Redis that delays, cuts,
 * repeats, drops and swaps its replies and hangs up, all by a seed; and a model
 * that knows whose session lives.  Nobody may be let in who has none, or as
 * somebody else, and nobody refused who has one; that it could not be found out
 * is no mistake.
 *
 * In a cluster there is a relay before each master, which names the relays in
 * the masters' place, and slots are moved from one to another meanwhile.
 *
 * LK_CHECKS is how many are started, LK_SEED the seed (`make storm-checks`).
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "nodes.h"
#include "world.h"

#define USERS 1000
#define CHECKS 100000
#define UNDER_WAY_MAX 400
#define BUFFER_SIZE (1 << 20)

/* Of so many replies, one. */
#define DROPPED 4000
#define REPEATED 4000
#define SWAPPED 2000
#define HELD 300
#define HUNG_UP 6000
/* Of so many checks, one goes with a login, or a logout, or is given up. */
#define CHANGED 300
#define GIVEN_UP 200
/* In a cluster, of so many turns, one goes on with moving a slot. */
#define MOVED 4
/* And of so many checks, one is of him whose slot that is. */
#define OF_MOVING 8
/* Most connections through a relay. */
#define PIPES 4
#define PORT_DIGITS 5
#define FINDS 32

struct buffer {
	char *bytes;
	size_t len;
};

/* A connection through a relay: what is on its way, and how long replies are
 * held. */
struct pipe {
	int client; /* -1: nobody */
	int redis;
	struct buffer up, replies, down;
	unsigned int hold;
};

struct user {
	char name[16];
	char detail[16]; /* cached of him, or "" */
	bool lives;
	int under_way; /* checks of his token */
	struct lk_session session;
	struct lk_token token;
};

struct model {
	struct world *world;
	struct lk_settings *direct_settings;
	struct lk_manager *direct;
	struct lk_checks *checks;
	uint64_t random;
	struct user users[USERS];
	struct pending {
		struct user *user; /* NULL: it is free */
		bool detail;       /* that is asked for as well */
	} pending[UNDER_WAY_MAX];
	size_t most; /* of them */
	size_t under_way;

	struct relay {
		char address[100];
		int listener;
		int port;         /* 0: at a path */
		int behind;       /* that of the master behind it */
		struct pipe pipes[PIPES];
	} relays[MASTERS];
	size_t n;                 /* of the relays */
	size_t faults, connections;

	/* In a cluster: who finds out who has which slot, by checks of these
	 * tokens, and the slot that is being moved. */
	struct lk_watch *watch;
	struct lk_manager *finder;
	struct lk_token known[FINDS];
	pthread_t finding;
	size_t found; /* by him */
	atomic_bool stopping, over;
	int slot, from, to; /* from NODES: none is */
	struct user *moving; /* somebody whose it is */
	size_t moves, keys_moved;

	size_t started, let_in, refused, unsure, left, given_up;
};

/* ---- Chance ------------------------------------------------------------- */

static uint64_t
roll(struct model *m)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (m->random);
}

static bool
one_of(struct model *m, unsigned int many)
{
	return (roll(m) % many == 0);
}

/* ---- The relay ---------------------------------------------------------- */

static void
buffer_add(struct buffer *buffer, const char *bytes, size_t len)
{
	assert_true(len <= BUFFER_SIZE - buffer->len);
	memcpy(buffer->bytes + buffer->len, bytes, len);
	buffer->len += len;
}

static void
buffer_cut(struct buffer *buffer, size_t len)
{
	memmove(buffer->bytes, buffer->bytes + len, buffer->len - len);
	buffer->len -= len;
}

/* How long the reply at the beginning is; 0: it is not whole. */
static size_t
reply_len(const char *bytes, size_t len)
{
	const char *end = memchr(bytes, '\n', len);
	size_t head, whole, part;
	long number;

	if (end == NULL)
		return (0);
	head = whole = (size_t)(end - bytes) + 1;
	number = strtol(bytes + 1, NULL, 10);
	if (bytes[0] == '$' && number >= 0)
		whole += (size_t)number + 2;
	for (; bytes[0] == '*' && number > 0; number--) {
		part = reply_len(bytes + head, len - head);
		if (part == 0)
			return (0);
		head += part;
		whole = head;
	}
	return (whole <= len ? whole : 0);
}

static void
relay_hang_up(struct pipe *pipe)
{
	if (pipe->client < 0)
		return;
	(void)close(pipe->client);
	(void)close(pipe->redis);
	pipe->client = -1;
	pipe->up.len = pipe->replies.len = pipe->down.len = 0;
	pipe->hold = 0;
}

static int
connect_to(int port)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(port == 0 ? AF_UNIX : AF_INET,
	    SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s",
	    getenv("LK_TEST_REDIS_SOCKET"));
	assert_int_equal(port == 0
	        ? connect(fd, (struct sockaddr *)&sun, sizeof(sun))
	        : connect(fd, (struct sockaddr *)&sin, sizeof(sin)),
	    0);
	return (fd);
}

static void
relay_accept(struct model *m, const struct relay *relay, struct pipe *pipe)
{
	pipe->client = accept4(relay->listener, NULL, NULL, SOCK_NONBLOCK);
	if (pipe->client < 0)
		return;
	pipe->redis = connect_to(relay->behind);
	m->connections++;
}

/* Take what there is to read; false at the end. */
static bool
relay_read(int fd, struct buffer *buffer)
{
	char bytes[65536];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0)
		buffer_add(buffer, bytes, (size_t)n);
	return (n > 0 || (n < 0 && errno == EAGAIN));
}

/* Send some of it, or all. */
static void
relay_write(struct model *m, int fd, struct buffer *buffer)
{
	size_t len = buffer->len;
	ssize_t n;

	if (len == 0)
		return;
	if (one_of(m, 4))
		len = 1 + roll(m) % len;
	n = send(fd, buffer->bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0)
		buffer_cut(buffer, (size_t)n);
}

/* Where a reply names a master, which an error does and a list of lists, have
 * it name the relay before that. */
static void
relay_names(const struct model *m, char *bytes, size_t len)
{
	char of[PORT_DIGITS + 1], by[PORT_DIGITS + 1], *p;
	const char *inside = memchr(bytes, '\n', len);
	size_t i;

	if (bytes[0] != '-' && (bytes[0] != '*' || inside[1] != '*'))
		return;
	for (i = 0; i < m->n && m->relays[i].port != 0; i++) {
		(void)snprintf(of, sizeof(of), "%5d", m->relays[i].behind);
		(void)snprintf(by, sizeof(by), "%5d", m->relays[i].port);
		for (p = bytes; (p = memmem(p, len - (size_t)(p - bytes), of,
		                     PORT_DIGITS)) != NULL; p += PORT_DIGITS)
			memcpy(p, by, PORT_DIGITS);
	}
}

/* Hand replies on, as a bad relay does. */
static void
relay_replies(struct model *m, struct pipe *pipe)
{
	struct buffer *in = &pipe->replies, *out = &pipe->down;
	size_t len, next;

	while (pipe->hold == 0 && (len = reply_len(in->bytes, in->len)) > 0) {
		relay_names(m, in->bytes, len);
		m->faults++;
		if (one_of(m, HELD)) {
			pipe->hold = 1 + (unsigned int)(roll(m) % 60);
		} else if (one_of(m, DROPPED)) {
			buffer_cut(in, len);
		} else if (one_of(m, REPEATED)) {
			buffer_add(out, in->bytes, len);
			buffer_add(out, in->bytes, len);
			buffer_cut(in, len);
		} else if (one_of(m, SWAPPED) &&
		    (next = reply_len(in->bytes + len, in->len - len)) > 0) {
			relay_names(m, in->bytes + len, next);
			buffer_add(out, in->bytes + len, next);
			buffer_add(out, in->bytes, len);
			buffer_cut(in, len + next);
		} else if (one_of(m, HUNG_UP)) {
			buffer_add(out, in->bytes, roll(m) % len);
			relay_write(m, pipe->client, out);
			relay_hang_up(pipe);
			return;
		} else {
			m->faults--;
			buffer_add(out, in->bytes, len);
			buffer_cut(in, len);
		}
	}
	pipe->hold -= pipe->hold > 0;
}

static void
pipe_turn(struct model *m, const struct relay *relay, struct pipe *pipe)
{
	if (pipe->client < 0)
		relay_accept(m, relay, pipe);
	if (pipe->client < 0)
		return;
	if (!relay_read(pipe->client, &pipe->up) ||
	    !relay_read(pipe->redis, &pipe->replies)) {
		relay_hang_up(pipe);
		return;
	}
	relay_write(m, pipe->redis, &pipe->up);
	relay_replies(m, pipe);
	if (pipe->client >= 0)
		relay_write(m, pipe->client, &pipe->down);
}

static void
relay_turn(struct model *m)
{
	size_t i, j;

	for (i = 0; i < m->n; i++) {
		for (j = 0; j < PIPES; j++)
			pipe_turn(m, &m->relays[i], &m->relays[i].pipes[j]);
	}
}

/* For what the relays wait, and whether for nothing but time; how many. */
static nfds_t
relay_polls(const struct model *m, struct pollfd *p, bool *holds)
{
	const struct pipe *pipe;
	nfds_t n = 0;
	size_t i, j;

	*holds = false;
	for (i = 0; i < m->n; i++) {
		p[n++] = (struct pollfd){ .fd = m->relays[i].listener,
			.events = POLLIN };
		for (j = 0; j < PIPES; j++) {
			pipe = &m->relays[i].pipes[j];
			if (pipe->client < 0)
				continue;
			p[n++] = (struct pollfd){ .fd = pipe->client,
				.events = POLLIN };
			p[n++] = (struct pollfd){ .fd = pipe->redis,
				.events = POLLIN };
			*holds |= pipe->hold > 0;
		}
	}
	return (n);
}

/* Open one before the Redis at that port, or at the path if that is 0. */
static void
relay_open(struct model *m, int behind)
{
	struct relay *relay = &m->relays[m->n++];
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	struct buffer *buffers[3];
	size_t i, j;

	relay->behind = behind;
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/relay",
	    m->world->dir);
	relay->listener = socket(behind == 0 ? AF_UNIX : AF_INET,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(behind == 0
	        ? bind(relay->listener, (struct sockaddr *)&sun, sizeof(sun))
	        : bind(relay->listener, (struct sockaddr *)&sin, sizeof(sin)),
	    0);
	assert_int_equal(listen(relay->listener, 8), 0);
	(void)snprintf(relay->address, sizeof(relay->address), "unix:%.80s",
	    sun.sun_path);
	if (behind != 0) {
		assert_int_equal(getsockname(relay->listener,
		                     (struct sockaddr *)&sin, &len),
		    0);
		relay->port = ntohs(sin.sin_port);
		(void)snprintf(relay->address, sizeof(relay->address),
		    "127.0.0.1:%d", relay->port);
		/* A name is put in the place of another as long. */
		assert_true(relay->port >= 10000 && behind >= 10000);
	}
	for (i = 0; i < PIPES; i++) {
		buffers[0] = &relay->pipes[i].up;
		buffers[1] = &relay->pipes[i].replies;
		buffers[2] = &relay->pipes[i].down;
		relay->pipes[i].client = -1;
		for (j = 0; j < 3; j++) {
			buffers[j]->bytes = malloc(BUFFER_SIZE);
			assert_non_null(buffers[j]->bytes);
		}
	}
}

static void
relays_close(struct model *m)
{
	size_t i, j;

	for (i = 0; i < m->n; i++) {
		(void)close(m->relays[i].listener);
		for (j = 0; j < PIPES; j++) {
			relay_hang_up(&m->relays[i].pipes[j]);
			free(m->relays[i].pipes[j].up.bytes);
			free(m->relays[i].pipes[j].replies.bytes);
			free(m->relays[i].pipes[j].down.bytes);
		}
	}
}

/* ---- The slots ----------------------------------------------------------- */

/* Whether his slot is being moved; a change of his would wait for the end. */
static bool
is_moving(const struct model *m, const struct user *user)
{
	char tag[LK_TAG_TEXT_LEN + 1];

	return (m->from != NODES && nodes_slot(user->name, tag) == m->slot);
}

/* Go on with moving a slot, or begin to move that of somebody. */
static void
move_on(struct model *m)
{
	struct nodes *nodes = m->world->nodes;
	char tag[LK_TAG_TEXT_LEN + 1];

	if (m->from == NODES) {
		m->moving = &m->users[roll(m) % USERS];
		m->slot = nodes_slot(m->moving->name, tag);
		m->from = nodes_owner(nodes, tag);
		m->to = (m->from + 1 + (int)(roll(m) % 2)) % MASTERS;
		nodes_move_begin(nodes, m->slot, m->from, m->to);
	} else if (nodes_move_key(nodes, m->slot, m->from, m->to)) {
		m->keys_moved++;
	} else {
		nodes_move_end(nodes, m->slot, m->from, m->to);
		m->from = NODES;
		m->moves++;
	}
}

/* ---- The model ---------------------------------------------------------- */

static void
log_in(struct model *m, struct user *user)
{
	const struct lk_issue_options options = { .ttl = 100000 };

	assert_status(LK_OK,
	    lk_issue(m->direct, user->name, &options, &user->token,
	        &user->session));
	user->lives = true;
}

/* A user whom no check is about comes or goes. */
static void
change_somebody(struct model *m)
{
	struct user *user = &m->users[roll(m) % USERS];
	uint64_t revoked;

	if (user->under_way > 0 || is_moving(m, user))
		return;
	if (!user->lives) {
		log_in(m, user);
		return;
	}
	assert_status(LK_OK,
	    lk_revoke(m->direct, &user->token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	user->lives = false;
}

static void
forget(struct model *m, struct pending *pending)
{
	pending->user->under_way--;
	pending->user = NULL;
	m->under_way--;
}

static void
checks_anew(struct model *m)
{
	const struct lk_surroundings around = { .watch = m->watch };
	struct lk_error error = { "" };

	lk_checks_free(m->checks);
	if (lk_checks_new(m->world->settings, &around, &m->checks, &error) !=
	    LK_OK)
		fail_msg("%s", error.text);
}

/* In a cluster somebody must ask who has what, and whether one answers again
 * that is asked by nobody: he waits, and so the relays must not be his. */
static void *
find(void *arg)
{
	struct model *m = arg;
	struct lk_session session;
	size_t i;

	for (i = 0; !atomic_load(&m->stopping); i++)
		m->found += lk_check(m->finder, &m->known[i % FINDS],
		                &session) == LK_OK;
	atomic_store(&m->over, true);
	return (NULL);
}

static void
start_finding(struct model *m)
{
	struct lk_surroundings around = { .watch = NULL };
	struct lk_error error = { "" };
	size_t i;

	for (i = 0; i < FINDS; i++)
		m->known[i] = m->users[i].token;
	if (lk_watch_new(m->world->settings, NULL, &m->watch, &error) != LK_OK)
		fail_msg("%s", error.text);
	around.watch = m->watch;
	if (lk_manager_new(m->world->settings, &around, &m->finder, &error) !=
	    LK_OK)
		fail_msg("%s", error.text);
	assert_int_equal(pthread_create(&m->finding, NULL, find, m), 0);
}

static void
stop_finding(struct model *m)
{
	atomic_store(&m->stopping, true);
	while (!atomic_load(&m->over))
		relay_turn(m);
	assert_int_equal(pthread_join(m->finding, NULL), 0);
	lk_manager_free(m->finder);
	lk_watch_free(m->watch);
}

static void
start_one(struct model *m)
{
	struct pending *pending = &m->pending[roll(m) % m->most];
	struct user *user = &m->users[roll(m) % USERS];
	enum lk_status status;

	if (pending->user != NULL)
		return;
	if (m->from != NODES && one_of(m, OF_MOVING))
		user = m->moving;
	pending->detail = one_of(m, 4);
	status = lk_check_start(m->checks, &user->token, pending->detail,
	    pending);
	assert_true(status <= 0);
	m->started++;
	if (status == LK_OK) {
		pending->user = user;
		user->under_way++;
		m->under_way++;
		return;
	}
	m->left += status == LK_E_WOULD_WAIT;
	m->unsure += status != LK_E_WOULD_WAIT;
	/* Nobody else is here who would find out that it answers again. */
	if (status == LK_E_WOULD_WAIT && m->under_way == 0 && m->watch == NULL)
		checks_anew(m);
}

static void
give_one_up(struct model *m)
{
	struct pending *pending = &m->pending[roll(m) % m->most];

	assert_int_equal(lk_check_give_up(m->checks, pending),
	    pending->user != NULL);
	if (pending->user == NULL)
		return;
	forget(m, pending);
	m->given_up++;
}

/* Hold what came of a check against what is so. */
static void
judge(struct model *m, const struct lk_checked *checked)
{
	struct pending *pending = checked->whose;
	const struct user *user = pending->user;

	assert_non_null(user);
	if (checked->status == LK_OK) {
		if (!user->lives)
			fail_msg("%s has no session and is let in",
			    user->name);
		assert_string_equal(checked->session.user, user->name);
		assert_string_equal(checked->session.id, user->session.id);
		assert_int_equal(checked->session.expires_at,
		    user->session.expires_at);
		assert_string_equal(
		    pending->detail ? checked->user.detail : "",
		    pending->detail ? user->detail : "");
	} else if (checked->status > 0 && user->lives) {
		fail_msg("%s has a session and is refused: %s", user->name,
		    lk_status_name(checked->status));
	}
	m->let_in += checked->status == LK_OK;
	m->refused += checked->status > 0;
	m->left += checked->status == LK_E_WOULD_WAIT;
	m->unsure += checked->status < 0 && checked->status != LK_E_WOULD_WAIT;
	forget(m, pending);
}

static void
turn(struct model *m, bool more)
{
	struct lk_checks_wants wants;
	struct lk_checked checked;
	struct pollfd p[1 + MASTERS * (1 + 2 * PIPES)];
	nfds_t polls;
	bool holds;
	size_t n = more ? roll(m) % 24 : 0;

	for (; n > 0; n--) {
		start_one(m);
		if (one_of(m, CHANGED))
			change_somebody(m);
		if (one_of(m, GIVEN_UP))
			give_one_up(m);
	}
	lk_checks_go_on(m->checks, 0);
	relay_turn(m);
	if (m->watch != NULL && one_of(m, MOVED))
		move_on(m);
	lk_checks_wants(m->checks, &wants);
	p[0] = (struct pollfd){ .fd = wants.fd, .events = wants.events };
	polls = 1 + relay_polls(m, &p[1], &holds);
	/* With nothing to do but to wait, a moment. */
	assert_true(poll(p, polls, holds ? 0 : 1) >= 0);
	lk_checks_go_on(m->checks, p[0].revents);
	while (lk_check_finish(m->checks, &checked)) {
		judge(m, &checked);
		lk_user_clear(&checked.user);
	}
}

static size_t
number_of(const char *name, size_t otherwise)
{
	const char *text = getenv(name);

	return (text == NULL ? otherwise : (size_t)strtoull(text, NULL, 10));
}

static void
test_checks_model_nobody_is_taken_for_another(void **state)
{
	struct world *world = *state;
	struct model *m = calloc(1, sizeof(*m));
	/* Layout gosession has one at a time; a cluster takes longer. */
	const size_t slow = world_is_gosession(world) || world->nodes != NULL
	    ? 10
	    : 1;
	const size_t checks = number_of("LK_CHECKS", CHECKS) / slow;
	const size_t seed = number_of("LK_SEED", 1);
	size_t i;

	assert_non_null(m);
	m->world = world;
	m->most = world_is_gosession(world) ? 4 : UNDER_WAY_MAX;
	m->random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	/* The manager goes to the Redis itself, the checks by the relay. */
	m->direct_settings = world->settings;
	m->direct = world->m;
	world->settings = NULL;
	world->m = NULL;
	m->from = NODES;
	do
		relay_open(m,
		    world->nodes != NULL ? world->nodes->port[m->n] : 0);
	while (world->nodes != NULL && m->n < MASTERS);
	world_settle_at(world, m->relays[0].address, "",
	    "command_timeout_ms = 300; connect_timeout_ms = 300;", "");
	for (i = 0; i < USERS; i++) {
		(void)snprintf(m->users[i].name, sizeof(m->users[i].name),
		    "u%zu", i);
		log_in(m, &m->users[i]);
		if (i % 2 == 0)
			continue;
		(void)snprintf(m->users[i].detail, sizeof(m->users[i].detail),
		    "[%zu]", i);
		assert_status(LK_OK,
		    lk_user_put(m->direct, m->users[i].name,
		        m->users[i].detail, 100000));
	}
	for (i = 0; i < 300; i++)
		change_somebody(m);
	if (world->nodes != NULL)
		start_finding(m);
	checks_anew(m);
	while (m->started < checks)
		turn(m, true);
	while (m->under_way > 0)
		turn(m, false);
	while (m->from != NODES)
		move_on(m);
	print_message("# %s, seed %zu: %zu checks: %zu let in, %zu refused, "
	              "%zu not found out, %zu left to a manager, %zu given "
	              "up; %zu faults, %zu connections\n",
	    world->layout, seed, m->started, m->let_in, m->refused, m->unsure,
	    m->left, m->given_up, m->faults, m->connections);
	/* It was not only faults. */
	assert_true(m->let_in + m->refused > m->started / 4);
	assert_true(m->refused > m->started / 40);
	assert_true(m->faults > m->started / 1000);
	lk_checks_free(m->checks);
	if (m->watch != NULL) {
		print_message("# %zu slots and %zu keys were moved\n",
		    m->moves, m->keys_moved);
		assert_true(m->moves > checks / 1000 && m->found > 0);
		stop_finding(m);
	}
	relays_close(m);
	lk_manager_free(m->direct);
	lk_settings_free(m->direct_settings);
	free(m);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_REDISES, (tests), (count))
#include "support/suite.h"
