/*
 * Checks that do not wait, and a relay before a real Redis that delays, cuts,
 * repeats, drops and swaps its replies and hangs up, all by a seed; and a model
 * that knows whose session lives.  Nobody may be let in who has none, or as
 * somebody else, and nobody refused who has one; that it could not be found out
 * is no mistake.
 *
 * LK_CHECKS is how many are started, LK_SEED the seed (`make storm-checks`).
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

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

struct buffer {
	char *bytes;
	size_t len;
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

	/* The relay: what is on its way, and how long replies are held. */
	char path[100];
	int listener;
	int client; /* -1: nobody */
	int redis;
	struct buffer up, replies, down;
	unsigned int hold;
	size_t faults, connections;

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
relay_hang_up(struct model *m)
{
	if (m->client < 0)
		return;
	(void)close(m->client);
	(void)close(m->redis);
	m->client = -1;
	m->up.len = m->replies.len = m->down.len = 0;
	m->hold = 0;
}

static void
relay_accept(struct model *m)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	m->client = accept4(m->listener, NULL, NULL, SOCK_NONBLOCK);
	if (m->client < 0)
		return;
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s",
	    getenv("LK_TEST_REDIS_SOCKET"));
	m->redis = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    connect(m->redis, (struct sockaddr *)&sun, sizeof(sun)), 0);
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

/* Hand replies on, as a bad relay does. */
static void
relay_replies(struct model *m)
{
	struct buffer *in = &m->replies, *out = &m->down;
	size_t len, next;

	while (m->hold == 0 && (len = reply_len(in->bytes, in->len)) > 0) {
		m->faults++;
		if (one_of(m, HELD)) {
			m->hold = 1 + (unsigned int)(roll(m) % 60);
		} else if (one_of(m, DROPPED)) {
			buffer_cut(in, len);
		} else if (one_of(m, REPEATED)) {
			buffer_add(out, in->bytes, len);
			buffer_add(out, in->bytes, len);
			buffer_cut(in, len);
		} else if (one_of(m, SWAPPED) &&
		    (next = reply_len(in->bytes + len, in->len - len)) > 0) {
			buffer_add(out, in->bytes + len, next);
			buffer_add(out, in->bytes, len);
			buffer_cut(in, len + next);
		} else if (one_of(m, HUNG_UP)) {
			buffer_add(out, in->bytes, roll(m) % len);
			relay_write(m, m->client, out);
			relay_hang_up(m);
			return;
		} else {
			m->faults--;
			buffer_add(out, in->bytes, len);
			buffer_cut(in, len);
		}
	}
	m->hold -= m->hold > 0;
}

static void
relay_turn(struct model *m)
{
	if (m->client < 0)
		relay_accept(m);
	if (m->client < 0)
		return;
	if (!relay_read(m->client, &m->up) ||
	    !relay_read(m->redis, &m->replies)) {
		relay_hang_up(m);
		return;
	}
	relay_write(m, m->redis, &m->up);
	relay_replies(m);
	if (m->client >= 0)
		relay_write(m, m->client, &m->down);
}

static void
relay_open(struct model *m)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct buffer *buffers[] = { &m->up, &m->replies, &m->down };
	size_t i;

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/relay",
	    m->world->dir);
	(void)snprintf(m->path, sizeof(m->path), "unix:%.80s", sun.sun_path);
	m->listener = socket(AF_UNIX,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(
	    bind(m->listener, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(m->listener, 8), 0);
	m->client = -1;
	for (i = 0; i < 3; i++) {
		buffers[i]->bytes = malloc(BUFFER_SIZE);
		assert_non_null(buffers[i]->bytes);
	}
}

static void
relay_close(struct model *m)
{
	relay_hang_up(m);
	(void)close(m->listener);
	free(m->up.bytes);
	free(m->replies.bytes);
	free(m->down.bytes);
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

	if (user->under_way > 0)
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
	struct lk_error error = { "" };

	lk_checks_free(m->checks);
	if (lk_checks_new(m->world->settings, NULL, &m->checks, &error) !=
	    LK_OK)
		fail_msg("%s", error.text);
}

static void
start_one(struct model *m)
{
	struct pending *pending = &m->pending[roll(m) % m->most];
	struct user *user = &m->users[roll(m) % USERS];
	enum lk_status status;

	if (pending->user != NULL)
		return;
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
	if (status == LK_E_WOULD_WAIT && m->under_way == 0)
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
	struct pollfd p[3];
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
	lk_checks_wants(m->checks, &wants);
	p[0] = (struct pollfd){ .fd = wants.fd, .events = wants.events };
	p[1] = (struct pollfd){ .fd = m->client < 0 ? m->listener : m->client,
		.events = POLLIN };
	p[2] = (struct pollfd){ .fd = m->client < 0 ? -1 : m->redis,
		.events = POLLIN };
	/* With nothing to do but to wait, a moment. */
	assert_true(poll(p, 3, m->hold > 0 ? 0 : 1) >= 0);
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
	/* Layout gosession has one at a time. */
	const size_t slow = world_is_gosession(world) ? 10 : 1;
	const size_t checks = number_of("LK_CHECKS", CHECKS) / slow;
	const size_t seed = number_of("LK_SEED", 1);
	size_t i;

	assert_non_null(m);
	m->world = world;
	m->most = UNDER_WAY_MAX / (slow * slow);
	m->random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	/* The manager goes to the Redis itself, the checks by the relay. */
	m->direct_settings = world->settings;
	m->direct = world->m;
	world->settings = NULL;
	world->m = NULL;
	relay_open(m);
	world_settle_at(world, m->path, "",
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
	checks_anew(m);
	while (m->started < checks)
		turn(m, true);
	while (m->under_way > 0)
		turn(m, false);
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
	relay_close(m);
	lk_manager_free(m->direct);
	lk_settings_free(m->direct_settings);
	free(m);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_REDIS, (tests), (count))
#include "support/suite.h"
