/*
 * TLS (RFC 8446, RFC 5246) on a stream that was connected: OpenSSL 3 on our own
 * socket, so that one deadline holds and no dead peer raises SIGPIPE.
 *
 * The peer is always verified: its certificate must lead to the configured CA,
 * be in its time, and name the host that was asked for (RFC 9525).  libssl is
 * loaded when the first context is made, and so costs nothing where TLS is not
 * used; it reads no configuration and no environment, and stays loaded.
 */
#ifndef LK_TLS_H_
#define LK_TLS_H_

#include "base/stream.h"

/** How to reach a peer.  An empty `ca` switches TLS off. */
struct lk_tls_settings {
	char *ca;   /* a file of certificates in PEM, or "system" */
	char *cert; /* our own, with its chain, in PEM; "" for none */
	char *key;  /* its private key, in PEM without a password */
	char *name; /* that the peer's must have; "": its host's */
};

/** What connections share; any number of threads may use it at once. */
struct lk_tls;

/**
 * lk_tls_new(settings, group, tls, error):
 * Read the files, and load libssl.  ${tls} is NULL if it is switched off.
 * ${group}, such as "store.redis.tls", is for messages.  LK_E_SETTINGS if a
 * file is not what it must be; LK_E_STORE if there is no libssl here.
 */
enum lk_status lk_tls_new(const struct lk_tls_settings *settings,
    const char *group, struct lk_tls **tls,
    struct lk_error *error) LK_MUST_CHECK;

/** lk_tls_free(tls): After all its streams are closed.  NULL is fine. */
void lk_tls_free(struct lk_tls *tls);

/**
 * lk_tls_wrap(tls, stream, host):
 * Let ${stream}, which was connected or is being, be encrypted from its first
 * byte on.  The handshake is part of the first writes and reads, which fail
 * with EKEYREJECTED if it does; then the stream's `why` says what was wrong.
 * ${host} is a name or a literal.  False without memory.
 */
bool lk_tls_wrap(const struct lk_tls *tls, struct lk_stream *stream,
    const char *host) LK_MUST_CHECK;

/**
 * lk_tls_peer_ends(stream):
 * Until when the peer's certificate is valid, in seconds since 1970 UTC; 0 if
 * the stream is not encrypted, or not yet.
 */
int64_t lk_tls_peer_ends(const struct lk_stream *stream);

#endif /* !LK_TLS_H_ */
