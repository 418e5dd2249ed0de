/*
 * The face of this folder: how sessions are laid out as keys of a Redis.
 *
 * A layout is one row, which stands in the file of its name; nothing outside
 * asks which one it is.  The other headers here are the folder's inside.
 */
#ifndef LK_REDIS_LAYOUT_H_
#define LK_REDIS_LAYOUT_H_

#include "session/stored.h"
#include "session/token.h"
#include "settings/settings.h"
#include "store/redis/wire/wire.h"

struct lk_redis_item;
struct lk_redis_script;
struct lk_store_ops;

/* ---- Keys -------------------------------------------------------------- */

/* What stands in front of a user's index in the keys beside it, in layout
 * gosession, and the longest that stands behind it: a sort of the history. */
#define LK_REDIS_BESIDE_GOSESSION "latchkey-"
#define LK_REDIS_BESIDE_MAX \
	(sizeof(":h:ended logout-others ") - 1 + LK_CLIENT_MAX)
/* Longest key: one of these, of a prefix and a user id. */
#define LK_REDIS_KEY_MAX                                                   \
	(sizeof(LK_REDIS_BESIDE_GOSESSION) - 1 + 64 + 1 + LK_USER_ID_MAX + \
	    LK_REDIS_BESIDE_MAX)

/**
 * A key under construction.  What it is made of has been checked to fit; one
 * that did not would be empty, which names nobody's session.
 */
struct lk_redis_key {
	size_t len;
	char text[LK_REDIS_KEY_MAX + 1];
};

/** lk_redis_key(key, ...): Join strings, up to a NULL, to a key. */
void lk_redis_key(struct lk_redis_key *key, ...) __attribute__((sentinel));

/** lk_redis_arg_key(command, key): Append it, borrowed. */
void lk_redis_arg_key(struct lk_redis_command *command,
    const struct lk_redis_key *key);

/* Longest argument that says how a change is recorded: three numbers, and where
 * it comes from. */
#define LK_REDIS_HOW_MAX \
	(3 * 21 + LK_PEER_MAX + 1 + LK_ACTOR_MAX + 1 + LK_AGENT_MAX)

/** The names that belong to one session. */
struct lk_redis_names {
	const struct lk_token *token;  /* layout gosession: it is in keys, and
	                                  borrowed; else NULL */
	char tag[LK_TAG_TEXT_LEN + 1]; /* layout latchkey, and the handle */
	char handle[LK_HANDLE_TEXT_LEN + 1];
	struct lk_redis_key session;
	struct lk_redis_key index;
	/* What stands beside it, where asked for; in layout gosession it may
	 * have ended by another name as well. */
	struct lk_redis_key beside, ended, unnamed;
	struct lk_redis_key user; /* of his cached record; in layout latchkey
	                             only where it is asked for */
};

/* ---- Layouts ----------------------------------------------------------- */

/** Which keys a scan looks for. */
enum lk_redis_keys {
	LK_REDIS_KEYS_SESSIONS = 0, /* strings, one for each session */
	LK_REDIS_KEYS_USERS,        /* strings, one for each user */
	LK_REDIS_KEYS_INDEXES,      /* one for each user with sessions */
	LK_REDIS_KEYS_ALL           /* of the layout, but users set apart */
};

/* Most commands that a layout asks about one session, and that a second look
 * takes. */
#define LK_REDIS_QUESTIONS_MAX 4
#define LK_REDIS_WHY_MAX 2
/* All of these, and the one about the user. */
#define LK_REDIS_LOOK_MAX (LK_REDIS_QUESTIONS_MAX + 1 + LK_REDIS_WHY_MAX)

/** One look at a session: the commands, and the keys that they borrow. */
struct lk_redis_look {
	struct lk_redis_names names;
	struct lk_redis_command commands[LK_REDIS_LOOK_MAX];
	size_t count;
};

/** lk_redis_look_wipe(look): Wipe its keys, if they hold one. */
void lk_redis_look_wipe(struct lk_redis_look *look);

/** What a layout's keys are called, and what is asked of one. */
struct lk_redis_keyspace {
	/** Name a key that is nobody's, but may be written. */
	void (*fence_key)(const struct lk_settings *settings,
	    struct lk_redis_key *key);

	/**
	 * Name the key of a user's cached record; LK_E_INVAL, explained unless
	 * ${error} is NULL, if such an id cannot be in this layout.
	 */
	enum lk_status (*user_key)(const struct lk_settings *settings,
	    const char *user, struct lk_redis_key *key, struct lk_error *error);

	/**
	 * What the keys begin with that stand beside the sessions of who
	 * ${ref} locates; LK_MALFORMED if that is nobody, and LK_E_INVAL as
	 * above.
	 */
	enum lk_status (*beside)(const struct lk_settings *settings,
	    const struct lk_session_ref *ref, struct lk_redis_key *base,
	    struct lk_error *error);

	/** Whether both settings, of this layout, name the same keys; NULL: any
	 * do. */
	bool (
	    *is_same)(const struct lk_settings *a, const struct lk_settings *b);

	/* What follows is for this folder alone. */

	/** Append the pattern that such keys match. */
	void (*pattern)(const struct lk_settings *settings,
	    enum lk_redis_keys keys, struct lk_buf *pattern);
	const char *index_type; /* of the keys that are indexes */
	bool users_apart;       /* users' keys are not among ALL */
	bool spread;            /* no hash tag keeps a user's keys together */

	/**
	 * Ask about the session of a key that a scan has met: how many
	 * commands, which borrow ${key} and ${item}; 0 if it can be none.
	 */
	size_t (*ask)(const struct lk_settings *settings,
	    const struct lk_redis_reply *key, struct lk_redis_item *item,
	    struct lk_redis_command commands[LK_REDIS_QUESTIONS_MAX]);

	/**
	 * Read what they answered; false if there is no such session.  What
	 * is not as latchkey writes it is LK_STORED_UNREADABLE.
	 */
	bool (*read)(const struct lk_redis_reply *key,
	    const struct lk_redis_item *item,
	    struct lk_redis_reply *const *replies, struct lk_stored *stored);

	/**
	 * What the name of a key says that it is, LK_STORED_UNREADABLE if
	 * neither session nor user; with true, only if ${command} answers 1.
	 */
	bool (*kind)(const struct lk_settings *settings,
	    const struct lk_redis_reply *key, struct lk_redis_item *item,
	    struct lk_redis_command *command, enum lk_stored_kind *kind);

	/** The keys and arguments of the script that puts a session in;
	 * LK_PUT_NOT, or why it cannot be here. */
	enum lk_put (*put)(const struct lk_settings *settings,
	    const struct lk_stored *stored, struct lk_redis_item *item,
	    struct lk_redis_command *command);

	/** What the keys of an index's sessions begin with; NULL: the steps of
	 * a sweep leave these to Redis, and need not know. */
	void (*sweep_prefix)(const struct lk_settings *settings,
	    struct lk_redis_key *prefix);
};

struct lk_redis_layout {
	const struct lk_store_ops *ops;
	enum lk_token_shape shape; /* of the tokens that are issued */
	bool keeps_tokens;         /* in clear, so that lists can have them */
	/* Unless a limit is set there is none: services that share the layout
	 * set none, and would have their users' sessions ended by ours. */
	bool unlimited;

	bool kindless; /* its sessions are all of one kind */

	/* The first look says all but why a session ended. */
	bool first_tells;

	/* What a check reads names the session that it is about: a reply to
	 * another question is not taken for its own. */
	bool names_itself;

	/**
	 * How a check asks about the session of ${key}, and with ${user} last
	 * about his cached record; LK_MALFORMED if it can be none here.
	 */
	enum lk_status (*check)(const struct lk_settings *settings,
	    const struct lk_token_key *key, bool user,
	    struct lk_redis_look *look);

	/**
	 * What the replies, none of which is an error, say of the session;
	 * ${clock} is that of who answered.  LK_E_CORRUPT, and in ${wrong}
	 * what is not as latchkey writes it.
	 */
	enum lk_status (*checked)(const struct lk_settings *settings,
	    const struct lk_token_key *key,
	    struct lk_redis_reply *const *replies,
	    const struct lk_redis_clock *clock, struct lk_session *session,
	    const char **wrong);

	/**
	 * The second look at a session that is unknown: how many commands,
	 * which borrow ${names}; lk_redis_asks_why() says whether there is one.
	 */
	size_t (*ask_why)(struct lk_redis_names *names,
	    struct lk_redis_command commands[LK_REDIS_WHY_MAX]);

	/**
	 * What they say: LK_UNKNOWN if it was never issued, or ended, and then
	 * ${reason} why if that is kept, else LK_EXPIRED.  Without ${key}
	 * nobody is told a reason.  In ${wrong} as above.
	 */
	enum lk_status (*why)(const struct lk_token_key *key,
	    struct lk_redis_reply *const *replies, enum lk_reason *reason,
	    const char **wrong);

	const struct lk_redis_keyspace *keys;

	/* For this folder alone: the script that puts a session in, and the
	 * steps that drop what has expired from an index. */
	const struct lk_redis_script *put_script;
	const struct lk_redis_script *sweep_script;
};

/**
 * lk_redis_asks_why(layout, settings):
 * Whether a session that is unknown is looked at twice.
 */
bool lk_redis_asks_why(const struct lk_redis_layout *layout,
    const struct lk_settings *settings);

/** lk_redis_layout_of(settings): The one that they name. */
const struct lk_redis_layout *lk_redis_layout_of(
    const struct lk_settings *settings);

#endif /* !LK_REDIS_LAYOUT_H_ */
