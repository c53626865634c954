// SPDX-License-Identifier: Apache-2.0
// What the stores make in the cache folder is for its owner alone, whatever the umask is.
#include "store_fixture.h"

static int files_seen;

static int check_mode(const char *path, const struct stat *status, int kind,
                      struct FTW *ftw)
{
    (void)ftw;
    if ((status->st_mode & 077) != 0) {
        print_error("%s has mode %o\n", path, (unsigned)status->st_mode & 07777);
        return 1;
    }
    files_seen += kind == FTW_F;
    return 0;
}

static void files_are_the_owners_alone_whatever_the_umask_is(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct why why = {{0}};
    mode_t old = umask(0);
    struct chunk_store *chunks = open_store(scratch.dir, 160 * MIB_BYTES);
    struct tree_store *names = NULL;
    assert_int_equal(tree_store_open(scratch.dir, &why, &names), ERR_NONE);
    struct repo_id repo = {REPO_MODEL, "org/name"};
    int64_t id = 0;
    assert_int_equal(tree_store_repo(names, "https://hub", &repo, "", &id), ERR_NONE);
    assert_int_equal(put_chunks(chunks, 3, 0, 10, 4000), ERR_NONE);
    sleep_ms(200);
    assert_int_equal(nftw(scratch.dir, check_mode, 16, FTW_PHYS), 0);
    // index.db, tree.db with -wal and -shm each, locks, a segment ...
    assert_true(files_seen >= 10);
    tree_store_close(names);
    chunk_store_close(chunks);
    umask(old);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_the_owners_alone_whatever_the_umask_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
