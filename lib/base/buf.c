#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/buf.h"

/* The first allocation; most buffers never need a second one. */
#define LK_BUF_FIRST 256

/* Make the capacity at least ${need}; false, and failed set, if it cannot. */
static bool
grow(struct lk_buf *buf, size_t need)
{
	size_t cap = buf->cap == 0 ? LK_BUF_FIRST : buf->cap;
	char *data;

	while (cap < need)
		cap *= 2;
	if ((data = malloc(cap)) == NULL) {
		buf->failed = true;
		return (false);
	}
	if (buf->data != NULL) {
		memcpy(data, buf->data, buf->len + 1);
		sodium_memzero(buf->data, buf->cap);
		free(buf->data);
	}
	buf->data = data;
	buf->cap = cap;
	return (true);
}

char *
lk_buf_room(struct lk_buf *buf, size_t len)
{
	if (len > buf->max || buf->len > buf->max - len)
		buf->failed = true;
	if (buf->failed ||
	    (buf->len + len >= buf->cap && !grow(buf, buf->len + len + 1)))
		return (NULL);
	buf->data[buf->len] = '\0';
	return (buf->data + buf->len);
}

void
lk_buf_grew(struct lk_buf *buf, size_t len)
{
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void
lk_buf_add(struct lk_buf *buf, const void *bytes, size_t len)
{
	char *room = lk_buf_room(buf, len);

	if (room == NULL)
		return;
	if (len > 0)
		memcpy(room, bytes, len);
	lk_buf_grew(buf, len);
}

void
lk_buf_str(struct lk_buf *buf, const char *text)
{
	lk_buf_add(buf, text, strlen(text));
}

void
lk_buf_printf(struct lk_buf *buf, const char *format, ...)
{
	char *room = lk_buf_room(buf, 0);
	size_t size = buf->cap - buf->len;
	va_list ap, again;
	int len;

	if (room == NULL)
		return;
	if (size > buf->max - buf->len)
		size = buf->max - buf->len + 1;
	va_start(ap, format);
	va_copy(again, ap);
	len = vsnprintf(room, size, format, ap);
	va_end(ap);
	if (len >= 0 && (size_t)len >= size) {
		sodium_memzero(room, size);
		room = lk_buf_room(buf, (size_t)len);
		if (room != NULL)
			(void)vsnprintf(room, (size_t)len + 1, format, again);
	}
	va_end(again);
	if (len < 0)
		buf->failed = true;
	else if (room != NULL)
		lk_buf_grew(buf, (size_t)len);
}

void
lk_buf_reset(struct lk_buf *buf)
{
	if (buf->data != NULL)
		sodium_memzero(buf->data, buf->len);
	buf->len = 0;
	buf->failed = false;
}

char *
lk_buf_take(struct lk_buf *buf)
{
	char *data;

	if (buf->failed || lk_buf_room(buf, 0) == NULL) {
		lk_buf_free(buf);
		return (NULL);
	}
	data = buf->data;
	*buf = (struct lk_buf)LK_BUF_INIT(buf->max);
	return (data);
}

void
lk_buf_free(struct lk_buf *buf)
{
	if (buf->data != NULL) {
		sodium_memzero(buf->data, buf->cap);
		free(buf->data);
	}
	*buf = (struct lk_buf)LK_BUF_INIT(buf->max);
}
