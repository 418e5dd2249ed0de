#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <netinet/in.h>

#include "support/temp_dir.h"
#include "process/listen.h"

#define ANY_GROUP ((gid_t)-1)

/* A private folder with the path of a socket in it. */
struct place {
	struct temp_dir dir;
	const char *path;
	char text[PATH_MAX + 8]; /* as in `gate.listen` */
};

static int
setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	temp_dir_make(&place->dir);
	place->path = temp_path(&place->dir, "sock");
	(void)snprintf(place->text, sizeof(place->text), "unix:%s",
	    place->path);
	*state = place;
	return (0);
}

static int
teardown(void **state)
{
	struct place *place = *state;

	temp_dir_remove(&place->dir);
	free(place);
	return (0);
}

static bool
exists(const char *path)
{
	struct stat st;

	return (lstat(path, &st) == 0);
}

/* Whether a client gets through to the socket. */
static bool
answers(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected;

	assert_true(fd >= 0);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	connected = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0;
	(void)close(fd);
	return (connected);
}

static void
test_gate_listen_unix_has_the_mode_asked_for(void **state)
{
	static const mode_t modes[] = { 0600, 0660, 0666, 0777, 0700 };
	const struct place *place = *state;
	struct gate_listener listener;
	struct lk_error error;
	struct stat st;
	size_t i;

	for (i = 0; i < COUNT(modes); i++) {
		(void)umask(i % 2 == 0 ? 077 : 0);
		assert_int_equal(gate_listener_open(place->text, modes[i],
		    ANY_GROUP, NULL, &listener, &error), LK_OK);
		assert_int_equal(umask(022), i % 2 == 0 ? 077 : 0);
		assert_int_equal(lstat(place->path, &st), 0);
		assert_int_equal(st.st_mode & 07777, modes[i]);
		assert_true(answers(place->path));
		assert_int_equal(fcntl(listener.fd, F_GETFD), FD_CLOEXEC);
		assert_true((fcntl(listener.fd, F_GETFL) & O_NONBLOCK) != 0);
		gate_listener_close(&listener);
		assert_false(exists(place->path));
		gate_listener_close(&listener);
	}
}

static void
test_gate_listen_stale_socket_is_replaced(void **state)
{
	const struct place *place = *state;
	struct gate_listener listener;
	struct lk_error error;

	assert_int_equal(gate_listener_open(place->text, 0600, ANY_GROUP, NULL,
	    &listener, &error), LK_OK);
	/* As after a crash: the file stays, nobody listens. */
	(void)close(listener.fd);
	assert_true(exists(place->path));
	assert_false(answers(place->path));
	assert_int_equal(gate_listener_open(place->text, 0600, ANY_GROUP, NULL,
	    &listener, &error), LK_OK);
	assert_true(answers(place->path));
	gate_listener_close(&listener);
}

static void
test_gate_listen_used_socket_is_refused(void **state)
{
	const struct place *place = *state;
	struct gate_listener first, second;
	struct lk_error error;

	assert_int_equal(gate_listener_open(place->text, 0600, ANY_GROUP, NULL,
	    &first, &error), LK_OK);
	assert_int_equal(gate_listener_open(place->text, 0600, ANY_GROUP, NULL,
	    &second, &error), LK_E_SETTINGS);
	assert_non_null(strstr(error.text, "listens there already"));
	assert_int_equal(second.fd, -1);
	gate_listener_close(&second);
	assert_true(answers(place->path));
	gate_listener_close(&first);
}

static void
test_gate_listen_other_file_is_refused(void **state)
{
	const struct place *place = *state;
	struct gate_listener listener;
	struct lk_error error;
	int fd = open(place->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(gate_listener_open(place->text, 0600, ANY_GROUP, NULL,
	    &listener, &error), LK_E_SETTINGS);
	assert_non_null(strstr(error.text, "not a socket"));
	gate_listener_close(&listener);
	assert_true(exists(place->path));
}

static void
test_gate_listen_close_leaves_anothers_socket(void **state)
{
	const struct place *place = *state;
	struct gate_listener first, second;
	struct lk_error error;

	assert_int_equal(gate_listener_open(place->text, 0600, ANY_GROUP, NULL,
	    &first, &error), LK_OK);
	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(gate_listener_open(place->text, 0600, ANY_GROUP, NULL,
	    &second, &error), LK_OK);
	gate_listener_close(&first);
	assert_true(answers(place->path));
	gate_listener_close(&second);
	assert_false(exists(place->path));
}

static void
test_gate_listen_missing_folder_is_refused(void **state)
{
	const struct place *place = *state;
	struct gate_listener listener;
	struct lk_error error;
	char text[96];

	(void)snprintf(text, sizeof(text), "unix:%s/none/sock",
	    place->dir.path);
	assert_int_equal(gate_listener_open(text, 0600, ANY_GROUP, NULL,
	    &listener, &error),
	    LK_E_SETTINGS);
	assert_int_equal(listener.fd, -1);
}

/* A port of the loopback interface that is free now. */
static int
free_port(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	(void)close(fd);
	return (ntohs(sin.sin_port));
}

static void
test_gate_listen_tcp_binds_that_address_only(void **state)
{
	struct gate_listener listener, second;
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	struct lk_error error;
	int port = free_port();
	char text[32];

	(void)snprintf(text, sizeof(text), "127.0.0.1:%d", port);
	assert_int_equal(gate_listener_open(text, 0, ANY_GROUP, NULL,
	    &listener, &error),
	    LK_OK);
	assert_int_equal(getsockname(listener.fd, (struct sockaddr *)&sin,
	    &len), 0);
	assert_int_equal(sin.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(ntohs(sin.sin_port), port);
	assert_int_equal(gate_listener_open(text, 0, ANY_GROUP, NULL,
	    &second, &error),
	    LK_E_SETTINGS);
	gate_listener_close(&listener);
}

static void
test_gate_listen_nonsense_is_refused(void **state)
{
	static const char *const texts[] = { "", "9010", ":9010",
		"127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
		"unix:", "unix:relative", "/path" };
	struct gate_listener listener;
	struct lk_error error;

	EACH(c, texts) {
		assert_int_equal(gate_listener_open(*c, 0600, ANY_GROUP,
		    NULL, &listener, &error), LK_E_SETTINGS);
		assert_int_equal(listener.fd, -1);
	}
}

static void
test_gate_listen_inherited_socket_is_adopted(void **state)
{
	const struct place *place = *state;
	struct gate_listener listener, adopted;
	int old = dup(STDIN_FILENO);
	struct lk_error error;

	assert_false(gate_listener_inherited(STDIN_FILENO));
	assert_int_equal(gate_listener_open(place->text, 0600, ANY_GROUP, NULL,
	    &listener, &error), LK_OK);
	assert_int_equal(dup2(listener.fd, STDIN_FILENO), STDIN_FILENO);
	assert_true(gate_listener_inherited(STDIN_FILENO));
	assert_int_equal(gate_listener_adopt(STDIN_FILENO, NULL, &adopted,
	    &error), LK_OK);
	assert_true(gate_socket_is_local(adopted.fd));
	assert_int_equal(adopted.fd, STDIN_FILENO);
	gate_listener_close(&adopted);
	/* The file belongs to whoever made it. */
	assert_true(exists(place->path));
	gate_listener_close(&listener);
	if (old != -1) {
		assert_int_equal(dup2(old, STDIN_FILENO), STDIN_FILENO);
		(void)close(old);
	}
}

#define SUITE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#include "support/suite.h"
