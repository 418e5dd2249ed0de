#include <arpa/inet.h>

#include <string.h>

#include <sodium.h>

#include "endpoints/attempts.h"

_Static_assert(crypto_shorthash_BYTES == sizeof(uint64_t), "a key is a hash");
_Static_assert(crypto_shorthash_KEYBYTES ==
        sizeof(((struct gate_attempts *)0)->secret),
    "by one key");

/* Longest user that is told apart from others. */
#define USER_SIZE 257

/* Of whom failures are counted. */
enum kind { USER_THERE = 0, ADDRESS, USER, KINDS };

/* What is hashed. */
struct about {
	unsigned char kind;
	unsigned char family; /* 4, 6, or 0 for what is no address */
	unsigned char address[16];
	char user[USER_SIZE];
};

/* The network that ${peer} belongs to. */
static void
set_address(struct about *about, const char *peer)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	unsigned char bytes[16];

	if (peer != NULL && inet_pton(AF_INET, peer, about->address) == 1) {
		about->family = 4;
	} else if (peer != NULL && inet_pton(AF_INET6, peer, bytes) == 1) {
		about->family = memcmp(bytes, mapped, 12) == 0 ? 4 : 6;
		if (about->family == 4)
			memcpy(about->address, bytes + 12, 4);
		else
			memcpy(about->address, bytes, 8);
	}
}

/* In one spelling, so that no other one starts anew. */
static void
set_user(struct about *about, const char *user)
{
	size_t i;

	for (i = 0; i + 1 < USER_SIZE && user[i] != '\0'; i++)
		about->user[i] = (char)(user[i] >= 'A' && user[i] <= 'Z'
		        ? user[i] - 'A' + 'a'
		        : user[i]);
}

static uint64_t
key_of(const struct gate_attempts *attempts, enum kind kind, const char *user,
    const char *peer)
{
	struct about about;
	uint64_t key;

	memset(&about, 0, sizeof(about));
	about.kind = (unsigned char)kind;
	if (kind != USER)
		set_address(&about, peer);
	if (kind != ADDRESS)
		set_user(&about, user);
	(void)crypto_shorthash((unsigned char *)&key,
	    (const unsigned char *)&about, sizeof(about), attempts->secret);
	return (key == 0 ? 1 : key);
}

static bool
is_over(const struct gate_attempt *entry, uint32_t now)
{
	return (
	    entry->count == 0 || now - entry->since >= GATE_ATTEMPTS_WINDOW);
}

/* Whether ${a} is rather forgotten than ${b}. */
static bool
matters_less(const struct gate_attempt *a, const struct gate_attempt *b,
    uint32_t now)
{
	const bool over = is_over(a, now);

	if (over != is_over(b, now))
		return (over);
	return (a->count < b->count ||
	    (a->count == b->count && now - a->since > now - b->since));
}

/* The entry of ${key}; if ${make}, in the place of another if need be, else
 * NULL if there is none. */
static struct gate_attempt *
find(struct gate_attempts *attempts, uint64_t key, uint32_t now, bool make)
{
	struct gate_attempt *set = attempts->table[key % GATE_ATTEMPTS_SETS];
	struct gate_attempt *least = &set[0];
	size_t i;

	for (i = 0; i < GATE_ATTEMPTS_WAYS; i++) {
		if (set[i].key == key && !is_over(&set[i], now))
			return (&set[i]);
		if (matters_less(&set[i], least, now))
			least = &set[i];
	}
	if (!make)
		return (NULL);
	*least = (struct gate_attempt){ .key = key, .since = now };
	return (least);
}

static uint32_t
count_of(struct gate_attempts *attempts, uint64_t key, uint32_t now)
{
	const struct gate_attempt *entry = find(attempts, key, now, false);

	return (entry == NULL ? 0 : entry->count);
}

static unsigned int
slowness(uint32_t failures, uint32_t per_minute)
{
	const uint32_t over = failures <= per_minute
	    ? 0
	    : failures - per_minute;

	return (over >= GATE_ATTEMPTS_DELAY_MS / GATE_ATTEMPTS_STEP_MS
	        ? GATE_ATTEMPTS_DELAY_MS
	        : over * GATE_ATTEMPTS_STEP_MS);
}

struct gate_attempts_word
gate_attempts_begin(struct gate_attempts *attempts, const char *user,
    const char *peer, uint32_t per_minute, uint32_t now)
{
	const uint32_t most[KINDS] = { [USER_THERE] = per_minute,
		[ADDRESS] = per_minute * GATE_ATTEMPTS_USERS,
		[USER] = UINT32_MAX };
	struct gate_attempts_word word = { .refused = false };
	const struct gate_attempt *entry;
	uint64_t keys[KINDS];
	unsigned int wait;
	int kind;

	(void)pthread_mutex_lock(&attempts->lock);
	if (!attempts->keyed)
		randombytes_buf(attempts->secret, sizeof(attempts->secret));
	attempts->keyed = true;
	for (kind = 0; kind < KINDS; kind++) {
		keys[kind] = key_of(attempts, (enum kind)kind, user, peer);
		entry = find(attempts, keys[kind], now, false);
		if (kind == ADDRESS && entry != NULL)
			word.yields = entry->count >= GATE_ATTEMPTS_FEW;
		if (entry == NULL || entry->count < most[kind])
			continue;
		word.refused = true;
		wait = GATE_ATTEMPTS_WINDOW - (now - entry->since);
		word.wait = wait > word.wait ? wait : word.wait;
	}
	word.slow = slowness(count_of(attempts, keys[USER], now), per_minute);
	for (kind = 0; kind < KINDS && !word.refused; kind++)
		find(attempts, keys[kind], now, true)->count++;
	(void)pthread_mutex_unlock(&attempts->lock);
	return (word);
}

void
gate_attempts_forgive(struct gate_attempts *attempts, const char *user,
    const char *peer, uint32_t now)
{
	struct gate_attempt *entry;
	int kind;

	(void)pthread_mutex_lock(&attempts->lock);
	for (kind = 0; kind < KINDS; kind++) {
		entry = find(attempts,
		    key_of(attempts, (enum kind)kind, user, peer), now, false);
		if (entry != NULL)
			entry->count--;
	}
	(void)pthread_mutex_unlock(&attempts->lock);
}
