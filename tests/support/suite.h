/*
 * The end of a file of tests: a main() that runs each test above, in order.
 * TESTS is the list of them, which make takes from the file: SUITE_TEST(name)
 * for each.  A file may say before what that is, for other fixtures; which
 * ones are the group's; or how all are run.
 */
#ifndef SUITE_TEST
#define SUITE_TEST(name) cmocka_unit_test(name)
#endif
#ifndef SUITE_OPEN
#define SUITE_OPEN NULL
#define SUITE_CLOSE NULL
#endif
#ifndef SUITE_RUN
#define SUITE_RUN(tests, count)                                            \
	_cmocka_run_group_tests(                                           \
	    __BASE_FILE__, (tests), (count), SUITE_OPEN, SUITE_CLOSE)
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
#include TESTS
	};

	return (SUITE_RUN(tests, sizeof(tests) / sizeof(tests[0])));
}
