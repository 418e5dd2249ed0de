#include <sys/socket.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/error.h"
#include "base/library.h"
#include "base/tls.h"
#include "base/trusted_file.h"

/* Largest file of certificates, and of a key. */
#define CERTIFICATES_MAX (4 * 1024 * 1024)
#define KEY_MAX 65536
/* Where Debian and its kin have the system's certificates, by their hashes. */
#define SYSTEM_CA_DIR "/etc/ssl/certs"

/* ---- libssl ------------------------------------------------------------ */

/* What is called of libssl and libcrypto. */
/* clang-format off */
#define LIBSSL(F) \
	F(OPENSSL_init_ssl) F(TLS_client_method) F(SSL_CTX_new) \
	F(SSL_CTX_free) F(SSL_CTX_ctrl) F(SSL_CTX_set_options) \
	F(SSL_CTX_set_verify) F(SSL_CTX_get_cert_store) \
	F(SSL_CTX_load_verify_dir) F(SSL_CTX_use_certificate) \
	F(SSL_CTX_use_PrivateKey) F(SSL_new) F(SSL_free) F(SSL_set_bio) \
	F(SSL_set_connect_state) F(SSL_ctrl) F(SSL_set1_host) \
	F(SSL_set_hostflags) F(SSL_get0_param) F(SSL_read) F(SSL_write) \
	F(SSL_peek) F(SSL_pending) F(SSL_has_pending) F(SSL_get_error) \
	F(SSL_is_init_finished) F(SSL_get_verify_result) \
	F(SSL_get1_peer_certificate)
#define LIBCRYPTO(F) \
	F(BIO_new) F(BIO_free) F(BIO_new_mem_buf) F(BIO_meth_new) \
	F(BIO_meth_set_write) F(BIO_meth_set_read) F(BIO_meth_set_ctrl) \
	F(BIO_set_data) F(BIO_get_data) F(BIO_set_init) F(BIO_set_flags) \
	F(BIO_clear_flags) F(PEM_read_bio_X509) F(PEM_read_bio_PrivateKey) \
	F(X509_free) F(X509_get0_notAfter) F(X509_STORE_add_cert) \
	F(X509_VERIFY_PARAM_set1_ip_asc) F(X509_verify_cert_error_string) \
	F(EVP_PKEY_free) F(ASN1_TIME_to_tm) F(ERR_clear_error) \
	F(ERR_peek_error)
/* clang-format on */

static struct {
	LIBSSL(LK_LIBRARY_POINTER)
	LIBCRYPTO(LK_LIBRARY_POINTER)
	BIO_METHOD *method;
	bool loaded;
} ssl;

static int bio_write(BIO *bio, const char *bytes, int len);
static int bio_read(BIO *bio, char *bytes, int size);
static long bio_ctrl(BIO *bio, int command, long number, void *pointer);

/* Once in a process; it says so by ${ssl.loaded}. */
static void
load(void)
{
	/* No file and no environment says how, and nothing runs at the end. */
	if (!lk_library_load("libssl.so.3", LIBSSL(LK_LIBRARY_NAME), &ssl) ||
	    !lk_library_load("libcrypto.so.3", LIBCRYPTO(LK_LIBRARY_NAME),
	        &ssl.BIO_new_) ||
	    ssl.OPENSSL_init_ssl_(
	        OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) !=
	        1 ||
	    (ssl.method = ssl.BIO_meth_new_(BIO_TYPE_SOURCE_SINK,
	         "latchkey")) == NULL)
		return;
	ssl.loaded = ssl.BIO_meth_set_write_(ssl.method, bio_write) == 1 &&
	    ssl.BIO_meth_set_read_(ssl.method, bio_read) == 1 &&
	    ssl.BIO_meth_set_ctrl_(ssl.method, bio_ctrl) == 1;
}

/* ---- A socket, as OpenSSL sees it -------------------------------------- */

/* What is inside a stream. */
struct inside {
	SSL *ssl;
	int fd;
	bool patient;     /* the next read may wait */
	bool ended;       /* the peer has closed the connection */
	short wants;      /* what poll(2) is to wait for, to go on with the
	                     handshake, or with reading after it */
	int socket_error; /* of the last call; 0: none */
};

static int
bio_done(BIO *bio, struct inside *in, ssize_t n, int again)
{
	ssl.BIO_clear_flags_(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
	in->socket_error = n < 0 ? errno : 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		in->socket_error = EAGAIN;
		ssl.BIO_set_flags_(bio, again | BIO_FLAGS_SHOULD_RETRY);
	}
	return ((int)n);
}

static int
bio_write(BIO *bio, const char *bytes, int len)
{
	struct inside *in = ssl.BIO_get_data_(bio);

	return (bio_done(bio, in,
	    send(in->fd, bytes, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT),
	    BIO_FLAGS_WRITE));
}

static int
bio_read(BIO *bio, char *bytes, int size)
{
	struct inside *in = ssl.BIO_get_data_(bio);
	ssize_t n = recv(in->fd, bytes, (size_t)size,
	    in->patient ? 0 : MSG_DONTWAIT);

	/* A record may come in many parts, and there is one patience. */
	in->patient = false;
	in->ended |= n == 0;
	return (bio_done(bio, in, n, BIO_FLAGS_READ));
}

static long
bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return (command == BIO_CTRL_FLUSH);
}

/* ---- As a stream ------------------------------------------------------- */

static struct inside *
inside_of(const struct lk_stream *stream)
{
	return (stream->inside);
}

/* Why the handshake failed. */
static const char *
explain(const struct inside *in)
{
	const long verdict = ssl.SSL_get_verify_result_(in->ssl);
	const int reason = ERR_GET_REASON(ssl.ERR_peek_error_());

	if (verdict != X509_V_OK)
		return (ssl.X509_verify_cert_error_string_(verdict));
	switch (reason) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
		return ("it speaks no TLS at this port");
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
	case SSL_R_NO_PROTOCOLS_AVAILABLE:
		return ("it speaks no TLS 1.2 or later");
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
		return ("it wants a client certificate (tls.cert)");
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
		return ("it refuses the handshake; it may want a client "
		        "certificate (tls.cert)");
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
		return ("it refuses our certificate (tls.cert)");
	case SSL_R_INAPPROPRIATE_FALLBACK:
		return ("somebody in between has made TLS older (RFC 8446, "
		        "4.1.3)");
	default:
		return ("the handshake failed");
	}
}

/*
 * What came of a call that returned ${n}, and for what to wait before it is
 * made again.  -1 and errno, or 0 at the end.
 */
static ssize_t
failed(struct lk_stream *stream, int n)
{
	struct inside *in = inside_of(stream);
	const bool shaken = ssl.SSL_is_init_finished_(in->ssl);

	switch (ssl.SSL_get_error_(in->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		in->wants = POLLIN;
		errno = EAGAIN;
		return (-1);
	case SSL_ERROR_WANT_WRITE:
		in->wants = POLLOUT;
		errno = EAGAIN;
		return (-1);
	case SSL_ERROR_ZERO_RETURN:
		return (0);
	default:
		/* A peer that ends without a word has ended all the same: what
		 * is read is whole by itself, or is none. */
		if (in->socket_error != 0) {
			errno = in->socket_error;
			return (-1);
		}
		if (in->ended && shaken)
			return (0);
		stream->why = in->ended
		    ? "it closed the connection during the handshake"
		    : explain(in);
		/* Of TLS 1.3 our part is over before the peer has looked at our
		 * certificate, which it then refuses by an alert. */
		errno = shaken &&
		        ERR_GET_REASON(ssl.ERR_peek_error_()) <
		            SSL_AD_REASON_OFFSET
		    ? EBADMSG
		    : EKEYREJECTED;
		return (-1);
	}
}

static ssize_t
tls_read(struct lk_stream *stream, void *bytes, size_t size, bool patient)
{
	struct inside *in = inside_of(stream);
	int n;

	in->patient = patient;
	in->socket_error = 0;
	ssl.ERR_clear_error_();
	n = ssl.SSL_read_(in->ssl, bytes, size < INT_MAX ? (int)size : INT_MAX);
	in->patient = false;
	in->wants = POLLIN;
	return (n > 0 ? n : failed(stream, n));
}

static ssize_t
tls_write(struct lk_stream *stream, const void *bytes, size_t len)
{
	struct inside *in = inside_of(stream);
	ssize_t done;
	char byte;
	int n;

	if (len == 0)
		return (0);
	in->socket_error = 0;
	ssl.ERR_clear_error_();
	n = ssl.SSL_write_(in->ssl, bytes, len < INT_MAX ? (int)len : INT_MAX);
	if (n > 0)
		return (n);
	done = failed(stream, n);
	/* It may have said why before it closed the connection. */
	if (done < 0 && (errno == EPIPE || errno == ECONNRESET)) {
		ssl.ERR_clear_error_();
		in->socket_error = 0;
		n = ssl.SSL_peek_(in->ssl, &byte, 1);
		done = n > 0 ? 0 : failed(stream, n);
		if (done == 0 || errno == EAGAIN)
			errno = EPIPE;
	} else if (done == 0) {
		errno = EPIPE;
	}
	return (-1);
}

static short
tls_wants(const struct lk_stream *stream, short events)
{
	const struct inside *in = inside_of(stream);

	/* Not a part of a record: more of that has to come first. */
	if ((events & POLLIN) != 0 && ssl.SSL_pending_(in->ssl) > 0)
		return (0);
	/* The handshake goes on by whichever is asked for. */
	if (ssl.SSL_is_init_finished_(in->ssl) == 0)
		return (in->wants);
	return ((short)((events & POLLOUT) |
	    ((events & POLLIN) != 0 ? in->wants : 0)));
}

static bool
tls_is_quiet(const struct lk_stream *stream)
{
	struct inside *in = inside_of(stream);
	char byte;
	int n;

	if (ssl.SSL_has_pending_(in->ssl) == 0 &&
	    recv(in->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
		return (errno == EAGAIN);
	/* It may be a word of TLS itself, such as a ticket. */
	ssl.ERR_clear_error_();
	n = ssl.SSL_peek_(in->ssl, &byte, 1);
	return (
	    n <= 0 && ssl.SSL_get_error_(in->ssl, n) == SSL_ERROR_WANT_READ);
}

static void
tls_close(struct lk_stream *stream)
{
	struct inside *in = inside_of(stream);

	ssl.SSL_free_(in->ssl);
	free(in);
}

static const struct lk_stream_ops tls_ops = { .read = tls_read,
	.write = tls_write,
	.wants = tls_wants,
	.is_quiet = tls_is_quiet,
	.close = tls_close };

/* ---- Contexts ---------------------------------------------------------- */

struct lk_tls {
	SSL_CTX *context;
	char *name; /* that the peer must have, or "" */
};

/*
 * Take each certificate of a file for one of those that are trusted, or for our
 * ${own} and its chain; how many there were, or -1.
 */
static int
take_certificates(const char *path, SSL_CTX *context, bool own,
    struct lk_error *error)
{
	struct lk_buf pem = LK_BUF_INIT(CERTIFICATES_MAX);
	X509 *certificate;
	BIO *bio = NULL;
	long taken;
	int n = -1;

	if (lk_trusted_file_read(path, &pem, error) == LK_OK &&
	    (bio = ssl.BIO_new_mem_buf_(pem.data, (int)pem.len)) != NULL) {
		for (n = 0; n >= 0 &&
		     (certificate = ssl.PEM_read_bio_X509_(bio, NULL, NULL,
		          NULL)) != NULL;) {
			if (!own)
				taken = ssl.X509_STORE_add_cert_(
				    ssl.SSL_CTX_get_cert_store_(context),
				    certificate);
			else if (n == 0)
				taken = ssl.SSL_CTX_use_certificate_(context,
				    certificate);
			else
				taken = ssl.SSL_CTX_ctrl_(context,
				    SSL_CTRL_CHAIN_CERT, 1, certificate);
			n = taken == 1 ? n + 1 : -1;
			ssl.X509_free_(certificate);
		}
	}
	if (bio != NULL)
		(void)ssl.BIO_free_(bio);
	lk_buf_free(&pem);
	return (n);
}

/* A key with a password would ask for it. */
static int
no_password(char *room, int size, int writing, void *arg)
{
	(void)room;
	(void)size;
	(void)writing;
	(void)arg;
	return (-1);
}

static bool
take_key(const char *path, SSL_CTX *context, struct lk_error *error)
{
	struct lk_buf pem = LK_BUF_INIT(KEY_MAX);
	EVP_PKEY *key = NULL;
	BIO *bio = NULL;
	bool done = false;

	if (lk_trusted_file_read_secret(path, &pem, error) == LK_OK &&
	    (bio = ssl.BIO_new_mem_buf_(pem.data, (int)pem.len)) != NULL)
		key = ssl.PEM_read_bio_PrivateKey_(bio, NULL, no_password,
		    NULL);
	if (key != NULL) {
		done = ssl.SSL_CTX_use_PrivateKey_(context, key) == 1;
		ssl.EVP_PKEY_free_(key);
	}
	if (bio != NULL)
		(void)ssl.BIO_free_(bio);
	lk_buf_free(&pem);
	return (done);
}

/* Say what is wrong with a file, unless reading it has said so. */
static enum lk_status
refuse(const char *group, const char *key, const char *path, const char *want,
    struct lk_error *error)
{
	const struct lk_error why = *error;

	if (why.text[0] != '\0')
		return (lk_fail(error, LK_E_SETTINGS, "%s.%s: %s", group, key,
		    why.text));
	return (lk_fail(error, LK_E_SETTINGS, "%s.%s: expected %s, got %s",
	    group, key, want, path));
}

static enum lk_status
fill(const struct lk_tls_settings *s, const char *group, SSL_CTX *context,
    struct lk_error *error)
{
	error->text[0] = '\0';
	if (ssl.SSL_CTX_ctrl_(context, SSL_CTRL_SET_MIN_PROTO_VERSION,
	        TLS1_2_VERSION, NULL) != 1)
		return (lk_fail(error, LK_E_STORE, "no TLS 1.2 in libssl"));
	(void)ssl.SSL_CTX_set_options_(context,
	    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
	        SSL_OP_CLEANSE_PLAINTEXT);
	(void)ssl.SSL_CTX_ctrl_(context, SSL_CTRL_MODE,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
	        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS,
	    NULL);
	ssl.SSL_CTX_set_verify_(context, SSL_VERIFY_PEER, NULL);
	if (strcmp(s->ca, "system") == 0) {
		if (ssl.SSL_CTX_load_verify_dir_(context, SYSTEM_CA_DIR) != 1)
			return (refuse(group, "ca", SYSTEM_CA_DIR,
			    "a folder of certificates", error));
	} else if (take_certificates(s->ca, context, false, error) <= 0) {
		return (refuse(group, "ca", s->ca,
		    "\"system\" or a file of certificates in PEM", error));
	}
	if (s->cert[0] == '\0')
		return (LK_OK);
	if (take_certificates(s->cert, context, true, error) <= 0)
		return (refuse(group, "cert", s->cert, "a certificate in PEM",
		    error));
	if (!take_key(s->key, context, error))
		return (refuse(group, "key", s->key,
		    "the certificate's private key in PEM, without a password",
		    error));
	return (LK_OK);
}

enum lk_status
lk_tls_new(const struct lk_tls_settings *settings, const char *group,
    struct lk_tls **tlsp, struct lk_error *error)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	enum lk_status status = LK_OK;
	struct lk_tls *tls;

	*tlsp = NULL;
	if (settings->ca[0] == '\0')
		return (LK_OK);
	(void)pthread_once(&once, load);
	if (!ssl.loaded)
		return (lk_fail(error, LK_E_STORE,
		    "%s: there is no libssl.so.3 of OpenSSL here", group));
	if ((tls = calloc(1, sizeof(*tls))) == NULL ||
	    (tls->name = strdup(settings->name)) == NULL ||
	    (tls->context = ssl.SSL_CTX_new_(ssl.TLS_client_method_())) == NULL)
		status = lk_fail(error, LK_E_NOMEM, "out of memory");
	else
		status = fill(settings, group, tls->context, error);
	ssl.ERR_clear_error_();
	if (status == LK_OK)
		*tlsp = tls;
	else
		lk_tls_free(tls);
	return (status);
}

void
lk_tls_free(struct lk_tls *tls)
{
	if (tls == NULL)
		return;
	if (tls->context != NULL)
		ssl.SSL_CTX_free_(tls->context);
	free(tls->name);
	free(tls);
}

/* ---- Connections ------------------------------------------------------- */

/* The name must be in the certificate; a literal is no name, and is not
 * sent. */
static bool
expect(SSL *s, const char *host)
{
	if (ssl.X509_VERIFY_PARAM_set1_ip_asc_(ssl.SSL_get0_param_(s), host) ==
	    1)
		return (true);
	ssl.SSL_set_hostflags_(s,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
	        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (ssl.SSL_set1_host_(s, host) != 1)
		return (false);
	return (ssl.SSL_ctrl_(s, SSL_CTRL_SET_TLSEXT_HOSTNAME,
	            TLSEXT_NAMETYPE_host_name,
	            /* NOLINTNEXTLINE(performance-no-int-to-ptr): it reads. */
	            (void *)(uintptr_t)host) == 1);
}

bool
lk_tls_wrap(const struct lk_tls *tls, struct lk_stream *stream,
    const char *host)
{
	struct inside *in = calloc(1, sizeof(*in));
	BIO *bio = NULL;

	if (tls->name[0] != '\0')
		host = tls->name;
	if (in != NULL)
		in->ssl = ssl.SSL_new_(tls->context);
	/* An empty host would be anybody's. */
	if (in == NULL || in->ssl == NULL || host[0] == '\0' ||
	    !expect(in->ssl, host) ||
	    (bio = ssl.BIO_new_(ssl.method)) == NULL) {
		if (in != NULL && in->ssl != NULL)
			ssl.SSL_free_(in->ssl);
		free(in);
		ssl.ERR_clear_error_();
		return (false);
	}
	ssl.ERR_clear_error_();
	in->fd = stream->fd;
	in->wants = POLLOUT;
	ssl.BIO_set_data_(bio, in);
	ssl.BIO_set_init_(bio, 1);
	ssl.SSL_set_bio_(in->ssl, bio, bio);
	ssl.SSL_set_connect_state_(in->ssl);
	stream->inside = in;
	stream->ops = &tls_ops;
	return (true);
}

int64_t
lk_tls_peer_ends(const struct lk_stream *stream)
{
	struct tm tm = { .tm_year = 0 };
	X509 *certificate;
	int64_t ends = 0;

	if (stream->ops != &tls_ops)
		return (0);
	certificate = ssl.SSL_get1_peer_certificate_(inside_of(stream)->ssl);
	if (certificate != NULL) {
		if (ssl.ASN1_TIME_to_tm_(ssl.X509_get0_notAfter_(certificate),
		        &tm) == 1)
			ends = timegm(&tm);
		ssl.X509_free_(certificate);
	}
	return (ends);
}
