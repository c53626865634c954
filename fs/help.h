// SPDX-License-Identifier: Apache-2.0
// --help and --version, on stdout.
#pragma once

#include "fs/commands.h"

void help_print(void);
void help_verb(const struct verb *verb);
void version_print(void);
