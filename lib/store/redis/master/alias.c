#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "store/redis/master/alias.h"

/* A name is not looked up more often than this. */
#define LOOK_UP_EVERY_NS (5 * INT64_C(1000000000))

/* What ${address}, called ${name}, stands for. */
static void
find(struct lk_redis_aliases *aliases, const struct lk_address *address,
    const char *name, struct lk_endpoints *endpoints)
{
	const int64_t now = lk_monotonic_ns();
	size_t i;

	memset(endpoints, 0, sizeof(*endpoints));
	if (lk_address_is_literal(address)) {
		(void)lk_endpoints_find(address, endpoints);
		return;
	}
	for (i = 0; i < LK_REDIS_ALIASES_MAX; i++) {
		if (strcmp(aliases->at[i].name, name) == 0 &&
		    now - aliases->at[i].looked_up_ns < LOOK_UP_EVERY_NS) {
			*endpoints = aliases->at[i].endpoints;
			return;
		}
	}
	if (!lk_endpoints_find(address, endpoints))
		endpoints->n = 0;
	i = aliases->next++ % LK_REDIS_ALIASES_MAX;
	(void)snprintf(aliases->at[i].name, sizeof(aliases->at[i].name), "%s",
	    name);
	aliases->at[i].endpoints = *endpoints;
	aliases->at[i].looked_up_ns = lk_monotonic_ns();
}

static bool
have_common(const struct lk_endpoints *a, const struct lk_endpoints *b)
{
	size_t i, j;

	for (i = 0; i < a->n; i++) {
		for (j = 0; j < b->n; j++) {
			if (lk_endpoint_is(&a->at[i], &b->at[j]))
				return (true);
		}
	}
	return (false);
}

/* Whether both are addresses of one server, at least one of them by name. */
static bool
are_same(struct lk_redis_aliases *aliases, const char *a, const char *b)
{
	struct lk_address one, other;
	struct lk_endpoints of_one, of_other;

	if (strcmp(a, b) == 0 || lk_address_parse(a, &one) != LK_OK ||
	    lk_address_parse(b, &other) != LK_OK || one.is_unix ||
	    other.is_unix || strcmp(one.port, other.port) != 0 ||
	    (lk_address_is_literal(&one) && lk_address_is_literal(&other)))
		return (false);
	find(aliases, &one, a, &of_one);
	find(aliases, &other, b, &of_other);
	return (have_common(&of_one, &of_other));
}

/* Let whoever names the server at ${address} otherwise name it like that. */
static void
rename_to(struct lk_redis_aliases *aliases, const char *address,
    struct lk_vote *votes, size_t total)
{
	char text[LK_VOTE_ADDRESS_SIZE];
	size_t i;

	(void)snprintf(text, sizeof(text), "%s", address);
	for (i = 0; i < total; i++) {
		if (votes[i].kind == LK_VOTE_NAMES &&
		    are_same(aliases, text, votes[i].address))
			memcpy(votes[i].address, text, sizeof(text));
	}
}

void
lk_redis_aliases_unify(struct lk_redis_aliases *aliases, const char *known,
    struct lk_vote *votes, size_t total)
{
	struct lk_address address;
	size_t i;
	int by_name;

	for (by_name = 0; by_name <= 1; by_name++) {
		for (i = 0; i < total; i++) {
			if (votes[i].kind == LK_VOTE_NAMES &&
			    lk_address_parse(votes[i].address, &address) ==
			        LK_OK &&
			    lk_address_is_literal(&address) == !by_name)
				rename_to(aliases, votes[i].address, votes,
				    total);
		}
	}
	if (known[0] != '\0')
		rename_to(aliases, known, votes, total);
}
