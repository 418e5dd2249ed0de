#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"

int
lk_fd_above(int fd)
{
	int above, error;

	if (fd < 0 || fd >= LK_FD_STANDARD)
		return (fd);
	above = fcntl(fd, F_DUPFD_CLOEXEC, LK_FD_STANDARD);
	error = errno;
	(void)close(fd);
	errno = error;
	return (above);
}

void
lk_fd_hold(struct lk_fd_hold *hold)
{
	int fd = 0;

	while (fd < LK_FD_STANDARD && fcntl(fd, F_GETFD) != -1)
		fd++;
	if (fd == LK_FD_STANDARD)
		return;
	/* O_PATH: neither to be read nor to be written. */
	while ((fd = open("/", O_PATH | O_CLOEXEC)) >= 0 && fd < LK_FD_STANDARD)
		hold->held[fd] = true;
	if (fd >= 0)
		(void)close(fd);
}

void
lk_fd_release(struct lk_fd_hold *hold)
{
	int fd, flags;

	for (fd = 0; fd < LK_FD_STANDARD; fd++) {
		if (!hold->held[fd])
			continue;
		hold->held[fd] = false;
		/* Another thread may have put something in its place. */
		flags = fcntl(fd, F_GETFL);
		if (flags != -1 && (flags & O_PATH) != 0)
			(void)close(fd);
	}
}
