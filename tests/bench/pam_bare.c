/*
 * The least that a module could do which asks Redis for a session: take the
 * user and the token, connect, GET, close.  bench_pam holds ours against it,
 * so that what libpam itself does (an audit record, a conversation) is on both
 * sides.
 *
 *     auth required pam_bare.so ADDRESS KEY
 */
#include <stdlib.h>

#include <hiredis/hiredis.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>

__attribute__((visibility("default"))) int
pam_sm_authenticate(pam_handle_t *handle, int flags, int argc,
    const char **argv)
{
	const char *user, *token;
	redisContext *redis;
	redisReply *reply;
	int code = PAM_AUTH_ERR;

	(void)flags;
	if (argc != 2 || pam_get_user(handle, &user, NULL) != PAM_SUCCESS ||
	    pam_get_authtok(handle, PAM_AUTHTOK, &token, "Token: ") !=
	        PAM_SUCCESS)
		return (code);
	redis = argv[0][0] == '/'
	    ? redisConnectUnix(argv[0])
	    : redisConnect("127.0.0.1", (int)strtol(argv[0], NULL, 10));
	if (redis == NULL)
		return (code);
	if (redis->err == 0 &&
	    (reply = redisCommand(redis, "GET %s", argv[1])) != NULL) {
		if (reply->type == REDIS_REPLY_STRING)
			code = PAM_SUCCESS;
		freeReplyObject(reply);
	}
	redisFree(redis);
	return (code);
}

__attribute__((visibility("default"))) int
pam_sm_setcred(pam_handle_t *handle, int flags, int argc, const char **argv)
{
	(void)handle;
	(void)flags;
	(void)argc;
	(void)argv;
	return (PAM_SUCCESS);
}
