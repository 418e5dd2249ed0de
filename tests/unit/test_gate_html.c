#include "support/test.h"
#include "endpoints/html.h"

static void
expect(void (*append)(struct lk_buf *out, const char *text), const char *text,
    const char *shown)
{
	struct lk_buf out = LK_BUF_INIT(4096);

	append(&out, text);
	assert_string_equal(out.data == NULL ? "" : out.data, shown);
	lk_buf_free(&out);
}

static void
test_gate_html_text_is_text_whatever_it_is(void **state)
{
	expect(gate_html_text, "", "");
	expect(gate_html_text, "a b", "a b");
	expect(gate_html_text, "<a href='x' b=\"y\">&amp;",
	    "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;amp;");
	expect(gate_html_text, "\xc3\xa4", "\xc3\xa4");
	expect(gate_html_text, "\xff<", "\\xff&lt;");
	expect(gate_html_text, "a\nb", "a\\nb");
	expect(gate_html_text, "\xe2\x80\xae", "\\u202e");
}

static void
test_gate_html_device_is_what_people_call_it(void **state)
{
	expect(gate_html_device, "", "Unknown device");
	expect(gate_html_device, "a <program>",
	    "<bdi>a &lt;program&gt;</bdi>");
	expect(gate_html_device,
	    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 "
	    "Firefox/140.0",
	    "Firefox on Linux");
	expect(gate_html_device,
	    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
	    "(KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0",
	    "Edge on Windows");
	expect(gate_html_device,
	    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like "
	    "Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
	    "Chrome on Android");
	expect(gate_html_device,
	    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) "
	    "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E "
	    "Safari/604.1",
	    "Safari on iPhone");
}

static void
test_gate_html_time_is_utc(void **state)
{
	struct lk_buf out = LK_BUF_INIT(256);

	gate_html_time(&out, 0);
	assert_string_equal(out.data,
	    "<time datetime=\"1970-01-01T00:00:00Z\">1970-01-01 00:00 "
	    "UTC</time>");
	lk_buf_free(&out);
}

#include "support/suite.h"
