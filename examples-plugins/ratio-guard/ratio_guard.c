/* Refuses orders that look like mining or take too much, and prices the rest. A bid price script in C.
 *
 * It follows the contract that providers know: a request as JSON on standard input, the price on standard output and
 * exit code 0; or exit code 1 and the reason on standard error. So it also runs without bidprice:
 *
 *     cc -o ratio_guard ratio_guard.c json.c && ./ratio_guard < request.json
 *
 * All arithmetic is in whole numbers: micro-dollars (millionths of a USD) a month. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "json.h"

/* Rates in micro-dollars a month: a thread, a GiB of memory, a GiB of storage, a card, an endpoint, a leased IP. */
#define CPU 1600000
#define MEMORY 800000
#define STORAGE 30000
#define CARD 130000000
#define ENDPOINT 50000
#define LEASED_IP 5000000

/* What an order may take in all: half of our smallest site. */
#define MOST_MILLIS (64 * 1000ull)
#define MOST_MEMORY (256ull << 30)
#define MOST_STORAGE (16ull << 40)
#define MOST_CARDS 8ull
#define MOST_ENDPOINTS 1000ull

/* Miners take threads and no memory. From this many threads on, a replica has this much memory for each of them. */
#define GUARDED_MILLIS 2000ull
#define LEAST_MEMORY_A_THREAD (256ull << 20)
/* And those who mine on cards feed them with next to nothing. */
#define LEAST_MEMORY_A_CARD (2ull << 30)

/* What a USD buys of each denom's units. A script has no feed: change this when the coin's price moves. */
static const struct {
    const char *denom;
    uint64_t units_per_usd;
} DENOMS[] = {{"uakt", 2000000}, {"uact", 1000000}};
#define BLOCKS_PER_MONTH 429909

#define GIB (1ull << 30)
#define MICRO 1000000

typedef unsigned __int128 wide;

/* One resource unit of the request: a replica, but endpoints are those of all replicas. */
struct unit {
    uint64_t cpu, memory, cards, storage, count, endpoints, leased_ips;
};

struct request {
    /* All units together. */
    struct unit total;
    char denom[16];
    uint64_t decimals;
};

/* Space for a request; 64 KiB hold more units than an order may have. */
static char input[64 << 10];

static void say(int stream, const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t written = write(stream, text, left);
        if (written <= 0) {
            _exit(2);
        }
        text += written;
        left -= (size_t)written;
    }
}

static _Noreturn void decline(const char *reason) {
    say(2, reason);
    say(2, "\n");
    _exit(1);
}

/* A request that cannot be read is not an order that we choose not to take: a trap is a fault, an exit a decline. */
static _Noreturn void fault(const char *problem) {
    say(2, "the request cannot be read: ");
    say(2, problem);
    say(2, "\n");
    __builtin_trap();
}

static size_t read_all(void) {
    size_t length = 0;
    for (;;) {
        ssize_t got = read(0, input + length, sizeof input - length);
        if (got < 0) {
            fault("standard input gave an error");
        }
        if (got == 0) {
            return length;
        }
        length += (size_t)got;
        if (length == sizeof input) {
            fault("it is longer than 64 KiB");
        }
    }
}

static uint64_t plus(uint64_t a, uint64_t b) {
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t times(uint64_t a, uint64_t b) {
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static void read_gpu(struct json *json, struct unit *unit) {
    if (json_peek(json) == 'n') {
        json_skip(json);
        return;
    }
    for (bool more = json_enter(json, '{'); more; more = json_more(json, '}')) {
        char name[16];
        if (json_name(json, name, sizeof name) && strcmp(name, "units") == 0 && json_peek(json) != 'n') {
            unit->cards = json_whole(json);
        } else {
            json_skip(json);
        }
    }
}

static void read_storage(struct json *json, struct unit *unit) {
    unit->storage = 0;
    if (json_peek(json) == 'n') {
        json_skip(json);
        return;
    }
    for (bool volume = json_enter(json, '['); volume; volume = json_more(json, ']')) {
        for (bool more = json_enter(json, '{'); more; more = json_more(json, '}')) {
            char name[16];
            if (json_name(json, name, sizeof name) && strcmp(name, "size") == 0) {
                unit->storage = plus(unit->storage, json_whole(json));
            } else {
                json_skip(json);
            }
        }
    }
}

static struct unit read_unit(struct json *json) {
    struct unit unit = {0};
    const struct {
        const char *name;
        uint64_t *place;
        bool needed;
    } fields[] = {
        {"cpu", &unit.cpu, true},
        {"memory", &unit.memory, true},
        {"count", &unit.count, true},
        {"endpoint_quantity", &unit.endpoints, false},
        {"ip_lease_quantity", &unit.leased_ips, false},
    };
    unsigned seen = 0;
    for (bool more = json_enter(json, '{'); more; more = json_more(json, '}')) {
        char name[24];
        json_name(json, name, sizeof name);
        if (strcmp(name, "gpu") == 0) {
            read_gpu(json, &unit);
            continue;
        }
        if (strcmp(name, "storage") == 0) {
            read_storage(json, &unit);
            continue;
        }
        bool known = false;
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
            if (strcmp(name, fields[i].name) == 0 && (fields[i].needed || json_peek(json) != 'n')) {
                *fields[i].place = json_whole(json);
                seen |= 1u << i;
                known = true;
            }
        }
        if (!known) {
            json_skip(json);
        }
    }
    if ((seen & 7) != 7) {
        json_fail(json, "a resource has no cpu, memory or count");
    }
    return unit;
}

static void guard(const struct unit *unit) {
    /* Of a replica this large, the total is refused below; the products stay in range. */
    if (unit->cpu > MOST_MILLIS || unit->cards > MOST_CARDS) {
        return;
    }
    if (unit->cpu >= GUARDED_MILLIS && unit->memory < unit->cpu * LEAST_MEMORY_A_THREAD / 1000) {
        decline("looks like mining: less than 256 MiB of memory a thread");
    }
    if (unit->memory < unit->cards * LEAST_MEMORY_A_CARD) {
        decline("looks like mining: less than 2 GiB of memory a card");
    }
}

static struct unit read_units(struct json *json) {
    struct unit total = {0};
    if (!json_enter(json, '[')) {
        json_fail(json, "it has no resources");
        return total;
    }
    do {
        struct unit unit = read_unit(json);
        if (json->error == NULL) {
            guard(&unit);
        }
        total.cpu = plus(total.cpu, times(unit.cpu, unit.count));
        total.memory = plus(total.memory, times(unit.memory, unit.count));
        total.cards = plus(total.cards, times(unit.cards, unit.count));
        total.storage = plus(total.storage, times(unit.storage, unit.count));
        total.endpoints = plus(total.endpoints, unit.endpoints);
        total.leased_ips = plus(total.leased_ips, unit.leased_ips);
        total.count = plus(total.count, unit.count);
    } while (json_more(json, ']'));
    return total;
}

static void check_size(const struct unit *total) {
    if (total->cpu > MOST_MILLIS) {
        decline("takes more than 64 threads");
    }
    if (total->memory > MOST_MEMORY) {
        decline("takes more than 256 GiB of memory");
    }
    if (total->storage > MOST_STORAGE) {
        decline("takes more than 16 TiB of storage");
    }
    if (total->cards > MOST_CARDS) {
        decline("takes more than 8 cards");
    }
    if (total->endpoints > MOST_ENDPOINTS || total->leased_ips > MOST_ENDPOINTS) {
        decline("takes more than 1000 endpoints");
    }
}

/* Rounded up: a lease never costs less than its parts. The product fits: check_size let no more pass. */
static uint64_t share(uint64_t amount, uint64_t rate, uint64_t per) {
    return (amount * rate + per - 1) / per;
}

_Static_assert(MOST_MEMORY < UINT64_MAX / 2 / MEMORY && MOST_STORAGE < UINT64_MAX / 2 / STORAGE, "share overflows");

/* Below 10^10 micro-dollars, after check_size. */
static uint64_t micro_usd_per_month(const struct unit *total) {
    return share(total->cpu, CPU, 1000) + share(total->memory, MEMORY, GIB) + share(total->storage, STORAGE, GIB) +
           share(total->cards, CARD, 1) + share(total->endpoints, ENDPOINT, 1) + share(total->leased_ips, LEASED_IP, 1);
}

static uint64_t units_per_usd(const char *denom) {
    for (size_t i = 0; i < sizeof DENOMS / sizeof DENOMS[0]; i++) {
        if (strcmp(denom, DENOMS[i].denom) == 0) {
            return DENOMS[i].units_per_usd;
        }
    }
    decline("no price is set for this denom");
}

/* Prints units of the denom a block, rounded up to `decimals`. */
static void print_price(uint64_t micro_usd, uint64_t units, uint64_t decimals) {
    uint64_t scale = 1;
    for (uint64_t i = 0; i < decimals; i++) {
        scale *= 10;
    }
    wide per = (wide)BLOCKS_PER_MONTH * MICRO;
    /* The one product that needs more than 64 bits; the price itself does not. */
    uint64_t price = (uint64_t)(((wide)micro_usd * units * scale + per - 1) / per);
    char text[48];
    char *at = text + sizeof text;
    *--at = '\0';
    *--at = '\n';
    for (uint64_t digit = 0; price > 0 || digit <= decimals; digit++) {
        if (digit == decimals && decimals > 0) {
            *--at = '.';
        }
        *--at = (char)('0' + (int)(price % 10));
        price /= 10;
    }
    say(1, at);
}

static void read_price(struct json *json, struct request *request) {
    for (bool more = json_enter(json, '{'); more; more = json_more(json, '}')) {
        char name[16];
        if (json_name(json, name, sizeof name) && strcmp(name, "denom") == 0) {
            json_text(json, request->denom, sizeof request->denom);
        } else {
            json_skip(json);
        }
    }
}

static void read_object(struct json *json, struct request *request) {
    bool has_resources = false;
    for (bool more = json_enter(json, '{'); more; more = json_more(json, '}')) {
        char name[24];
        json_name(json, name, sizeof name);
        if (strcmp(name, "resources") == 0) {
            request->total = read_units(json);
            has_resources = true;
        } else if (strcmp(name, "price") == 0) {
            read_price(json, request);
        } else if (strcmp(name, "price_precision") == 0 && json_peek(json) != 'n') {
            request->decimals = json_whole(json);
        } else {
            json_skip(json);
        }
    }
    if (!has_resources) {
        json_fail(json, "it has no resources");
    }
}

int main(void) {
    struct json json = {.at = input, .end = input + read_all(), .error = NULL};
    struct request request = {.denom = "uakt", .decimals = 6};
    if (json_peek(&json) == '[') {
        /* The old form of a request is the array of resources alone, and its answer a whole number. */
        request.decimals = 0;
        request.total = read_units(&json);
    } else {
        read_object(&json, &request);
    }
    json_end(&json);
    if (json.error != NULL) {
        fault(json.error);
    }
    check_size(&request.total);
    /* More than 6 decimals are more than a bid is compared with. */
    uint64_t decimals = request.decimals < 6 ? request.decimals : 6;
    print_price(micro_usd_per_month(&request.total), units_per_usd(request.denom), decimals);
    return 0;
}
