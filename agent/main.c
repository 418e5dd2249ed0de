#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "house/house.h"
#include "process/process.h"
#include "settings/settings.h"

static const char usage[] =
    "usage: latchkeyd [-c FILE]\n"
    "       latchkeyd --help | --version\n"
    "\n"
    "The agent: it issues, checks and ends sessions for other programs of\n"
    "this machine, by HTTP and JSON on the unix socket that `agent.listen`\n"
    "in FILE names, or on the one that a service manager passed to it.  Who\n"
    "may ask for what is said by `agent.callers`.  FILE is, by default,\n"
    "" LK_AGENT_SETTINGS_PATH ".\n"
    "SIGHUP makes it read FILE again; SIGTERM and SIGINT end it after the\n"
    "questions in hand.\n";

static const struct gate_command command = { .name = "latchkeyd",
	.usage = usage };

/* ---- Its settings -------------------------------------------------------- */

/* Which of them are about the process. */
static struct gate_process_settings
process_settings(const struct lk_settings *settings)
{
	/* Who may ask is a matter of each question. */
	static const struct lk_strings anyone;

	return ((struct gate_process_settings){
	    .listen = settings->agent.listen,
	    .http_allow_uids = &anyone,
	    .socket_mode = settings->agent.socket_mode,
	    .socket_group = "",
	    .user = settings->agent.user,
	    .threads = settings->agent.threads,
	    .allow_uids = &anyone,
	});
}

static enum lk_status
load(const struct lk_settings *settings, void **own, struct lk_error *error)
{
	struct agent_policy *policy = NULL;
	enum lk_status status = LK_OK;

	if (settings->store.backend == LK_BACKEND_AGENT)
		status = lk_settings_refuse(settings, "store.backend",
		    "store.backend", error,
		    "expected a store, since the agent asks none but one, got "
		    "\"agent\"");
	else
		status = agent_policy_new(settings, &policy, error);
	*own = policy;
	return (status);
}

static void
unload(void *own)
{
	agent_policy_free(own);
}

/* ---- Serving ------------------------------------------------------------- */

/* Say where it listens, and what may not be as it was meant. */
static void
say_started(const struct lk_log *log, const struct lk_settings *settings,
    const struct gate_listener *listener)
{
	char name[GATE_LISTEN_NAME_MAX];

	gate_listener_name(listener, name);
	LK_LOG(log, LK_LOG_INFO, "agent started", { "version", lk_version() },
	    { "address", name });
	if (listener->passed && strcmp(name, settings->agent.listen) != 0)
		LK_LOG(log, LK_LOG_WARN,
		    "agent.listen is not used, a socket was passed",
		    { "address", name }, { "listen", settings->agent.listen });
	if (geteuid() == 0)
		LK_LOG(log, LK_LOG_WARN,
		    "the agent runs as root, agent.user is not set",
		    { NULL, NULL });
	if (settings->agent.callers.n == 0)
		LK_LOG(log, LK_LOG_WARN,
		    "agent.callers has no row: only root and this user may ask",
		    { NULL, NULL });
}

/* Serve until the process is told to stop, and finish. */
static enum lk_status
serve(struct gate_process *process, struct agent_tally *tally,
    struct lk_error *error)
{
	struct gate_generation *first;
	enum lk_status status = LK_FAULT;
	struct agent_house *house;
	bool ended;

	status = agent_house_open(process, tally, &house, error);
	if (status != LK_OK)
		return (status);
	first = gate_generations_hold(process->generations);
	say_started(tally->events.log, first->settings,
	    &process->listeners[GATE_LISTENER_MAIN]);
	gate_generations_drop(process->generations, first);
	gate_process_ready(process);
	status = agent_house_run(house);
	gate_process_leave(process);
	ended = agent_house_free(house);
	if (status == LK_OK)
		lk_log_event(tally->events.log, LK_LOG_INFO, "agent stopped",
		    NULL, 0);
	if (!ended) {
		/* What is left is a thread's, which waits for ever. */
		gate_logger_free(process->logger);
		_exit(status == LK_OK ? GATE_EXIT_DONE : GATE_EXIT_WRONG);
	}
	return (status);
}

static int
run(const char *path)
{
	static const struct gate_program program = { .name = "the agent",
		.file = LK_AGENT_SETTINGS_PATH,
		.group = "agent",
		.settings = process_settings,
		.prepare = agent_house_prepare,
		.load = load,
		.unload = unload };
	struct lk_error error = { "the system does not let the agent run" };
	static struct agent_tally tally;
	struct gate_process process = { .program = &program,
		.events = &tally.events };
	enum lk_status status = LK_FAULT;

	openlog(command.name, LOG_PID, LOG_AUTHPRIV);
	status = gate_process_open(&process, path, &error);
	if (status == LK_OK)
		status = serve(&process, &tally, &error);
	gate_process_close(&process);
	return (status == LK_OK ? GATE_EXIT_DONE
	                        : gate_command_complain(&command, &error));
}

int
main(int argc, char **argv)
{
	struct lk_fd_hold standard = { { false } };
	const char *path = NULL;
	int status;

	/* For good: a connection in place of standard error would be sent
	 * what is meant for that. */
	lk_fd_hold(&standard);
	gate_process_hide_memory();
	if ((status = gate_command_read(&command, argc, argv, &path)) != -1)
		return (status);
	return (run(path));
}
