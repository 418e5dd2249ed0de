/* The fuzz target of the agent's answers over its corpus. */
#include "corpus.h"

#define CORPUS "tests/fuzz/corpus/reply/*"
#define FILES_MIN 18

static void
test_reply_corpus_as_it_is_holds(void **state)
{
	(void)state;
	corpus_replay(CORPUS, FILES_MIN, 0);
}

static void
test_reply_corpus_changed_a_little_holds(void **state)
{
	(void)state;
	corpus_replay(CORPUS, FILES_MIN, 1000);
}

#include "support/suite.h"
