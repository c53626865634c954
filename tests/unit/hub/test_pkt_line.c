// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"
#include "hub/pkt_line.h"
#include "tests/unit/unit_test.h"

#include <string.h>

TEST(test_packets_of_all_kinds_are_taken)
{
    static const char text[] = "000ahello\n000000010002"
                               "0004";
    struct cursor cursor = cursor_init(text, sizeof(text) - 1);
    struct pkt pkt;
    assert_ok(pkt_take(&cursor, &pkt));
    assert_int_equal(pkt.kind, PKT_DATA);
    assert_int_equal(pkt.len, 6);
    assert_memory_equal(pkt.bytes, "hello\n", 6);
    assert_ok(pkt_take(&cursor, &pkt));
    assert_int_equal(pkt.kind, PKT_FLUSH);
    assert_ok(pkt_take(&cursor, &pkt));
    assert_int_equal(pkt.kind, PKT_DELIMITER);
    assert_ok(pkt_take(&cursor, &pkt));
    assert_int_equal(pkt.kind, PKT_RESPONSE_END);
    assert_ok(pkt_take(&cursor, &pkt));
    assert_int_equal(pkt.len, 0);
    assert_int_equal(cursor_left(&cursor), 0);
}

TEST(test_broken_packets_leave_the_cursor_where_it_was)
{
    static const char *const bad[] = {"",          "000",  "0003", "00zz",
                                      "0010short", "fff1", "-001"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct cursor cursor = cursor_init(bad[i], strlen(bad[i]));
        struct cursor before = cursor;
        struct pkt pkt;
        assert_err(pkt_take(&cursor, &pkt), ERR_MALFORMED);
        assert_ptr_equal(cursor.at, before.at);
    }
}

TEST(test_what_is_appended_can_be_taken)
{
    AUTO(buffer) struct buffer buffer = buffer_init(100);
    assert_ok(pkt_append(&buffer, "done"));
    assert_string_equal(buffer_text(&buffer), "0008done");
}

static enum err take(const char *text, struct buffer *pack)
{
    buffer_clear(pack);
    assert_ok(buffer_append_text(pack, text));
    return git_fetch_take_pack(pack, NULL);
}

TEST(test_the_pack_is_put_together_from_its_band)
{
    AUTO(buffer) struct buffer pack = buffer_init(200);
    assert_ok(take("0011shallow-info\n"
                   "000dshallow x"
                   "0001"
                   "000dpackfile\n"
                   "0008\001PAC"
                   "0009\002busy"
                   "0006\001K"
                   "0000",
                   &pack));
    assert_int_equal(pack.len, 4);
    assert_memory_equal(pack.bytes, "PACK", 4);
}

TEST(test_servers_that_do_not_understand_are_told_from_those_that_refuse)
{
    AUTO(buffer) struct buffer pack = buffer_init(200);
    assert_err(take("", &pack), ERR_UNSUPPORTED);
    assert_err(take("<html>", &pack), ERR_BAD_ANSWER);
    assert_err(take("0034ERR unexpected line: 'filter blob:none'         ", &pack),
               ERR_UNSUPPORTED);
    assert_err(take("0026ERR upload-pack: not our ref 12345", &pack), ERR_NOT_FOUND);
    assert_err(take("000dpackfile\n"
                    "000d\003no space"
                    "0000",
                    &pack),
               ERR_BAD_ANSWER);
    assert_err(take("000dpackfile\n"
                    "0000",
                    &pack),
               ERR_BAD_ANSWER);
    assert_err(take("000dpackfile\n"
                    "0006\007x",
                    &pack),
               ERR_BAD_ANSWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packets_of_all_kinds_are_taken),
        cmocka_unit_test(test_broken_packets_leave_the_cursor_where_it_was),
        cmocka_unit_test(test_what_is_appended_can_be_taken),
        cmocka_unit_test(test_the_pack_is_put_together_from_its_band),
        cmocka_unit_test(
            test_servers_that_do_not_understand_are_told_from_those_that_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
