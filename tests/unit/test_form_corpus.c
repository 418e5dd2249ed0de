/* The form's fuzz target over its corpus. */
#include "corpus.h"

#define CORPUS "tests/fuzz/corpus/form/*"
#define FILES_MIN 6

static void
test_form_corpus_as_it_is_holds(void **state)
{
	(void)state;
	corpus_replay(CORPUS, FILES_MIN, 0);
}

static void
test_form_corpus_changed_a_little_holds(void **state)
{
	(void)state;
	corpus_replay(CORPUS, FILES_MIN, 1000);
}

#include "support/suite.h"
