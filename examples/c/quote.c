/* Prices an order in this process: quote CONFIG ORDER. Messages are written and read by hand here, so that nothing but the
 * library is needed; a daemon uses its own protobuf library. */
#include <bidprice.h>
#include <stdio.h>
#include <string.h>

typedef struct { const unsigned char *data; size_t length; } span;

/* Writes a field of bytes: its tag, its length, and the bytes. Returns how long all of it is. */
static size_t field(unsigned char *to, unsigned char number, const void *bytes, size_t length) {
    size_t head = 0, left = length;
    to[head++] = (unsigned char)(number << 3 | 2);
    for (; left > 127; left >>= 7) to[head++] = (unsigned char)(left | 128);
    to[head++] = (unsigned char)left;
    memcpy(to + head, bytes, length);
    return head + length;
}

/* Finds a field in a message: its bytes, or a number (small enough here) as the length. Without it, all is 0. */
static span find(span message, unsigned wanted) {
    for (size_t at = 0; at < message.length;) {
        unsigned tag = message.data[at++], more = 1;
        size_t value = 0;
        for (unsigned shift = 0; more && at < message.length && shift < 35; shift += 7) {
            value |= (size_t)(message.data[at] & 127) << shift;
            more = message.data[at++] >> 7;
        }
        size_t bytes = (tag & 7) == 2 ? value : 0;
        if (bytes > message.length - at) break;
        if (tag >> 3 == wanted) return (span){message.data + at, value};
        at += bytes;
    }
    return (span){NULL, 0};
}

int main(int count, char **arguments) {
    static unsigned char text[1 << 20], order[sizeof text + 9], request[sizeof order + 9];
    FILE *file = count == 3 ? fopen(arguments[2], "rb") : NULL;
    if (!file) return fprintf(stderr, "usage: %s CONFIG ORDER\n", arguments[0]), 2;
    size_t length = fread(text, 1, sizeof text, file);
    if (!feof(file)) return fprintf(stderr, "%s cannot be read, or is too long\n", arguments[2]), 2;
    fclose(file);
    length = field(request, 1, order, field(order, 3, text, length));

    uint64_t engine;
    bidprice_buffer answer;
    int code = bidprice_open_file(arguments[1], strlen(arguments[1]), &engine, &answer);
    if (code == BIDPRICE_CODE_OK) code = bidprice_quote(engine, request, length, 0, &answer);
    if (code == BIDPRICE_CODE_OK) {
        span quote = find((span){answer.data, answer.length}, 1), price = find(quote, 3), reason = find(quote, 9);
        span first = find(price.data ? price : reason, 1), second = find(price.data ? price : reason, 2);
        size_t decision = find(quote, 2).length;
        printf("%s: %.*s %.*s\n", decision == 1 ? "bid" : decision == 2 ? "decline" : "fault",
               (int)second.length, (const char *)second.data, (int)first.length, (const char *)first.data);
    } else fprintf(stderr, "error %d: %.*s\n", code, (int)answer.length, (const char *)answer.data);
    bidprice_free(&answer);
    bidprice_close(engine);
    return code;
}
