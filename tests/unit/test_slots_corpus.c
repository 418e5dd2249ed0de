/* The fuzz target of what a node of a cluster says over its corpus. */
#include "corpus.h"

#define CORPUS "tests/fuzz/corpus/slots/*"
#define FILES_MIN 12

static void
test_slots_corpus_as_it_is_holds(void **state)
{
	(void)state;
	corpus_replay(CORPUS, FILES_MIN, 0);
}

static void
test_slots_corpus_changed_a_little_holds(void **state)
{
	(void)state;
	corpus_replay(CORPUS, FILES_MIN, 1000);
}

#include "support/suite.h"
