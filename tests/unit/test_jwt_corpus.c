/* The fuzz target of access tokens over its corpus. */
#include "corpus.h"

#define CORPUS "tests/fuzz/corpus/jwt/*"
#define FILES_MIN 6

static void
test_jwt_corpus_as_it_is_holds(void **state)
{
	corpus_replay(CORPUS, FILES_MIN, 0);
}

static void
test_jwt_corpus_changed_a_little_holds(void **state)
{
	corpus_replay(CORPUS, FILES_MIN, 200);
}

#include "support/suite.h"
