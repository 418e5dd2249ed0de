/*
 * A growing byte buffer with a cap.  A failed append is remembered, so that
 * a caller appends as often as it likes and asks once.  Every byte that was
 * ever in it is wiped before its memory is given back.
 */
#ifndef LK_BUF_H_
#define LK_BUF_H_

#include <stdbool.h>
#include <stddef.h>

struct lk_buf {
	char *data;  /* NUL-terminated once anything was appended */
	size_t len;  /* bytes used, without the NUL */
	size_t cap;  /* bytes allocated */
	size_t max;  /* most bytes it may hold */
	bool failed; /* an append did not fit, or memory ran out */
};

/** LK_BUF_INIT(max): an empty buffer that holds at most ${max} bytes. */
#define LK_BUF_INIT(max_)                 \
	{                                 \
		NULL, 0, 0, (max_), false \
	}

/** lk_buf_add(buf, bytes, len): Append ${len} bytes. */
void lk_buf_add(struct lk_buf *buf, const void *bytes, size_t len);

/** lk_buf_str(buf, text): Append a string. */
void lk_buf_str(struct lk_buf *buf, const char *text);

/** lk_buf_printf(buf, format, ...): Append formatted text. */
void lk_buf_printf(struct lk_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * lk_buf_room(buf, len):
 * Make room for ${len} more bytes behind the used ones and return where they
 * go, or NULL.  The caller adds what it wrote with lk_buf_grew().
 */
char *lk_buf_room(struct lk_buf *buf, size_t len);

/** lk_buf_grew(buf, len): ${len} bytes were written behind the used ones. */
void lk_buf_grew(struct lk_buf *buf, size_t len);

/** lk_buf_reset(buf): Forget the content, keep the memory and the cap. */
void lk_buf_reset(struct lk_buf *buf);

/**
 * lk_buf_take(buf):
 * Hand the content over as a string from malloc(); NULL if an append failed.
 * The buffer is empty afterwards.
 */
char *lk_buf_take(struct lk_buf *buf);

/** lk_buf_free(buf): Wipe and free; the buffer is empty afterwards. */
void lk_buf_free(struct lk_buf *buf);

#endif /* !LK_BUF_H_ */
