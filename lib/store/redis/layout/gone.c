#include "store/redis/layout/gone.h"

enum lk_status
lk_redis_note_gone(struct lk_redis_store *store,
    const struct lk_redis_reply *reply, const struct lk_token_key *key,
    lk_redis_gone_fn *each)
{
	const struct lk_redis_reply *count, *told;
	bool fits = reply->elements == 5;
	size_t i;

	if (fits) {
		count = reply->element[3];
		told = reply->element[4];
		fits = count->type == LK_REDIS_INTEGER &&
		    told->type == LK_REDIS_ARRAY &&
		    count->integer >= (int64_t)told->elements;
	}
	for (i = 0; fits && i < told->elements; i++)
		fits = told->element[i]->type == LK_REDIS_STRING &&
		    each(&store->base.gone, key, told->element[i]);
	if (!fits)
		return (lk_redis_corrupt(store, "what an issue has ended"));
	store->base.gone.count += (uint64_t)count->integer - told->elements;
	return (LK_OK);
}
