/*
 * The table of settings: each key once, with what it takes, by which the
 * reader, the printer, the defaults and the manual's test go.  A further
 * setting is an entry in table.c and a member of struct lk_settings; a further
 * list of groups is an entry whose ${members} are a table of the same kind,
 * for the struct that a row of the list is read into.  Inside.
 */
#ifndef LK_SETTINGS_TABLE_H_
#define LK_SETTINGS_TABLE_H_

#include "settings/settings.h"

/* Longest text about a setting, with its NUL. */
#define LK_SETTING_TEXT_MAX 160
/* Longest member of an array, in bytes. */
#define LK_SETTING_MEMBER_MAX 1024
/* A limit, in a text. */
#define LK_DIGITS_OF_(number) #number
#define LK_DIGITS_OF(number) LK_DIGITS_OF_(number)

enum lk_setting_type {
	LK_SETTING_BOOL,    /* bool */
	LK_SETTING_INT,     /* int64_t */
	LK_SETTING_STRING,  /* char * */
	LK_SETTING_ENUM,    /* int, an index of names */
	LK_SETTING_STRINGS, /* struct lk_strings */
	LK_SETTING_VALUES,  /* struct lk_values */
	LK_SETTING_ROWS     /* struct { struct ROW *v; size_t n; } */
};

/**
 * Say in ${want} what was expected and return false if ${value} is not fit.
 */
typedef bool lk_setting_check(const char *value, const char **want);

/** The same of a whole row, which has ${got}. */
typedef bool lk_setting_row_check(const void *row, const char **want,
    const char **got);

struct lk_setting {
	const char *key; /* "store.redis.database"; in a row "path", no dot */
	size_t len;      /* of the key */
	size_t offset;   /* in struct lk_settings, or in the row */
	enum lk_setting_type type;
	bool secret;      /* masked when printed */
	bool octal;       /* INT: a file mode, read and printed as octal */
	bool numbers;     /* STRINGS: a member may be a number, taken as its
	                     decimal text */
	int64_t min, max; /* of an INT; bytes of a STRING; members of a list */
	int64_t number;   /* default of BOOL, INT, ENUM; of ROWS: how many,
	                     all their members at their defaults */
	const char *const *text;  /* default of STRING, one, and STRINGS:
	                             NULL-ended; NULL in a row: none */
	const char *const *names; /* of an ENUM: NULL-ended */
	const char *want;         /* what is expected, unless type and limits
	                             say it */
	const char *once;         /* of STRINGS that differ: "each Sentinel" */

	/* Of a string unless it is empty, and of each member.  In a row it is
	 * asked first, and of whatever stands there. */
	lk_setting_check *check;

	/* What is expected where a row has none; NULL: it may be left out. */
	const char *missing;

	/* Of ROWS: what a row takes, its size, and what spans its members. */
	const struct lk_setting *members;
	size_t size;
	lk_setting_row_check *row_check;
};

/** The keys, ended by one whose key is NULL. */
extern const struct lk_setting lk_settings_table[];

/** The members of a rule. */
extern const struct lk_setting lk_rule_members[];

/* ---- The whole, for who fills it --------------------------------------- */

/**
 * lk_settings_alloc(path, settings, error):
 * Settings of the file ${path}, or with NULL of none, that hold nothing yet.
 */
enum lk_status lk_settings_alloc(const char *path,
    struct lk_settings **settings, struct lk_error *error) LK_MUST_CHECK;

/** lk_settings_complete(settings): Put what no line set at its default. */
enum lk_status lk_settings_complete(struct lk_settings *settings) LK_MUST_CHECK;

/* ---- Entries ----------------------------------------------------------- */

/** Any list of rows, as the table sees it. */
struct lk_rows {
	void *v;
	size_t n;
};

/** lk_setting_find(key): the entry of ${key}, or NULL. */
const struct lk_setting *lk_setting_find(const char *key);

/**
 * lk_setting_below(first, depth, name):
 * Whose key continues the first ${depth} bytes of that of ${first}, the first
 * one with these, by ${name}: the entry itself, or the first one of a group of
 * that name; NULL if there is none.
 */
const struct lk_setting *lk_setting_below(const struct lk_setting *first,
    size_t depth, const char *name);

/* ---- Values; ${base} is the struct that holds them --------------------- */

/**
 * lk_setting_at(setting, base), lk_setting_of(setting, base):
 * Where the value is, to write and to read.
 */
static inline void *
lk_setting_at(const struct lk_setting *setting, void *base)
{
	return ((char *)base + setting->offset);
}

static inline const void *
lk_setting_of(const struct lk_setting *setting, const void *base)
{
	return ((const char *)base + setting->offset);
}

/** lk_setting_rows(setting, base): the rows, of ROWS. */
struct lk_rows lk_setting_rows(const struct lk_setting *setting,
    const void *base);

/**
 * lk_setting_set_string(setting, base, text):
 * Put a copy of ${text} there, wiping the old one.  LK_E_NOMEM leaves it as it
 * was.
 */
enum lk_status lk_setting_set_string(const struct lk_setting *setting,
    void *base, const char *text) LK_MUST_CHECK;

/**
 * lk_setting_set_rows(setting, base, n):
 * Put ${n} rows there, all zero, in place of none.
 */
enum lk_status lk_setting_set_rows(const struct lk_setting *setting, void *base,
    size_t n) LK_MUST_CHECK;

/**
 * lk_setting_set_default(setting, base):
 * Put the default there, in place of none; its texts are the table's own.
 */
enum lk_status lk_setting_set_default(const struct lk_setting *setting,
    void *base) LK_MUST_CHECK;

/** lk_setting_clear(setting, base): Wipe and free what the value holds. */
void lk_setting_clear(const struct lk_setting *setting, void *base);

/**
 * lk_setting_file_of(setting, base):
 * The path that KEY_file names, beside a secret's KEY; "" if none.
 */
const char *lk_setting_file_of(const struct lk_setting *setting,
    const void *base);

/* ---- What is said of them ---------------------------------------------- */

/** lk_setting_want(setting, text): what type and range are expected. */
void lk_setting_want(const struct lk_setting *setting,
    char text[LK_SETTING_TEXT_MAX]);

/**
 * lk_setting_quote(value, text):
 * ${value} in quotes for a message: cut, and every byte that is not
 * printable ASCII as `?`.  Never for a secret.
 */
void lk_setting_quote(const char *value, char text[LK_SETTING_TEXT_MAX]);

/* ---- Forms of strings; see lk_setting_check ---------------------------- */

lk_setting_check lk_form_is_address;      /* host:port, unix:/path, ... */
lk_setting_check lk_form_is_unix;         /* unix:/path alone */
lk_setting_check lk_form_is_web_host;     /* host or host:port */
lk_setting_check lk_form_is_path;         /* absolute */
lk_setting_check lk_form_is_ca;           /* the same, or "system" */
lk_setting_check lk_form_is_account;      /* user name or number */
lk_setting_check lk_form_is_token_source; /* bearer, cookie:NAME, ... */
lk_setting_check lk_form_is_cookie_name;
lk_setting_check lk_form_is_cookie_domain;
lk_setting_check lk_form_is_cookie_path;
lk_setting_check lk_form_is_url;      /* http(s) or absolute path */
lk_setting_check lk_form_is_prefix;   /* of a key in the store */
lk_setting_check lk_form_is_word;     /* printable without spaces */
lk_setting_check lk_form_is_title;    /* what may stand in a page */
lk_setting_check lk_form_is_quotable; /* fits between quotes as it is */
lk_setting_check lk_form_is_user;     /* a user id */
lk_setting_check lk_form_is_client;   /* a client kind */
lk_setting_check lk_form_is_audience; /* whom access tokens are for */
lk_setting_check lk_form_is_claim;    /* one that is not latchkey's own */
lk_setting_check lk_form_is_value;    /* a string in the user's detail */

/* ---- The text of a file ------------------------------------------------ */

/* Deepest nesting of groups, arrays and lists, and longest name. */
#define LK_SCAN_DEPTH_MAX 16
#define LK_SCAN_NAME_MAX 64

/**
 * lk_settings_scan(path, text, len, error):
 * LK_E_SETTINGS, with file, line and as far as possible the key, unless
 * ${text} is made of libconfig's words, without a NUL byte or `@include`,
 * each name has a value, each bracket is closed by its own, every string ends
 * on its line, and every line with a newline, every integer fits into 32 bits,
 * and only an octal setting has a leading zero.  That octal number is replaced,
 * in place and without moving anything, by the decimal one.
 * ${text} is ${len} bytes and a NUL; ${path} is for the message.
 */
enum lk_status lk_settings_scan(const char *path, char *text, size_t len,
    struct lk_error *error) LK_MUST_CHECK;

/* Room for a key that is said where something is wrong. */
#define LK_SCAN_NEAR_SIZE 128

/**
 * lk_settings_scan_near(text, line, near):
 * The last key on or before line ${line} of a ${text} that was scanned; ""
 * if there is none.  It says where libconfig, which knows the line only, found
 * something wrong.
 */
void lk_settings_scan_near(char *text, int line, char near[LK_SCAN_NEAR_SIZE]);

/**
 * lk_settings_parse(path, text, settings, error):
 * What ${text} says, a file's that is called ${path}, and else the defaults;
 * see lk_settings_read().  A newline may be added to ${text}, which is then
 * not fit to be read again.
 */
enum lk_status lk_settings_parse(const char *path, struct lk_buf *text,
    struct lk_settings **settings, struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_SETTINGS_TABLE_H_ */
