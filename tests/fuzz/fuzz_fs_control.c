// SPDX-License-Identifier: Apache-2.0
// Any bytes as lines of the control socket: as a request (which survives being written again),
// as an answer, and as the kernel's table of mounts.
#include "fs/control_protocol.h"
#include "fs/mount_table.h"
#include "tests/fuzz/fuzz_target.h"

static void check_request(const struct control_request *request)
{
    static struct control_request again;
    AUTO(buffer) struct buffer line = buffer_init(CONTROL_LINE_MAX);
    fuzz_require(control_request_format(request, &line) == ERR_NONE);
    fuzz_require(control_request_parse(buffer_text(&line), line.len - 1, NULL, &again) ==
                 ERR_NONE);
    fuzz_require(again.verb == request->verb && again.format == request->format);
    fuzz_require(strcmp(again.path, request->path) == 0 && again.bytes == request->bytes);
    fuzz_require(strcmp(again.from, request->from) == 0 &&
                 strcmp(again.to, request->to) == 0);
}

static void check_table(const struct mount_table *table)
{
    const struct mount_entry *entry = mount_table_find(table, "/home/me/x");
    AUTO_FREE char *relative =
        entry != NULL ? mount_entry_relative(entry, "/home/me/x") : NULL;
    fuzz_require(relative == NULL || relative[0] != '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct control_request request;
    const char *text = (const char *)bytes;
    struct control_answer answer;
    if (control_request_parse(text, len, NULL, &request) == ERR_NONE) {
        check_request(&request);
    }
    if (control_answer_parse(text, len, &answer) == ERR_NONE &&
        answer.kind != CONTROL_PROGRESS) {
        fuzz_require(answer.text >= text && answer.text + answer.text_len <= text + len);
    }
    AUTO(mount_table) struct mount_table table;
    if (mount_table_parse(text, len, &table) == ERR_NONE) {
        check_table(&table);
    }
    return 0;
}
