// SPDX-License-Identifier: Apache-2.0
// sd_notify(3) without libsystemd: tells the service manager how the daemon is doing.
#pragma once

#include "base/base.h"

// Sends "READY=1", "STOPPING=1", "STATUS=...", several separated by line ends. Nothing happens
// when no service manager asked ($NOTIFY_SOCKET).
void notify_send(const char *state);
