/* The modules of the same build, for the programs of the tests. */
#include "store/module.h"

const char lk_store_module_dir[] = LK_MODULE_DIR;
