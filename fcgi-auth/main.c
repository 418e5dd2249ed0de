#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "cgi.h"
#include "door.h"
#include "latchkey.h"
#include "listen.h"
#include "log.h"
#include "queue.h"
#include "report.h"
#include "settings.h"
#include "worker.h"

#define DEFAULT_SETTINGS "/etc/latchkey/latchkey.conf"
/* Most connections that wait, and descriptors for everything else. */
#define WAITING_MAX 16384
#define QUEUE_MAX 1024
#define RESERVED_FDS 64
#define FDS_PER_THREAD 4

/* LeakSanitizer inspects its own process, which hide_memory() would forbid. */
#if defined(__SANITIZE_ADDRESS__)
#define CAN_HIDE false
#elif defined(__has_feature)
#define CAN_HIDE (!__has_feature(address_sanitizer))
#else
#define CAN_HIDE true
#endif

enum { EXIT_DONE = 0, EXIT_WRONG = 2 };

/** How many connections there is room for. */
struct room {
	size_t waiting;
	size_t queue;
};

static const char usage[] =
    "usage: latchkey-fcgi [-c FILE]\n"
    "       latchkey-fcgi --help | --version\n"
    "\n"
    "A FastCGI authorizer: it lets those requests through that carry the\n"
    "token of a live session.  It listens on the socket that `gate.listen`\n"
    "in FILE names, or on standard input if a web server left a listening\n"
    "socket there.  FILE defaults to " DEFAULT_SETTINGS ".\n"
    "SIGTERM and SIGINT end it after the requests in hand.\n"
    "\n"
    "Started as CGI it answers one request; the variable LATCHKEY_CGI must\n"
    "name the settings file then, and arguments are not read.\n";

/* The exit status if there is nothing more to do, else -1. */
static int
read_options(int argc, char **argv, const char **path)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:hV", options, NULL)) !=
	    -1) {
		switch (option) {
		case 'c':
			*path = optarg;
			break;
		case 'h':
			(void)fputs(usage, stdout);
			return (EXIT_DONE);
		case 'V':
			(void)printf("latchkey-fcgi %s\n", lk_version());
			return (EXIT_DONE);
		default:
			(void)fputs(usage, stderr);
			return (EXIT_WRONG);
		}
	}
	if (optind != argc) {
		(void)fputs(usage, stderr);
		return (EXIT_WRONG);
	}
	return (-1);
}

static int
complain(const struct lk_error *error)
{
	(void)fprintf(stderr, "latchkey-fcgi: %s\n", error->text);
	return (EXIT_WRONG);
}

/* The file of ${path}, or of the default path if there is one there. */
static enum lk_status
load_settings(const char *path, struct lk_settings **settings,
    struct lk_error *error)
{
	struct stat st;

	if (path == NULL) {
		path = DEFAULT_SETTINGS;
		if (lstat(path, &st) != 0 && errno == ENOENT)
			return (lk_settings_defaults(settings, error));
	}
	return (lk_settings_load(path, settings, error));
}

/*
 * Descriptors 0 to 2 must be taken, lest a connection gets one of them and
 * receives what is meant for standard error.
 */
static bool
fill_standard_fds(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
		    open("/dev/null", O_RDWR) != fd)
			return (false);
	}
	return (true);
}

/* No core file and no debugger of the same user shall see tokens. */
static void
hide_memory(void)
{
	const struct rlimit none = { 0, 0 };

	if (!CAN_HIDE)
		return;
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* What the limit on descriptors, raised if need be, leaves room for. */
static struct room
find_room(size_t threads)
{
	const size_t reserved = RESERVED_FDS + FDS_PER_THREAD * threads;
	const rlim_t wanted = WAITING_MAX + QUEUE_MAX + reserved;
	struct rlimit limit = { reserved, reserved };
	struct room room;
	size_t fds;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur < wanted && limit.rlim_max > limit.rlim_cur) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max :
		    wanted;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
		(void)getrlimit(RLIMIT_NOFILE, &limit);
	}
	fds = (size_t)(limit.rlim_cur < wanted ? limit.rlim_cur : wanted);
	fds = fds > 2 * reserved ? fds - reserved : reserved;
	room.queue = fds / 4 < QUEUE_MAX ? fds / 4 : QUEUE_MAX;
	room.waiting = fds - room.queue;
	return (room);
}

static void
ignore(int signal_number)
{
	(void)signal_number;
}

/*
 * Returns a descriptor that is readable once the gate shall stop, or -1.
 * SIGPIPE gets a handler that does nothing, because, unlike SIG_IGN, it is
 * not inherited by programs that are started.
 */
static int
watch_signals(void)
{
	struct sigaction action = { .sa_handler = ignore,
		.sa_flags = SA_RESTART };
	sigset_t stop;

	(void)sigemptyset(&action.sa_mask);
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTERM);
	(void)sigaddset(&stop, SIGINT);
	if (sigaction(SIGPIPE, &action, NULL) != 0 ||
	    pthread_sigmask(SIG_BLOCK, &stop, NULL) != 0)
		return (-1);
	return (signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK));
}

static struct lk_log
make_log(const struct lk_settings *settings)
{
	struct lk_log log = {
		.level = (enum lk_log_level)settings->log.level,
		.format = (enum lk_log_format)settings->log.format,
		.sink = lk_log_stderr,
	};

	if (settings->log.to == LK_LOG_TO_SYSLOG) {
		openlog("latchkey-fcgi", LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
		log.sink = lk_log_syslog;
	}
	return (log);
}

static enum lk_status
open_listener(const struct lk_settings *settings,
    struct gate_listener *listener, struct lk_error *error)
{
	if (gate_listener_inherited())
		return (gate_listener_adopt(listener, error));
	return (gate_listener_open(settings->gate.listen,
	    (mode_t)settings->gate.socket_mode, listener, error));
}

/* Serve on ${listener} until ${stop} is readable, and finish. */
static enum lk_status
serve(const struct lk_settings *settings, const struct lk_log *log,
    struct gate_listener *listener, int stop, struct lk_error *error)
{
	struct gate_report report = { .log = log };
	const struct room room =
	    find_room((size_t)settings->gate.threads);
	struct gate_workers *workers = NULL;
	enum lk_status status = LK_FAULT;
	struct gate_queue *queue = NULL;
	struct gate_door *door = NULL;

	if ((status = gate_queue_new(room.queue, &queue)) != LK_OK)
		goto out;
	status = gate_workers_start(settings, &report, queue, &workers,
	    error);
	if (status != LK_OK)
		goto out;
	status = gate_door_new(listener->fd, stop, room.waiting, queue,
	    &report, &door, error);
	if (status != LK_OK)
		goto out;
	LK_LOG(log, LK_LOG_INFO, "gate started",
	    { "version", lk_version() });
	status = gate_door_run(door);
out:
	/* From here on another gate may take the listener's place. */
	gate_listener_close(listener);
	gate_door_free(door);
	gate_workers_finish(workers);
	gate_queue_free(queue);
	if (status == LK_OK)
		lk_log_event(log, LK_LOG_INFO, "gate stopped", NULL, 0);
	return (status);
}

static int
run(const char *path)
{
	struct lk_error error = { "the system does not let the gate run" };
	struct gate_listener listener = { .fd = -1 };
	struct lk_settings *settings = NULL;
	enum lk_status status = LK_FAULT;
	struct lk_log log;
	int stop = -1;

	status = load_settings(path, &settings, &error);
	if (status != LK_OK)
		goto out;
	log = make_log(settings);
	status = LK_FAULT;
	if ((stop = watch_signals()) == -1 || FCGX_Init() != 0)
		goto out;
	status = open_listener(settings, &listener, &error);
	if (status != LK_OK)
		goto out;
	status = serve(settings, &log, &listener, stop, &error);
out:
	gate_listener_close(&listener);
	if (stop != -1)
		(void)close(stop);
	lk_settings_free(settings);
	return (status == LK_OK ? EXIT_DONE : complain(&error));
}

/*
 * Answer one request as CGI, if whoever set this up asked for it: ${path},
 * from a variable that no request can set, names the settings.
 */
static int
run_as_cgi(const char *path)
{
	struct lk_settings *settings = NULL;
	struct lk_error error = { "" };
	struct lk_log log = { .sink = lk_log_stderr };
	int status = EXIT_DONE;

	if (path == NULL) {
		(void)fputs("latchkey-fcgi: to run as CGI, it needs the "
		    "settings file's path in LATCHKEY_CGI\n", stderr);
		return (EXIT_WRONG);
	}
	if (lk_settings_load(path, &settings, &error) == LK_OK)
		log = make_log(settings);
	else
		status = complain(&error);
	if (!gate_cgi_answer(settings, &log, environ, STDOUT_FILENO))
		status = EXIT_WRONG;
	lk_settings_free(settings);
	return (status);
}

int
main(int argc, char **argv)
{
	const char *path = NULL;
	int status;

	if (!fill_standard_fds())
		return (EXIT_WRONG);
	hide_memory();
	/* As CGI, a request's query can become arguments: read none. */
	if (getenv("GATEWAY_INTERFACE") != NULL)
		return (run_as_cgi(getenv("LATCHKEY_CGI")));
	if ((status = read_options(argc, argv, &path)) != -1)
		return (status);
	return (run(path));
}
