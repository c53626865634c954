// SPDX-License-Identifier: Apache-2.0
// A tree.db that the version before wrote is brought to this one, with all that it has.
#include "cache/tree_state.h"
#include "tree_fixture.h"

#include <sys/wait.h>

// The file as version 1 made it, by hand: it must not follow what the code says now.
static const char version_1[] =
    "PRAGMA journal_mode=WAL;"
    "CREATE TABLE repo(id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL,"
    " kind INTEGER NOT NULL, name TEXT NOT NULL, fingerprint TEXT NOT NULL,"
    " files INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE(endpoint, kind, name, fingerprint));"
    "CREATE TABLE node(ino INTEGER PRIMARY KEY AUTOINCREMENT, repo INTEGER NOT NULL,"
    " path BLOB NOT NULL, oid BLOB NOT NULL, mode INTEGER NOT NULL,"
    " masked INTEGER NOT NULL, size INTEGER NOT NULL, sha256 BLOB, xet_hash BLOB,"
    " mtime INTEGER NOT NULL, crc INTEGER NOT NULL, UNIQUE(repo, path, oid, mode));"
    "CREATE TABLE dir(ino INTEGER PRIMARY KEY, complete INTEGER NOT NULL,"
    " entries INTEGER NOT NULL, next_page TEXT);"
    "CREATE TABLE entry(dir INTEGER, name BLOB, pos INTEGER NOT NULL,"
    " ino INTEGER NOT NULL, PRIMARY KEY(dir, name)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX entry_position ON entry(dir, pos, ino);"
    "CREATE TABLE ref(repo INTEGER, name TEXT, sha BLOB NOT NULL,"
    " checked_at INTEGER NOT NULL, date INTEGER NOT NULL, canonical TEXT NOT NULL,"
    " gated INTEGER NOT NULL, PRIMARY KEY(repo, name)) WITHOUT ROWID;"
    "CREATE TABLE commit_(repo INTEGER, sha BLOB, root_ino INTEGER NOT NULL,"
    " date INTEGER NOT NULL, PRIMARY KEY(repo, sha)) WITHOUT ROWID;"
    "INSERT INTO sqlite_sequence VALUES('node', 4294967297);"
    "INSERT INTO repo VALUES(3, 'https://hub', 0, 'org/name', 'fp', 1, 10);"
    "INSERT INTO dir VALUES(4294967296, 1, 1, NULL);"
    "INSERT INTO entry VALUES(4294967296, x'66696c65', 1, 4294967297);"
    "PRAGMA user_version=1;";

enum { FILE_NUMBER = 10 };

static void add_node(const char *dir, const char *path, const struct tree_node *node)
{
    char oid[2 * sizeof(node->oid.bytes) + 1];
    char xet_hash[2 * sizeof(node->xet_hash.bytes) + 1];
    for (size_t i = 0; i < sizeof(node->oid.bytes); i++) {
        snprintf(oid + 2 * i, 3, "%02x", node->oid.bytes[i]);
    }
    for (size_t i = 0; i < sizeof(node->xet_hash.bytes); i++) {
        snprintf(xet_hash + 2 * i, 3, "%02x", node->xet_hash.bytes[i]);
    }
    char sql[1024];
    snprintf(sql, sizeof(sql),
             "INSERT INTO node VALUES(%llu, 3, CAST('%s' AS BLOB), x'%s', %d, 0, %llu,"
             " NULL, %s%s%s, %lld, %u);",
             (unsigned long long)node->ino, path, oid, node->kind,
             (unsigned long long)node->size, node->has_xet ? "x'" : "NULL",
             node->has_xet ? xet_hash : "", node->has_xet ? "'" : "",
             (long long)node->mtime_s, tree_node_checksum(node, path, strlen(path)));
    run_sql(dir, sql);
    if (node->kind == ENTRY_DIRECTORY) {
        snprintf(sql, sizeof(sql),
                 "INSERT INTO commit_ VALUES(3, x'%s', %llu, 1001);"
                 "INSERT INTO ref VALUES(3, 'main', x'%s', 1, 2, 'org/name', 0);",
                 oid, (unsigned long long)node->ino, oid);
        run_sql(dir, sql);
    }
}

static void make_version_1(const char *dir)
{
    struct tree_entry entry = a_file("file", FILE_NUMBER);
    struct tree_node root = {.ino = INO_STORED_FIRST,
                             .kind = ENTRY_DIRECTORY,
                             .mtime_s = 1001,
                             .oid = oid_number(1)};
    struct tree_node file = {.ino = INO_STORED_FIRST + 1,
                             .kind = ENTRY_FILE,
                             .has_xet = true,
                             .size = FILE_NUMBER,
                             .mtime_s = 1001,
                             .oid = entry.oid,
                             .xet_hash = entry.xet_hash};
    run_sql(dir, version_1);
    add_node(dir, "", &root);
    add_node(dir, "file", &file);
}

static int64_t number_in_file(const char *dir, const char *sql)
{
    char path[512];
    struct tree_conn *conn = NULL;
    int64_t number = 0;
    snprintf(path, sizeof(path), "%s/tree.db", dir);
    assert_ok(tree_conn_open(path, SQL_READ, &conn));
    assert_ok(sql_query_i64(conn->db, sql, &number));
    tree_conn_free(conn);
    return number;
}

static bool see_commit(void *ctx, const struct oid *commit, uint64_t root_ino,
                       int64_t date_s)
{
    struct oid want = oid_number(1);
    if (root_ino == INO_STORED_FIRST) {
        assert_true(oid_equal(commit, &want));
        assert_int_equal(date_s, 1001);
        *(bool *)ctx = true;
    }
    return true;
}

// What the file had is there, and what is new works.
static void check_names(struct tree_store *store)
{
    struct tree_node node;
    struct tree_ref ref;
    struct oid want = oid_number(FILE_NUMBER);
    assert_int_equal(row_of(store, "org/name"), 3);
    assert_int_equal(root_of(store, 1), INO_STORED_FIRST);
    assert_ok(tree_store_lookup(store, INO_STORED_FIRST, "file", 4, &node));
    assert_int_equal(node.ino, INO_STORED_FIRST + 1);
    assert_true(oid_equal(&node.oid, &want));
    assert_ok(tree_store_get_ref(store, 3, "main", &ref));
    bool seen = false;
    assert_ok(tree_store_commits(store, 3, see_commit, &seen));
    assert_true(seen);
    bool whole = false;
    assert_ok(tree_store_is_whole(store, INO_STORED_FIRST, &whole));
    assert_true(whole);
    AUTO(buffer) struct buffer memo = buffer_init(10);
    int64_t at_s = 0;
    assert_ok(tree_store_put_memo(store, "key", "new", 3, 4));
    assert_ok(tree_store_get_memo(store, "key", &memo, &at_s));
    assert_string_equal(buffer_text(&memo), "new");
}

TEST(test_a_file_of_version_1_is_brought_to_version_2)
{
    static const char objects[] = "SELECT count(*) FROM sqlite_schema";
    struct scratch fresh = scratch_make();
    struct scratch scratch = scratch_make();
    make_version_1(scratch.dir);
    struct tree_store *store = open_names(scratch.dir);
    tree_store_close(open_names(fresh.dir));
    assert_int_equal(number_in_file(scratch.dir, "PRAGMA user_version"), 2);
    assert_int_equal(number_in_file(fresh.dir, "PRAGMA user_version"), 2);
    assert_int_equal(number_in_file(scratch.dir, objects),
                     number_in_file(fresh.dir, objects));
    scratch_remove(&fresh);
    check_names(store);
    assert_true(root_of(store, 2) > INO_STORED_FIRST + 1);
    tree_store_close(store);
    store = open_names(scratch.dir);
    check_names(store);
    tree_store_close(store);
    scratch_remove(&scratch);
}

TEST(test_several_processes_may_migrate_at_once)
{
    enum { PROCESSES = 6 };
    struct scratch scratch = scratch_make();
    pid_t children[PROCESSES];
    make_version_1(scratch.dir);
    for (size_t i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct tree_store *store = NULL;
            struct tree_node node;
            enum err err = tree_store_open(scratch.dir, NULL, &store);
            err = err ? err : tree_store_node(store, INO_STORED_FIRST, &node);
            bool in_memory = !err && atomic_load(&store->in_memory);
            tree_store_close(store);
            _exit(err || in_memory ? 1 : 0);
        }
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct tree_store *store = open_names(scratch.dir);
    check_names(store);
    tree_store_close(store);
    scratch_remove(&scratch);
}

static void check_refusing_disk(bool is_full)
{
    struct scratch disk = disk_make(0);
    make_version_1(disk.dir);
    if (is_full) {
        fill_up(disk.dir);
    } else {
        assert_int_equal(mount(NULL, disk.dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    }
    struct tree_store *store = open_names(disk.dir);
    assert_true(atomic_load(&store->in_memory));
    check_names(store);
    assert_int_equal(root_of(store, 2) >> (INO_STORED_BITS - 1), 1);
    tree_store_close(store);
    disk_remove(&disk);
}

TEST(test_a_file_of_version_1_on_a_read_only_disk_is_used_in_memory)
{
    check_refusing_disk(false);
}

TEST(test_a_file_of_version_1_on_a_full_disk_is_used_in_memory)
{
    check_refusing_disk(true);
}

TEST(test_a_version_that_a_flipped_bit_made_older_does_no_harm)
{
    struct scratch scratch = scratch_make();
    make_version_1(scratch.dir);
    struct tree_store *store = open_names(scratch.dir);
    check_names(store);
    tree_store_close(store);
    run_sql(scratch.dir, "PRAGMA user_version=1");
    store = open_names(scratch.dir);
    assert_false(atomic_load(&store->in_memory));
    check_names(store);
    tree_store_close(store);
    assert_int_equal(number_in_file(scratch.dir, "PRAGMA user_version"), 2);
    scratch_remove(&scratch);
}

TEST(test_a_file_of_version_1_that_lacks_a_table_is_begun_anew)
{
    struct scratch scratch = scratch_make();
    make_version_1(scratch.dir);
    run_sql(scratch.dir, "DROP TABLE commit_");
    struct tree_store *store = open_names(scratch.dir);
    assert_false(atomic_load(&store->in_memory));
    struct tree_node node;
    assert_err(tree_store_node(store, INO_STORED_FIRST + 1, &node), ERR_STALE);
    tree_store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_of_version_1_is_brought_to_version_2),
        cmocka_unit_test(test_several_processes_may_migrate_at_once),
        cmocka_unit_test(test_a_file_of_version_1_on_a_read_only_disk_is_used_in_memory),
        cmocka_unit_test(test_a_file_of_version_1_on_a_full_disk_is_used_in_memory),
        cmocka_unit_test(test_a_version_that_a_flipped_bit_made_older_does_no_harm),
        cmocka_unit_test(test_a_file_of_version_1_that_lacks_a_table_is_begun_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
