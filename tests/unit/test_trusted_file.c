#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>

#include "support/test.h"
#include "base/trusted_file.h"
#include "support/temp_dir.h"

static struct temp_dir dir;

static int
setup(void **state)
{
	temp_dir_make(&dir);
	return (0);
}

static int
teardown(void **state)
{
	temp_dir_remove(&dir);
	return (0);
}

/* Read dir.file; its refusal must be "PATH: " and ${why}. */
static void
assert_refused(const char *why)
{
	struct lk_buf content = LK_BUF_INIT(1000);
	struct lk_error error = { "" };
	char want[LK_ERROR_MAX];

	(void)snprintf(want, sizeof(want), "%.100s: %s", dir.file, why);
	assert_int_equal(lk_trusted_file_read(dir.file, &content, &error),
	    LK_E_SETTINGS);
	assert_string_equal(error.text, want);
	lk_buf_free(&content);
}

static void
assert_content(const char *want, size_t len, size_t max)
{
	struct lk_buf content = LK_BUF_INIT(max);
	struct lk_error error = { "" };

	assert_int_equal(lk_trusted_file_read(dir.file, &content, &error),
	    LK_OK);
	assert_int_equal(content.len, len);
	assert_memory_equal(content.data, want, len);
	assert_int_equal(content.data[len], '\0');
	assert_string_equal(error.text, "");
	lk_buf_free(&content);
}

static void
test_trusted_file_private_is_read(void **state)
{
	temp_write(&dir, "f", "a\0b\n", 4, 0600);
	assert_content("a\0b\n", 4, 1000);
	temp_write(&dir, "f", "x", 1, 0644);
	assert_content("x", 1, 1000);
	temp_write(&dir, "f", "", 0, 0600);
	assert_content("", 0, 1000);
}

static void
test_trusted_file_content_is_appended(void **state)
{
	struct lk_buf content = LK_BUF_INIT(8);

	lk_buf_str(&content, "ab");
	temp_write(&dir, "f", "cd", 2, 0600);
	assert_int_equal(lk_trusted_file_read(dir.file, &content, NULL), LK_OK);
	assert_string_equal(content.data, "abcd");
	lk_buf_free(&content);
}

static void
test_trusted_file_at_its_cap_is_read(void **state)
{
	static char bytes[20001];

	memset(bytes, 'x', sizeof(bytes));
	temp_write(&dir, "f", bytes, 20000, 0600);
	assert_content(bytes, 20000, 20000);
	temp_write(&dir, "f", bytes, 8192, 0600);
	assert_content(bytes, 8192, 8192);
	assert_content(bytes, 8192, 8193);
}

static void
test_trusted_file_over_its_cap_is_refused(void **state)
{
	static char bytes[1001];

	memset(bytes, 'x', sizeof(bytes));
	temp_write(&dir, "f", bytes, 1001, 0600);
	assert_refused("expected at most 1000 bytes, got 1001");
}

/* A file that grows while it is read says a size that is not its end's. */
static void
test_trusted_file_without_size_is_capped(void **state)
{
	struct lk_buf content = LK_BUF_INIT(8);
	struct lk_error error = { "" };

	assert_int_equal(lk_trusted_file_read("/proc/self/status", &content,
	    &error), LK_E_SETTINGS);
	assert_string_equal(error.text, "/proc/self/status: expected at most "
	    "8 bytes, got more");
	lk_buf_free(&content);
}

static void
test_trusted_file_relative_path_is_refused(void **state)
{
	(void)snprintf(dir.file, sizeof(dir.file), "etc/passwd");
	assert_refused("expected an absolute path");
	(void)snprintf(dir.file, sizeof(dir.file), "%s", "");
	assert_refused("expected an absolute path");
}

static void
test_trusted_file_overlong_path_is_refused(void **state)
{
	struct lk_buf content = LK_BUF_INIT(8);
	struct lk_error error = { "" };
	static char path[PATH_MAX + 2];

	memset(path, '/', sizeof(path) - 1);
	assert_int_equal(lk_trusted_file_read(path, &content, &error),
	    LK_E_SETTINGS);
	assert_non_null(strstr(error.text,
	    "...: expected a path of at most 4095 bytes"));
	assert_int_equal(lk_trusted_file_read(NULL, &content, &error),
	    LK_E_SETTINGS);
	assert_string_equal(error.text, "(null): expected an absolute path");
}

static void
test_trusted_file_missing_is_refused(void **state)
{
	temp_path(&dir, "none");
	assert_refused("cannot open: No such file or directory");
	temp_path(&dir, "none/none");
	assert_refused("cannot open its directory: No such file or directory");
}

#define LEAVES "expected a regular file, got a symbolic link that leaves its " \
	"directory"

static void
test_trusted_file_symlink_elsewhere_is_refused(void **state)
{
	static const char *const targets[] = { "/etc/passwd",
		"../../etc/passwd", "..", "../x", "d/../../etc/passwd" };
	char why[128];

	assert_int_equal(mkdir(temp_path(&dir, "d"), 0700), 0);
	EACH(c, targets) {
		assert_int_equal(symlink(*c, temp_path(&dir, "link")), 0);
		assert_refused(LEAVES);
		assert_int_equal(unlink(dir.file), 0);
	}
	assert_int_equal(symlink("link", temp_path(&dir, "link")), 0);
	(void)snprintf(why, sizeof(why), "cannot open: %s", strerror(ELOOP));
	assert_refused(why);
	assert_int_equal(unlink(dir.file), 0);
	assert_int_equal(symlink("none", temp_path(&dir, "link")), 0);
	assert_refused("cannot open: No such file or directory");
	assert_false(lk_trusted_file_absent(dir.file));
}

/* A folder as Kubernetes mounts one: its files may be replaced all at once. */
static void
test_trusted_file_behind_links_of_its_folder_is_read(void **state)
{
	assert_int_equal(chmod(dir.path, 01777), 0);
	assert_int_equal(mkdir(temp_path(&dir, "..2026_11_27"), 0755), 0);
	temp_write(&dir, "..2026_11_27/f", "x", 1, 0444);
	assert_int_equal(symlink("..2026_11_27", temp_path(&dir, "..data")), 0);
	assert_int_equal(symlink("..data/f", temp_path(&dir, "f")), 0);
	assert_content("x", 1, 8);
	/* Whoever may write there could lead it elsewhere. */
	assert_int_equal(chmod(temp_path(&dir, "..2026_11_27"), 0777), 0);
	temp_path(&dir, "f");
	assert_refused("expected a directory that group and others cannot "
	    "write, got mode 0777");
	assert_int_equal(chmod(temp_path(&dir, "..2026_11_27"), 0755), 0);
	if (geteuid() != 0)
		return;
	temp_path(&dir, "..data");
	assert_int_equal(lchown(dir.file, 65534, 65534), 0);
	temp_path(&dir, "f");
	assert_refused("expected links of root or of uid 0 in its path");
}

static void
test_trusted_file_below_a_folder_of_others_is_refused(void **state)
{
	assert_int_equal(mkdir(temp_path(&dir, "a"), 0755), 0);
	assert_int_equal(mkdir(temp_path(&dir, "a/b"), 0755), 0);
	temp_write(&dir, "a/b/f", "x", 1, 0644);
	assert_content("x", 1, 8);
	assert_int_equal(symlink("a/b", temp_path(&dir, "l")), 0);
	temp_path(&dir, "l/f");
	assert_content("x", 1, 8);
	assert_int_equal(chmod(temp_path(&dir, "a"), 0777), 0);
	temp_path(&dir, "a/b/f");
	assert_refused("expected directories above it that group and others "
	    "cannot write, got mode 0777");
	temp_path(&dir, "l/f");
	assert_refused("expected directories above it that group and others "
	    "cannot write, got mode 0777");
	assert_int_equal(chmod(temp_path(&dir, "a"), 01777), 0);
	temp_path(&dir, "a/b/f");
	assert_content("x", 1, 8);
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(temp_path(&dir, "a/b"), 65534, 0), 0);
	temp_path(&dir, "a/b/f");
	assert_refused("expected a directory of root or of uid 0, got uid "
	    "65534");
	assert_int_equal(chown(temp_path(&dir, "a/b"), 0, 0), 0);
	assert_int_equal(chown(temp_path(&dir, "a"), 65534, 0), 0);
	temp_path(&dir, "a/b/f");
	assert_refused("expected directories above it of root or of uid 0, "
	    "got uid 65534");
}

static void
test_trusted_file_is_absent_only_for_certain(void **state)
{
	assert_true(lk_trusted_file_absent(temp_path(&dir, "none")));
	assert_true(lk_trusted_file_absent(temp_path(&dir, "none/f")));
	temp_write(&dir, "f", "x", 1, 0600);
	assert_false(lk_trusted_file_absent(dir.file));
	assert_false(lk_trusted_file_absent(temp_path(&dir, "f/g")));
	assert_int_equal(symlink("gone", temp_path(&dir, "link")), 0);
	assert_false(lk_trusted_file_absent(dir.file));
	assert_false(lk_trusted_file_absent(temp_path(&dir, "link/f")));
}

static void
test_trusted_file_fifo_is_refused_at_once(void **state)
{
	assert_int_equal(mkfifo(temp_path(&dir, "fifo"), 0600), 0);
	assert_refused("expected a regular file, got a FIFO");
}

static void
test_trusted_file_other_kinds_are_refused(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	assert_int_equal(mkdir(temp_path(&dir, "d"), 0700), 0);
	assert_refused("expected a regular file, got a directory");
	(void)snprintf(dir.file, sizeof(dir.file), "/dev/null");
	assert_refused("expected a regular file, got a device");
	assert_true((fd = socket(AF_UNIX, SOCK_STREAM, 0)) != -1);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%.60s/s", dir.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	temp_path(&dir, "s");
	assert_refused("cannot open: No such device or address");
}

static void
test_trusted_file_writable_is_refused(void **state)
{
	temp_write(&dir, "f", "x", 1, 0620);
	assert_refused("expected a file that group and others cannot write, "
	    "got mode 0620");
	temp_write(&dir, "f", "x", 1, 0602);
	assert_refused("expected a file that group and others cannot write, "
	    "got mode 0602");
}

static void
test_trusted_file_of_another_user_is_refused(void **state)
{
	if (geteuid() != 0) {
		print_message("# skipped: needs root\n");
		skip();
	}
	temp_write(&dir, "f", "x", 1, 0600);
	assert_int_equal(chown(dir.file, 65534, 65534), 0);
	assert_refused("expected a file of root or of uid 0, got uid 65534");
}

static void
test_trusted_file_in_writable_directory_is_refused(void **state)
{
	temp_write(&dir, "f", "x", 1, 0600);
	assert_int_equal(chmod(dir.path, 0777), 0);
	assert_refused("expected a directory that group and others cannot "
	    "write, got mode 0777");
	assert_int_equal(chmod(dir.path, 0770), 0);
	assert_refused("expected a directory that group and others cannot "
	    "write, got mode 0770");
}

static void
test_trusted_file_in_sticky_directory_is_read(void **state)
{
	temp_write(&dir, "f", "x", 1, 0600);
	assert_int_equal(chmod(dir.path, 01777), 0);
	assert_content("x", 1, 1000);
}

static void
test_trusted_file_secret_for_others_is_refused(void **state)
{
	struct lk_buf content = LK_BUF_INIT(8);
	struct lk_error error = { "" };
	char want[LK_ERROR_MAX];

	temp_write(&dir, "f", "x", 1, 0644);
	(void)snprintf(want, sizeof(want), "%.100s: expected a file that "
	    "others cannot read, got mode 0644", dir.file);
	assert_int_equal(lk_trusted_file_read_secret(dir.file, &content,
	    &error), LK_E_SETTINGS);
	assert_string_equal(error.text, want);
	assert_int_equal(content.len, 0);
	temp_write(&dir, "f", "x", 1, 0640);
	assert_int_equal(lk_trusted_file_read_secret(dir.file, &content,
	    &error), LK_OK);
	assert_string_equal(content.data, "x");
	lk_buf_free(&content);
}

static void
test_trusted_file_leaves_no_descriptor_open(void **state)
{
	struct lk_buf content = LK_BUF_INIT(8);
	int before, after;

	assert_true((before = dup(0)) != -1);
	close(before);
	temp_write(&dir, "f", "x", 1, 0600);
	assert_int_equal(lk_trusted_file_read(dir.file, &content, NULL), LK_OK);
	temp_write(&dir, "f", "x", 1, 0666);
	assert_int_equal(lk_trusted_file_read(dir.file, &content, NULL),
	    LK_E_SETTINGS);
	assert_true((after = dup(0)) != -1);
	close(after);
	assert_int_equal(after, before);
	lk_buf_free(&content);
}

#define SUITE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#include "support/suite.h"
