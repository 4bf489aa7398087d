/* Why: a name for each statement of the store, so that its files share prepared ones.
 * Context: own process. Private to receiver/store*.c. */
#ifndef PANDO_RECEIVER_STORE_STATEMENTS_H
#define PANDO_RECEIVER_STORE_STATEMENTS_H

enum pando_store_statement {
    STORE_BEGIN,
    STORE_COMMIT,
    STORE_ROLLBACK,
    STORE_FIND_GROUP,
    STORE_PUT_GROUP,
    STORE_COUNT_GROUPS,
    STORE_PUT_TOKEN,
    STORE_COUNT_GROUP,
    STORE_PUT_PROFILE,
    STORE_FIND_SOURCE,
    STORE_PUT_SERIES,
    STORE_PUT_SOURCE,
    STORE_PUT_POSTED,
    STORE_GROUPS,
    STORE_RANGE,
    STORE_IDS,
    STORE_BARS,
    STORE_BY_HOST,
    STORE_BY_PROCESS,
    STORE_BY_SOURCE,
    STORE_TIMES,
    STORE_TIMES_DOWN,
    STORE_READ,
    STORE_LAST_ID,
    STORE_COUNT_BLOCK,
    STORE_READ_SUM,
    STORE_PUT_SUM,
    STORE_STATEMENTS
};

#endif
