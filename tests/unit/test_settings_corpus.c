/* The settings' fuzz target over its corpus. */
#include "corpus.h"

#define CORPUS "tests/fuzz/corpus/settings/*"
#define FILES_MIN 4

static void
test_settings_corpus_as_it_is_holds(void **state)
{
	corpus_replay(CORPUS, FILES_MIN, 0);
}

static void
test_settings_corpus_changed_a_little_holds(void **state)
{
	corpus_replay(CORPUS, FILES_MIN, 1000);
}

#include "support/suite.h"
