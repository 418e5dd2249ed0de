/*
 * Something that answers whatever a test wants, in the place of a Redis or a
 * Sentinel: a thread that takes one connection after the other, and sends
 * nothing before it has been asked.
 */
#ifndef IMPOSTOR_H_
#define IMPOSTOR_H_

#include <pthread.h>
#include <stdatomic.h>

#include "world.h"

enum impostor_way {
	IMPOSTOR_ALWAYS,   /* answer each question, and stay */
	IMPOSTOR_CLOSING,  /* answer and close */
	IMPOSTOR_DRIPPING, /* a byte each 20 ms, for ever */
	IMPOSTOR_FLOODING, /* again and again, for ever */
	IMPOSTOR_STAYING,  /* answer once, and stay */
	IMPOSTOR_ONCE      /* answer once, and close when asked again */
};

struct impostor {
	int listener;
	int port;
	char address[32]; /* as settings have it */
	const char *bytes;
	size_t len;
	enum impostor_way way;
	atomic_int connections;
	atomic_int questions; /* reads that returned something */
	atomic_bool stop;
	pthread_t thread;
};

void impostor_start(struct impostor *im, enum impostor_way way,
    const char *bytes, size_t len);
/* Tell it to stop; and wait until it has. */
void impostor_dismiss(struct impostor *im);
void impostor_stop(struct impostor *im);

/* What a Sentinel says that names a master at ${port} and describes it. */
void impostor_naming(int port, char text[256]);

#endif /* !IMPOSTOR_H_ */
