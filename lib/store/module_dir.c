#include "store/module.h"

const char lk_store_module_dir[] = LK_MODULE_DIR;
