#include <sys/socket.h>

#include <unistd.h>

#include <netinet/in.h>

#include "support/test.h"
#include "process/account.h"

static enum lk_status
read_peers(char *const *names, size_t n, struct gate_peers *peers)
{
	char *v[8] = { NULL };
	const struct lk_strings accounts = { v, n };
	struct lk_error error;

	if (n > 0)
		memcpy(v, names, n * sizeof(v[0]));
	return (gate_peers_read(&accounts, peers, &error));
}

static void
test_gate_peers_zeroed_are_nobody(void **state)
{
	const struct gate_peers nobody = { 0 };

	assert_false(gate_peers_have(&nobody, 0));
	assert_false(gate_peers_have(&nobody, geteuid()));
}

static void
test_gate_peers_empty_list_is_anyone(void **state)
{
	struct gate_peers peers;

	assert_int_equal(read_peers(NULL, 0, &peers), LK_OK);
	assert_true(gate_peers_have(&peers, 0));
	assert_true(gate_peers_have(&peers, 12345));
	gate_peers_free(&peers);
	assert_false(gate_peers_have(&peers, 0));
}

static void
test_gate_peers_names_and_numbers_are_found(void **state)
{
	char root[] = "root", number[] = "4294967294", low[] = "0033";
	struct gate_peers peers;

	assert_int_equal(read_peers((char *[]){ number, root, low }, 3,
	    &peers), LK_OK);
	assert_true(gate_peers_have(&peers, 0));
	assert_true(gate_peers_have(&peers, 33));
	assert_true(gate_peers_have(&peers, 4294967294U));
	assert_false(gate_peers_have(&peers, 34));
	assert_false(gate_peers_have(&peers, (uid_t)-1));
	gate_peers_free(&peers);
}

static void
test_gate_peers_unknown_name_is_refused(void **state)
{
	char root[] = "root", unknown[] = "no-such-user-here";
	struct gate_peers peers;

	assert_int_equal(read_peers((char *[]){ root, unknown }, 2, &peers),
	    LK_E_SETTINGS);
	assert_false(gate_peers_have(&peers, 0));
	gate_peers_free(&peers);
}

static void
test_gate_peers_unix_socket_is_judged_by_its_user(void **state)
{
	uid_t me = geteuid(), other = me + 1;
	const struct gate_peers mine = { .v = &me, .n = 1 };
	const struct gate_peers theirs = { .v = &other, .n = 1 };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    pair), 0);
	assert_true(gate_peers_admit(&mine, pair[0]));
	assert_false(gate_peers_admit(&theirs, pair[0]));
	(void)close(pair[0]);
	(void)close(pair[1]);
	assert_false(gate_peers_admit(&mine, pair[0]));
}

static void
test_gate_peers_tcp_socket_is_in_no_list(void **state)
{
	uid_t ids[] = { 0, geteuid(), (uid_t)-1 };
	const struct gate_peers list = { .v = ids, .n = 3 };
	const struct gate_peers anyone = { .anyone = true };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_false(gate_peers_admit(&list, fd));
	assert_true(gate_peers_admit(&anyone, fd));
	(void)close(fd);
}

static void
test_gate_account_number_takes_whole_numbers_only(void **state)
{
	static const char *const wrong[] = { "", "-1", "+1", " 1", "1 ", "1x",
		"root", "4294967295", "99999999999999999999" };
	uid_t uid;

	EACH(c, wrong) {
		assert_false(gate_account_number(*c, &uid));
		assert_int_equal(uid, (uid_t)-1);
	}
	assert_true(gate_account_number("0", &uid));
	assert_int_equal(uid, 0);
}

static void
test_gate_account_find_knows_name_and_number(void **state)
{
	struct gate_account account;
	struct lk_error error;

	assert_int_equal(gate_account_find("root", &account, &error), LK_OK);
	assert_int_equal(account.uid, 0);
	assert_int_equal(gate_account_find("0", &account, &error), LK_OK);
	assert_string_equal(account.name, "root");
	assert_int_equal(gate_account_find("4000000001", &account, &error),
	    LK_E_SETTINGS);
	assert_string_equal(account.name, "");
}

#include "support/suite.h"
