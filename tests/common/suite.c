/* SPDX-License-Identifier: MIT */
/* Running a Check suite from a test program's main function. */
#include "common/suite.h"

#include <stdlib.h>

int cnn_test_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    int ran = srunner_ntests_run(runner);
    srunner_free(runner);
    return failed == 0 && ran > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
