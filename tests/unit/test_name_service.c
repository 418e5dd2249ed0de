/*
 * Accounts and groups.  Those of this machine cannot be changed, so a process
 * with a mount namespace of its own has another file in the place of theirs;
 * without the rights for that, what needs it is skipped.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"
#include "base/name_service.h"

#define SKIPPED 77
/* Members enough for a line of more than a buffer of any usual size. */
#define MEMBERS 20000

static int
in_process(int (*body)(void))
{
	pid_t pid = fork();
	int how;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_true(WIFEXITED(how));
	return (WEXITSTATUS(how));
}

/* Put the file ${fresh} in the place of ${path}, for this process. */
static bool
cover(const char *fresh, const char *path)
{
	return (unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount(fresh, path, "none", MS_BIND, NULL) == 0);
}

static int
find_a_large_group(void)
{
	struct lk_group group = { .data = NULL };
	struct lk_error error = { "" };
	enum lk_status status = LK_FAULT;
	char path[] = "/tmp/latchkey-group-XXXXXX";
	int fd = mkstemp(path), i, rc;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (file == NULL)
		return (1);
	fprintf(file, "before:x:64001:\nlarge:x:64002:");
	for (i = 0; i < MEMBERS; i++)
		fprintf(file, "%smember%d", i == 0 ? "" : ",", i);
	fprintf(file, "\nbehind:x:64003:\n");
	if (fclose(file) != 0)
		return (2);
	rc = cover(path, "/etc/group") ? 0 : SKIPPED;
	(void)unlink(path);
	if (rc != 0)
		return (rc);
	status = lk_group_find("large", 0, &group, &error);
	if (status != LK_OK || group.entry.gr_gid != 64002)
		rc = 3;
	lk_group_free(&group);
	status = lk_group_find(NULL, 64002, &group, &error);
	if (status != LK_OK || strcmp(group.entry.gr_name, "large") != 0)
		rc = 4;
	lk_group_free(&group);
	/* Who reads on must get over that line. */
	status = lk_group_find("behind", 0, &group, &error);
	if (status != LK_OK || group.entry.gr_gid != 64003)
		rc = 5;
	lk_group_free(&group);
	if (lk_group_find("none", 0, &group, &error) != LK_NO_USER)
		rc = 6;
	lk_group_free(&group);
	return (rc);
}

static void
test_name_service_line_over_any_buffer_is_found(void **state)
{
	int rc = in_process(find_a_large_group);

	if (rc == SKIPPED) {
		print_message("# skipped: no mount namespaces here\n");
		skip();
	}
	assert_int_equal(rc, 0);
}

/* It cannot open its files: nobody may be said not to be there. */
static int
ask_without_descriptors(void)
{
	const struct rlimit none = { 0, 0 };
	struct lk_account account = { .data = NULL };
	struct lk_group group = { .data = NULL };
	struct lk_error error = { "" };
	int rc = 0;

	if (setrlimit(RLIMIT_NOFILE, &none) != 0)
		return (SKIPPED);
	if (lk_account_find("no-such-account", 0, &account, &error) !=
	        LK_E_STORE ||
	    strstr(error.text, "name service") == NULL)
		rc = 1;
	lk_account_free(&account);
	if (lk_account_find(NULL, 4000000001, &account, &error) != LK_E_STORE)
		rc = 2;
	lk_account_free(&account);
	if (lk_group_find("no-such-group", 0, &group, &error) != LK_E_STORE)
		rc = 3;
	lk_group_free(&group);
	if (lk_group_find(NULL, 4000000001, &group, &error) != LK_E_STORE)
		rc = 4;
	lk_group_free(&group);
	return (rc);
}

static void
test_name_service_that_is_away_is_no_answer(void **state)
{
	int rc = in_process(ask_without_descriptors);

	if (rc == SKIPPED) {
		print_message("# skipped: no limit of descriptors here\n");
		skip();
	}
	assert_int_equal(rc, 0);
}

static void
test_name_service_knows_names_and_numbers(void **state)
{
	struct lk_account account = { .data = NULL };
	struct lk_error error = { "" };
	gid_t *groups = NULL;
	size_t count = 0;

	assert_int_equal(lk_account_find("root", 0, &account, &error), LK_OK);
	assert_int_equal(account.entry.pw_uid, 0);
	assert_int_equal(
	    lk_account_groups(&account, &groups, &count, &error), LK_OK);
	assert_true(count >= 1);
	assert_int_equal(groups[0], account.entry.pw_gid);
	free(groups);
	lk_account_free(&account);
	assert_int_equal(lk_account_find(NULL, 0, &account, &error), LK_OK);
	assert_string_equal(account.entry.pw_name, "root");
	lk_account_free(&account);
	assert_int_equal(
	    lk_account_find("no-such-account", 0, &account, &error),
	    LK_NO_USER);
	lk_account_free(&account);
	assert_int_equal(
	    lk_account_find(NULL, 4000000001, &account, &error), LK_NO_USER);
	lk_account_free(&account);
}

#include "support/suite.h"
