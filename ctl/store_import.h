/* `store import`: sessions into the store. */
#ifndef CTL_STORE_IMPORT_H_
#define CTL_STORE_IMPORT_H_

#include "ctl.h"

/** ctl_store_import(ctl, argc, argv): The action, an exit code. */
int ctl_store_import(struct ctl *ctl, int argc, char **argv);

#endif /* !CTL_STORE_IMPORT_H_ */
