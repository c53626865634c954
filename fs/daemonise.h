// SPDX-License-Identifier: Apache-2.0
// Becoming a daemon, and the promise that comes with it: the command returns when the mount
// answers, or with the sentence that says why there is none.
#pragma once

#include "base/base.h"

struct verdict {
    int fd; // where the child reports; -1 in the foreground
};

// Forks, unless `foreground`. In the child (or the foreground) returns true: go on, and
// report once. In the parent blocks until the child has reported or died, prints its sentence
// and returns false with what to exit with. Call before any thread, curl or SQLite handle
// exists.
bool daemonise(bool foreground, struct verdict *out, int *out_status);

// Tells the parent: `err` and its sentence, ERR_NONE = the mount answers. In the foreground
// prints the sentence. A daemon lets go of the terminal with success. False: nobody waits for it any
// more, for the command was stopped.
bool verdict_report(struct verdict *verdict, enum err err, const struct why *why);
