/* The verb `user`: the cached user info. */
#include <string.h>

#include "base/json.h"
#include "ctl.h"

static void
print_user(struct ctl *ctl, const struct lk_user *user)
{
	lk_buf_str(&ctl->out, "{\"id\":");
	lk_json_string(user->id, &ctl->out);
	lk_buf_str(&ctl->out, ",\"detail\":");
	lk_json_shown(user->detail, &ctl->out);
	lk_buf_str(&ctl->out, "}\n");
}

static enum lk_status
get(struct ctl *ctl, const char *id, int64_t ttl)
{
	struct lk_user user;
	enum lk_status status = LK_FAULT;

	(void)ttl;
	status = lk_user_get(ctl->manager, id, &user);

	if (status == LK_OK)
		print_user(ctl, &user);
	lk_user_clear(&user);
	return (status);
}

static enum lk_status
load(struct ctl *ctl, const char *id, int64_t ttl)
{
	struct lk_user user;
	enum lk_status status = lk_user_load(ctl->manager, id, ttl, &user);

	if (status == LK_OK)
		print_user(ctl, &user);
	lk_user_clear(&user);
	return (status);
}

static enum lk_status
refresh(struct ctl *ctl, const char *id, int64_t ttl)
{
	enum lk_status status = lk_user_refresh(ctl->manager, &id, 1, ttl,
	    NULL);

	if (status == LK_OK) {
		lk_buf_str(&ctl->out, "{\"id\":");
		lk_json_string(id, &ctl->out);
		lk_buf_str(&ctl->out, ",\"refreshed\":true}\n");
	}
	return (status);
}

static enum lk_status
forget(struct ctl *ctl, const char *id, int64_t ttl)
{
	bool deleted;
	enum lk_status status = LK_FAULT;

	(void)ttl;
	status = lk_user_delete(ctl->manager, id, &deleted);
	if (status == LK_OK) {
		lk_buf_str(&ctl->out, "{\"id\":");
		lk_json_string(id, &ctl->out);
		lk_buf_printf(&ctl->out, ",\"deleted\":%s}\n",
		    deleted ? "true" : "false");
	}
	return (status);
}

static const struct {
	const char *name;
	enum lk_status (*run)(struct ctl *ctl, const char *id, int64_t ttl);
	bool caches; /* for a time that may be said */
} actions[] = { { "get", get, false }, { "load", load, true },
	{ "refresh", refresh, true }, { "delete", forget, false },
	{ NULL, NULL, false } };

int
ctl_user(struct ctl *ctl, int argc, char **argv)
{
	const char *ttl = NULL;
	const struct ctl_option options[] = { { "--ttl", NULL, &ttl },
		{ NULL, NULL, NULL } };
	int operands, i, a = 0, code, worst = CTL_DONE;
	int64_t seconds = 0;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands < 2)
		return (ctl_usage(ctl,
		    "get, load, refresh or delete, and one USER or more"));
	while (actions[a].name != NULL && strcmp(actions[a].name, argv[0]) != 0)
		a++;
	if (actions[a].name == NULL)
		return (ctl_usage(ctl, "get, load, refresh or delete"));
	if (ttl != NULL && !actions[a].caches)
		return (ctl_usage(ctl, "--ttl with load or refresh only"));
	if (ttl != NULL && (code = ctl_seconds(ctl, ttl, &seconds)) != 0)
		return (code);
	for (i = 1; i < operands; i++) {
		code = ctl_answer(ctl, actions[a].run(ctl, argv[i], seconds),
		    argv[i]);
		if (code > worst)
			worst = code;
	}
	return (worst);
}
