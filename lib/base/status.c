#include "latchkey.h"

const char *
lk_status_name(enum lk_status status)
{
	switch (status) {
	case LK_OK:
		return ("ok");
	case LK_MALFORMED:
		return ("malformed");
	case LK_UNKNOWN:
		return ("unknown");
	case LK_EXPIRED:
		return ("expired");
	case LK_NO_USER:
		return ("no such user");
	case LK_FORBIDDEN:
		return ("forbidden");
	case LK_LIMIT:
		return ("over a limit");
	case LK_FAULT:
		return ("not decided");
	case LK_E_NOMEM:
		return ("out of memory");
	case LK_E_INVAL:
		return ("invalid argument");
	case LK_E_SETTINGS:
		return ("settings are wrong");
	case LK_E_STORE:
		return ("store unavailable");
	case LK_E_TIMEOUT:
		return ("store timed out");
	case LK_E_CORRUPT:
		return ("store content is corrupt");
	case LK_E_NOT_DURABLE:
		return ("not yet durable");
	case LK_E_WOULD_WAIT:
		return ("would have to wait");
	}
	return ("undefined status");
}

const char *
lk_version(void)
{
	return (LK_VERSION);
}
