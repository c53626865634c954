// SPDX-License-Identifier: Apache-2.0
// The two ways to mount that are no verb. argv[0] is the program; both return exit statuses.
#pragma once

// `hugfs SOURCE DIR -o ...`
int cmd_mount_plain(int argc, char **argv);

// `mount.hugfs SOURCE DIR -o ...`, as mount(8) calls it; statuses are mount(8)'s.
int cmd_mount_helper(int argc, char **argv);
