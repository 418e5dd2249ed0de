/* The manager's inside, which its files share; latchkey.h is its face. */
#ifndef LK_MANAGER_H_
#define LK_MANAGER_H_

#include "base/self.h"
#include "base/log.h"
#include "store/store.h"
#include "user/source.h"

struct lk_manager {
	/* Static data. */
	const struct lk_settings *settings;
	struct lk_surroundings surroundings; /* no member but log is NULL */
	struct lk_store *store;
	lk_user_source *source; /* of the settings, or NULL */

	/* Dynamic data. */
	unsigned long process;  /* whose its connection is: lk_process() */
	lk_user_loader *loader; /* the application's, or NULL */
	void *loader_arg;
	struct lk_error error; /* of the last operation */
};

/**
 * lk_manager_begin(manager):
 * Start an operation: forget the last error, and the connection if it is that
 * of a parent process, and return the one deadline that everything asked of the
 * store must keep.
 */
struct lk_deadline lk_manager_begin(struct lk_manager *manager);

/**
 * lk_manager_check_id(manager, id):
 * LK_E_INVAL, with its explanation, unless ${id} may be one in a store.
 */
enum lk_status lk_manager_check_id(struct lk_manager *manager,
    const char *id) LK_MUST_CHECK;

/**
 * lk_manager_check_new_id(manager, id):
 * The same unless sessions may be issued for it and it may be looked up.
 */
enum lk_status lk_manager_check_new_id(struct lk_manager *manager,
    const char *id) LK_MUST_CHECK;

/**
 * lk_user_of_record(id, record, user, error):
 * What the cached ${record} says of the user ${id}; LK_E_CORRUPT if it is not
 * his.  The caller calls lk_user_clear().
 */
enum lk_status lk_user_of_record(const char *id, const struct lk_buf *record,
    struct lk_user *user, struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_manager_check_ttl(manager, fallback, ttl):
 * Put ${fallback} in place of 0; LK_E_INVAL if ${ttl} is out of range.
 */
enum lk_status lk_manager_check_ttl(struct lk_manager *manager,
    int64_t fallback, int64_t *ttl) LK_MUST_CHECK;

/**
 * lk_manager_rest(place):
 * Before the next page of a walk, make up for the ones before it.
 */
void lk_manager_rest(struct lk_place *place);

/**
 * lk_manager_look(manager, ref, deadline, session, record):
 * Look a session up by its public id, and unless ${record} is NULL its user's
 * cached record, as the operation check does.
 */
enum lk_status lk_manager_look(struct lk_manager *manager,
    const struct lk_session_ref *ref, struct lk_deadline deadline,
    struct lk_session *session, struct lk_buf *record) LK_MUST_CHECK;

/** What is shown to prove a session, and by what the store looks it up. */
struct lk_shown {
	struct lk_token_key key;
	bool access; /* it is an access token, and says what follows */
	struct lk_session says;
	struct lk_session_ref ref;
};

/**
 * lk_shown_read(settings, token, clock, shown, why):
 * Read what ${token} shows, and verify it by ${clock} if it is an access token;
 * then ${why} says what is wrong with it.
 */
enum lk_status lk_shown_read(const struct lk_settings *settings,
    const struct lk_token *token, const struct lk_surroundings *clock,
    struct lk_shown *shown, struct lk_error *why) LK_MUST_CHECK;

/**
 * lk_shown_look(manager, shown, deadline, session, record):
 * Look up the session that ${shown} proves, and unless ${record} is NULL its
 * user's cached record; see the operation check of stores.
 * Offline the access token is believed, and no session is looked up.
 */
enum lk_status lk_shown_look(struct lk_manager *manager,
    const struct lk_shown *shown, struct lk_deadline deadline,
    struct lk_session *session, struct lk_buf *record) LK_MUST_CHECK;

/** lk_system_now_ms(arg): the system's clock. */
int64_t lk_system_now_ms(void *arg);

#endif /* !LK_MANAGER_H_ */
