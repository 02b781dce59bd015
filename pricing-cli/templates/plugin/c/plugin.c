/* The plugin {{name}}: a bid price script in C.
 *
 * A request comes as JSON on standard input. The price goes to standard output, with exit code 0: units of the order's
 * denom a block. Or there is no bid: exit code 1, and the reason on standard error. AKASH_OWNER is who ordered.
 *
 * All arithmetic is in whole numbers: micro-dollars (millionths of a USD) a month. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* Rates in micro-dollars a month: a thread, a GiB of memory, a card. */
#define CPU 1600000
#define MEMORY 800000
#define CARD 130000000
/* What an order costs at least. */
#define MINIMUM 5000000

/* Owners who get no bid. */
static const char *const DENIED[] = {"akash1refusedqqqqqqqqqqqqqqqqqqqqqqqqq2uh00m"};

/* What a USD buys of the denom that this plugin bids in. A script has no feed: change it when the price moves. */
#define DENOM "uakt"
#define UNITS_PER_USD 2000000
#define BLOCKS_PER_MONTH 429909

/* A replica takes at most so many thousandths of a thread, so many bytes and cards; a unit has at most so many
 * replicas. An order costs at most so much. More is refused, which also keeps the arithmetic in range. */
#define MOST_CPU 1000000ull
#define MOST_MEMORY (4ull << 40)
#define MOST_CARDS 100ull
#define MOST_COUNT 100ull
#define MOST_TOTAL (1000000 * 1000000ull)

#define GIB (1ull << 30)
#define MICRO 1000000
_Static_assert(MOST_MEMORY < UINT64_MAX / 2 / MEMORY && MOST_TOTAL < UINT64_MAX / 2 / UNITS_PER_USD, "out of range");

static char input[64 << 10];

static void decline(const char *reason) {
    fprintf(stderr, "%s\n", reason);
    exit(1);
}

/* A request that cannot be read is a fault, not a choice: a trap, so that the operator is told apart. */
static void fault(const char *problem) {
    fprintf(stderr, "the request cannot be read: %s\n", problem);
    __builtin_trap();
}

static uint64_t read_cards(struct json *json) {
    uint64_t cards = 0;
    if (json_peek(json) == 'n') { /* null */
        json_skip(json);
        return 0;
    }
    for (bool more = json_enter(json, '{'); more; more = json_more(json, '}')) {
        char name[16];
        if (json_name(json, name, sizeof name) && strcmp(name, "units") == 0) {
            cards = json_whole(json);
        } else {
            json_skip(json);
        }
    }
    return cards;
}

static uint64_t round_up(uint64_t amount, uint64_t per) {
    return (amount + per - 1) / per;
}

/* What one resource unit costs, all replicas together. */
static uint64_t read_unit(struct json *json) {
    uint64_t cpu = 0, memory = 0, cards = 0, count = 0;
    bool has_cpu = false, has_memory = false, has_count = false;
    for (bool more = json_enter(json, '{'); more; more = json_more(json, '}')) {
        char name[24];
        json_name(json, name, sizeof name);
        if (strcmp(name, "cpu") == 0) {
            cpu = json_whole(json); /* thousandths of a thread */
            has_cpu = true;
        } else if (strcmp(name, "memory") == 0) {
            memory = json_whole(json); /* bytes */
            has_memory = true;
        } else if (strcmp(name, "gpu") == 0) {
            cards = read_cards(json);
        } else if (strcmp(name, "count") == 0) {
            count = json_whole(json);
            has_count = true;
        } else {
            json_skip(json);
        }
    }
    /* What was not read must not count as nothing. */
    if (!has_cpu || !has_memory || !has_count) {
        json_fail(json, "a resource has no cpu, memory or count");
    }
    if (cpu > MOST_CPU || memory > MOST_MEMORY || cards > MOST_CARDS || count > MOST_COUNT) {
        decline("asks for more than there is");
    }
    return count * (round_up(cpu * CPU, 1000) + round_up(memory * MEMORY, GIB) + cards * CARD);
}

static uint64_t read_units(struct json *json) {
    uint64_t total = 0;
    if (!json_enter(json, '[')) {
        json_fail(json, "it has no resources");
        return 0;
    }
    do {
        total += read_unit(json);
    } while (json_more(json, ']'));
    return total;
}

static void read_denom(struct json *json) {
    for (bool more = json_enter(json, '{'); more; more = json_more(json, '}')) {
        char name[16], denom[16];
        if (!json_name(json, name, sizeof name) || strcmp(name, "denom") != 0) {
            json_skip(json);
        } else if (!json_text(json, denom, sizeof denom) || strcmp(denom, DENOM) != 0) {
            decline("no price is set for this denom");
        }
    }
}

static uint64_t read_request(struct json *json) {
    uint64_t total = 0;
    bool has_resources = false;
    if (json_peek(json) == '[') { /* the old form of a request: the resources alone */
        return read_units(json);
    }
    for (bool more = json_enter(json, '{'); more; more = json_more(json, '}')) {
        char name[24];
        json_name(json, name, sizeof name);
        if (strcmp(name, "resources") == 0) {
            total = read_units(json);
            has_resources = true;
        } else if (strcmp(name, "price") == 0) {
            read_denom(json);
        } else {
            json_skip(json);
        }
    }
    if (!has_resources) {
        json_fail(json, "it has no resources");
    }
    return total;
}

int main(void) {
    const char *owner = getenv("AKASH_OWNER");
    for (size_t i = 0; owner != NULL && i < sizeof DENIED / sizeof DENIED[0]; i++) {
        if (strcmp(owner, DENIED[i]) == 0) {
            decline("this owner is denied");
        }
    }
    size_t length = fread(input, 1, sizeof input, stdin);
    struct json json = {.at = input, .end = input + length, .error = NULL};
    uint64_t micro_usd = read_request(&json);
    json_end(&json);
    if (json.error != NULL) {
        fault(json.error);
    }
    if (micro_usd < MINIMUM) {
        micro_usd = MINIMUM;
    }
    if (micro_usd > MOST_TOTAL) {
        decline("asks for more than there is");
    }
    /* Rounded up to a whole unit. */
    uint64_t units = round_up(micro_usd * UNITS_PER_USD, (uint64_t)MICRO * BLOCKS_PER_MONTH);
    printf("%" PRIu64 "\n", units);
    return 0;
}
