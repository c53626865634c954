// SPDX-License-Identifier: Apache-2.0
// INIT through a socket pair: what is written at one end is what the kernel would read.
#include "fs/init_reply.h"

#include <linux/fuse.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { UNIQUE = 2 };

static void note(struct init_reply *init, uint32_t opcode, uint32_t offered)
{
    struct {
        struct fuse_in_header header;
        struct fuse_init_in body;
    } request = {{.opcode = opcode, .unique = UNIQUE}, {.major = 7, .flags = offered}};
    init_reply_note(init, &request, sizeof(request));
}

// The flags that arrive at the kernel when libfuse answers with `flags`.
static uint32_t answer(struct init_reply *init, uint64_t unique, int32_t error,
                       uint32_t flags)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
    struct fuse_init_out body = {.major = 7, .flags = flags, .max_background = 99};
    struct fuse_out_header header = {.unique = unique, .error = error};
    struct iovec iov[2] = {{&header, sizeof(header)}, {&body, sizeof(body)}};
    ssize_t len = init_reply_writev(init, ends[0], iov, 2);
    assert_int_equal(len, (ssize_t)(sizeof(header) + sizeof(body)));
    char got[sizeof(header) + sizeof(body)];
    assert_int_equal(read(ends[1], got, sizeof(got)), len);
    memcpy(&body, got + sizeof(header), sizeof(body));
    assert_int_equal(body.max_background, 99);
    close(ends[0]);
    close(ends[1]);
    return body.flags;
}

static void the_bit_that_libfuse_forgets_is_put_in(void **state)
{
    (void)state;
    struct init_reply init = {0};
    note(&init, FUSE_INIT, FUSE_PARALLEL_DIROPS | FUSE_ASYNC_READ);
    assert_int_equal(answer(&init, UNIQUE, 0, FUSE_ASYNC_READ),
                     FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS);
}

static void a_kernel_that_does_not_offer_it_is_not_told(void **state)
{
    (void)state;
    struct init_reply init = {0};
    note(&init, FUSE_INIT, FUSE_ASYNC_READ);
    assert_int_equal(answer(&init, UNIQUE, 0, FUSE_ASYNC_READ), FUSE_ASYNC_READ);
}

static void other_answers_pass_unchanged(void **state)
{
    (void)state;
    struct init_reply init = {0};
    note(&init, FUSE_INIT, FUSE_PARALLEL_DIROPS);
    assert_int_equal(answer(&init, UNIQUE + 1, 0, 0), 0);
    assert_int_equal(answer(&init, UNIQUE, -1, 0), 0);
    assert_int_equal(answer(&init, UNIQUE, 0, 0), FUSE_PARALLEL_DIROPS);
    note(&init, FUSE_GETATTR, FUSE_PARALLEL_DIROPS);
    assert_int_equal(answer(&init, UNIQUE, 0, 0), 0);
}

static void a_short_request_is_ignored(void **state)
{
    (void)state;
    struct init_reply init = {0};
    struct fuse_in_header header = {.opcode = FUSE_INIT, .unique = UNIQUE};
    init_reply_note(&init, &header, sizeof(header));
    assert_int_equal(init.unique, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bit_that_libfuse_forgets_is_put_in),
        cmocka_unit_test(a_kernel_that_does_not_offer_it_is_not_told),
        cmocka_unit_test(other_answers_pass_unchanged),
        cmocka_unit_test(a_short_request_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
