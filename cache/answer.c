// SPDX-License-Identifier: Apache-2.0
// A slot that is lent can't be used for other runs until it is given back, so an answer is to be sent
// and not kept.
#include "cache/answer.h"

#include <string.h>

uint8_t *answer_end(const struct chunk_answer *answer)
{
    return answer->own + answer->len;
}

static void add_part(struct chunk_answer *answer, struct iovec part, void *lender)
{
    answer->parts[answer->n] = part;
    answer->lenders[answer->n++] = lender;
    answer->len += part.iov_len;
}

// The last part may be needed for what is not in memory, so it is never lent.
static bool may_lend(const struct chunk_answer *answer)
{
    return answer->may_lend && answer->n + 1 < ANSWER_PARTS_MAX;
}

void answer_own(struct chunk_answer *answer, size_t len)
{
    if (answer->n > 0 && !answer->lenders[answer->n - 1]) {
        answer->parts[answer->n - 1].iov_len += len;
        answer->len += len;
    } else {
        add_part(answer, (struct iovec){answer_end(answer), len}, NULL);
    }
}

void answer_copy(struct chunk_answer *answer, const uint8_t *from, size_t len)
{
    memcpy(answer_end(answer), from, len);
    answer_own(answer, len);
}

bool answer_from_memory(struct chunk_store *store, const struct run_place *place,
                        const struct span *span, struct chunk_answer *answer)
{
    struct run_slot *slot;
    uint64_t len = span->end - span->begin;
    const uint8_t *data =
        run_ahead_lend(store->ahead, place->segment, place->offset, &slot);
    if (!data) {
        return false;
    }
    if (may_lend(answer)) {
        union {
            const uint8_t *from;
            uint8_t *base;
        } part = {data + span->begin}; // struct iovec has no const; it is only read
        add_part(answer, (struct iovec){part.base, len}, slot);
    } else {
        answer_copy(answer, data + span->begin, len);
        run_ahead_return(store->ahead, slot, len);
    }
    return true;
}

void chunk_store_give_back(struct chunk_store *store, struct chunk_answer *answer)
{
    for (unsigned i = 0; i < answer->n; i++) {
        if (answer->lenders[i]) {
            run_ahead_return(store->ahead, answer->lenders[i], answer->parts[i].iov_len);
        }
    }
    answer->n = 0;
    answer->len = 0;
}
