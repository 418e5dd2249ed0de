/* The verb `user`: the cached user info. */
#include <string.h>

#include "ctl.h"
#include "json.h"

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
get(struct ctl *ctl, const char *id)
{
	struct lk_user user;
	enum lk_status status = lk_user_get(ctl->manager, id, &user);

	if (status == LK_OK)
		print_user(ctl, &user);
	lk_user_clear(&user);
	return (status);
}

static enum lk_status
load(struct ctl *ctl, const char *id)
{
	struct lk_user user;
	enum lk_status status = lk_user_load(ctl->manager, id, 0, &user);

	if (status == LK_OK)
		print_user(ctl, &user);
	lk_user_clear(&user);
	return (status);
}

static enum lk_status
refresh(struct ctl *ctl, const char *id)
{
	enum lk_status status = lk_user_refresh(ctl->manager, &id, 1, 0, NULL);

	if (status == LK_OK) {
		lk_buf_str(&ctl->out, "{\"id\":");
		lk_json_string(id, &ctl->out);
		lk_buf_str(&ctl->out, ",\"refreshed\":true}\n");
	}
	return (status);
}

static enum lk_status delete (struct ctl *ctl, const char *id) {
	bool deleted;
	enum lk_status status = lk_user_delete(ctl->manager, id, &deleted);

	if (status == LK_OK){
	    lk_buf_str(&ctl->out, "{\"id\":"); lk_json_string(id, &ctl->out);
	    lk_buf_printf(&ctl->out, ",\"deleted\":%s}\n",
	        deleted ? "true" : "false"); }
return (status);
}

static const struct {
	const char *name;
	enum lk_status (*run)(struct ctl *ctl, const char *id);
} actions[] = { { "get", get }, { "load", load }, { "refresh", refresh },
	{ "delete", delete }, { NULL, NULL } };

int
ctl_user(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = { { NULL, NULL, NULL } };
	int operands, i, a = 0, code, worst = CTL_DONE;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands < 2)
		return (ctl_usage(ctl,
		    "get, load, refresh or delete, and one USER or more"));
	while (actions[a].name != NULL && strcmp(actions[a].name, argv[0]) != 0)
		a++;
	if (actions[a].name == NULL)
		return (ctl_usage(ctl, "get, load, refresh or delete"));
	for (i = 1; i < operands; i++) {
		code = ctl_answer(ctl, actions[a].run(ctl, argv[i]), argv[i]);
		if (code > worst)
			worst = code;
	}
	return (worst);
}
