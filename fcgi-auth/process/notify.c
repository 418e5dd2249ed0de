#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/error.h"
#include "process/notify.h"

enum lk_status
gate_notify_open(const char *path, struct gate_notify *notify,
    struct lk_error *error)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = path == NULL ? 0 : strlen(path);

	notify->fd = -1;
	if (len == 0)
		return (LK_OK);
	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(sun.sun_path))
		return (lk_fail(error, LK_E_INVAL,
		    "NOTIFY_SOCKET: expected /path or @name"));
	memcpy(sun.sun_path, path, len);
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	len += offsetof(struct sockaddr_un, sun_path);
	notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (notify->fd != -1 &&
	    connect(notify->fd, (const struct sockaddr *)&sun,
	        (socklen_t)len) == 0)
		return (LK_OK);
	lk_error_set(error, "NOTIFY_SOCKET: %s", strerror(errno));
	gate_notify_close(notify);
	return (LK_FAULT);
}

static void
tell(const struct gate_notify *notify, const char *text)
{
	if (notify->fd != -1)
		(void)send(notify->fd, text, strlen(text),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
gate_notify_ready(const struct gate_notify *notify)
{
	tell(notify, "READY=1\n");
}

void
gate_notify_reloading(const struct gate_notify *notify)
{
	char text[64];

	/* The time tells this reload from one before it. */
	(void)snprintf(text, sizeof(text),
	    "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n",
	    lk_monotonic_ns() / 1000);
	tell(notify, text);
}

void
gate_notify_stopping(const struct gate_notify *notify)
{
	tell(notify, "STOPPING=1\n");
}

void
gate_notify_close(struct gate_notify *notify)
{
	if (notify->fd != -1)
		(void)close(notify->fd);
	notify->fd = -1;
}
