// SPDX-License-Identifier: Apache-2.0
// Names of files that are usually large, for when nothing but the name is known. Pure.
#pragma once

#include <stdbool.h>

// Whether the Hub's usual .gitattributes give a file of that name (without folders) to Git LFS, and so to
// Xet.
bool large_name_is_usual(const char *name);
