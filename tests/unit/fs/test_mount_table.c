// SPDX-License-Identifier: Apache-2.0
// What the kernel says is mounted: fs/mount_table.c.
#include "fs/mount_table.h"
#include "tests/unit/unit_test.h"

static const char sample[] =
    "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "36 21 0:45 / /home/me/gpt\\0402 ro,nosuid,nodev shared:2 master:3 - fuse.hugfs "
    "hf://openai-community/gpt2 ro,user_id=1000,group_id=1000\n"
    "nonsense\n"
    "37 21 0:45 /sub /srv/bind ro - fuse.hugfs hf://openai-community/gpt2 "
    "ro,user_id=1000\n"
    "38 36 0:46 / /home/me/gpt\\0402/over rw - tmpfs tmpfs rw\n";

static struct mount_table parse(void)
{
    struct mount_table table;
    assert_ok(mount_table_parse(sample, sizeof sample - 1, &table));
    assert_int_equal(table.n, 4);
    return table;
}

TEST(test_fields_are_read_and_unescaped)
{
    AUTO(mount_table) struct mount_table table = parse();
    const struct mount_entry *entry = &table.entries[1];
    assert_string_equal(entry->mount_point, "/home/me/gpt 2");
    assert_string_equal(entry->root, "/");
    assert_true(mount_entry_is_hugfs(entry));
    assert_int_equal(entry->uid, 1000);
    assert_true(entry->device == 45);
    assert_false(mount_entry_is_hugfs(&table.entries[0]));
}

TEST(test_a_path_lies_in_the_innermost_mount)
{
    AUTO(mount_table) struct mount_table table = parse();
    assert_ptr_equal(mount_table_find(&table, "/home/me"), &table.entries[0]);
    assert_ptr_equal(mount_table_find(&table, "/home/me/gpt 2"), &table.entries[1]);
    assert_ptr_equal(mount_table_find(&table, "/home/me/gpt 2/x/y"), &table.entries[1]);
    assert_ptr_equal(mount_table_find(&table, "/home/me/gpt 22"), &table.entries[0]);
    assert_ptr_equal(mount_table_find(&table, "/home/me/gpt 2/over/z"),
                     &table.entries[3]);
}

static void assert_relative(const struct mount_entry *entry, const char *path,
                            const char *expected)
{
    AUTO_FREE char *relative = mount_entry_relative(entry, path);
    assert_string_equal(relative, expected);
}

TEST(test_a_path_is_relative_to_the_root_of_the_mount)
{
    AUTO(mount_table) struct mount_table table = parse();
    assert_relative(&table.entries[1], "/home/me/gpt 2", "");
    assert_relative(&table.entries[1], "/home/me/gpt 2/x/y", "x/y");
    assert_relative(&table.entries[2], "/srv/bind", "sub");
    assert_relative(&table.entries[2], "/srv/bind/x", "sub/x");
    assert_relative(&table.entries[0], "/etc", "etc");
}

TEST(test_this_machine_has_mounts)
{
    AUTO(mount_table) struct mount_table table;
    assert_ok(mount_table_read(NULL, &table));
    // Not "/": in a chroot that is no mount.
    assert_non_null(mount_table_find(&table, "/proc/self"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_read_and_unescaped),
        cmocka_unit_test(test_a_path_lies_in_the_innermost_mount),
        cmocka_unit_test(test_a_path_is_relative_to_the_root_of_the_mount),
        cmocka_unit_test(test_this_machine_has_mounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
