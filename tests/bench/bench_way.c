/*
 * What a way to a store costs beside another one to the same: checks, first
 * checks of a program, and issues, in turn in one process.
 *
 *     bench_way PLAIN PLAIN.conf TLS TLS.conf	(names, and settings)
 */
#include <sys/resource.h>

#include <stdio.h>

#include "figure.h"
#include "latchkey.h"

#define CHECKS 2000 /* in a round */
#define LOGINS 20   /* in a round: connect, check once, close */
#define ISSUES 100  /* in a round: sessions, of a user each */

struct side {
	struct lk_settings *settings;
	struct lk_manager *m;
	struct lk_token token;
};

/* What a round took: of the clock, and of this process's time on a CPU. */
struct cost {
	double clock, cpu;
};

static double
cpu_seconds(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return ((double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

static void
open_manager(struct side *side)
{
	struct lk_error error;

	if (lk_manager_new(side->settings, NULL, &side->m, &error) != LK_OK)
		die(error.text);
}

static void
open_side(struct side *side, const char *conf)
{
	struct lk_error error;

	if (lk_settings_load(conf, &side->settings, &error) != LK_OK)
		die(error.text);
	open_manager(side);
	if (lk_issue(side->m, "alice", NULL, &side->token, NULL) != LK_OK)
		die(lk_manager_error(side->m));
}

static void
check(struct side *side)
{
	struct lk_session session;

	if (lk_check(side->m, &side->token, &session) != LK_OK)
		die(lk_manager_error(side->m));
}

static struct cost
checks(struct side *side)
{
	const double clock = seconds(), cpu = cpu_seconds();
	int i;

	for (i = 0; i < CHECKS; i++)
		check(side);
	return ((struct cost){ seconds() - clock, cpu_seconds() - cpu });
}

static struct cost
logins(struct side *side)
{
	const double clock = seconds(), cpu = cpu_seconds();
	int i;

	for (i = 0; i < LOGINS; i++) {
		lk_manager_free(side->m);
		open_manager(side);
		check(side);
	}
	return ((struct cost){ (seconds() - clock) / LOGINS,
	    (cpu_seconds() - cpu) / LOGINS });
}

/* How many are issued in a second, for users that have none. */
static double
issues(struct side *side, size_t round)
{
	const double clock = seconds();
	struct lk_token token;
	char user[64];
	int i;

	for (i = 0; i < ISSUES; i++) {
		(void)snprintf(user, sizeof(user), "%p-%zu-%d", (void *)side,
		    round, i);
		if (lk_issue(side->m, user, NULL, &token, NULL) != LK_OK)
			die(lk_manager_error(side->m));
		lk_token_wipe(&token);
	}
	return (ISSUES / (seconds() - clock));
}

static void
print_pair(const char *what, char **names, double values[2][ROUNDS],
    const char *unit)
{
	char name[64];
	size_t s;

	for (s = 0; s < 2; s++) {
		(void)snprintf(name, sizeof(name), "%s_%s", what, names[2 * s]);
		print_figure(name, median(values[s], ROUNDS), unit);
	}
}

static void
print_ratio(const char *what, char **names, double *values)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%s_%s_to_%s", what, names[2],
	    names[0]);
	print_figure(name, median(values, ROUNDS), "ratio");
}

int
main(int argc, char **argv)
{
	double rate[ROUNDS], cpu[ROUNDS], first[2][ROUNDS], hello[2][ROUNDS];
	double issued[2][ROUNDS];
	struct side side[2];
	struct cost cost[2];
	size_t i, s;

	if (argc != 5)
		die("usage: bench_way NAME CONF OTHER-NAME CONF");
	for (s = 0; s < 2; s++) {
		open_side(&side[s], argv[2 + 2 * s]);
		(void)checks(&side[s]);
	}
	for (i = 0; i < ROUNDS; i++) {
		for (s = 0; s < 2; s++)
			cost[s] = checks(&side[s]);
		rate[i] = cost[0].clock / cost[1].clock;
		cpu[i] = cost[1].cpu / cost[0].cpu;
		for (s = 0; s < 2; s++) {
			cost[s] = logins(&side[s]);
			first[s][i] = cost[s].clock * 1e6;
			hello[s][i] = cost[s].cpu * 1e6;
			issued[s][i] = issues(&side[s], i);
		}
	}
	print_ratio("check_rate", argv + 1, rate);
	print_ratio("check_cpu", argv + 1, cpu);
	print_pair("first_check", argv + 1, first, "us");
	print_pair("first_check_cpu", argv + 1, hello, "us");
	print_pair("issues", argv + 1, issued, "1/s");
	for (s = 0; s < 2; s++) {
		lk_manager_free(side[s].m);
		lk_settings_free(side[s].settings);
	}
	return (0);
}
