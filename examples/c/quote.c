/* Prices an order in this process: quote CONFIG ORDER. Messages are written and read by hand here, so that nothing but the
 * library is needed; a daemon uses its own protobuf library. */
#include <bidprice.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t varint(unsigned char *to, size_t number) {
    size_t length = 0;
    for (; number > 127; number >>= 7) to[length++] = (unsigned char)(number | 128);
    to[length++] = (unsigned char)number;
    return length;
}

/* Writes a field: its tag, its length, its bytes. */
static size_t field(unsigned char *to, unsigned char number, const void *bytes, size_t length) {
    to[0] = (unsigned char)(number << 3 | 2);
    size_t head = 1 + varint(to + 1, length);
    memcpy(to + head, bytes, length);
    return head + length;
}

/* Finds a field of bytes or a number (small enough here) in a message. */
static const unsigned char *find(const unsigned char *at, size_t *length, unsigned wanted) {
    for (const unsigned char *end = at + *length; at < end;) {
        unsigned tag = *at++;
        size_t value = 0;
        for (unsigned shift = 0; at < end && shift < 35; shift += 7) {
            value |= (size_t)(*at & 127) << shift;
            if (!(*at++ & 128)) break;
        }
        size_t bytes = (tag & 7) == 2 ? value : 0;
        if (bytes > (size_t)(end - at)) break;
        if (tag >> 3 == wanted) return *length = (tag & 7) == 2 ? bytes : value, at;
        at += bytes;
    }
    return *length = 0, NULL;
}

int main(int count, char **arguments) {
    static unsigned char text[1 << 20], order[(1 << 20) + 9], request[(1 << 20) + 18];
    FILE *file = count == 3 ? fopen(arguments[2], "rb") : NULL;
    if (!file) return fprintf(stderr, "usage: %s CONFIG ORDER\n", arguments[0]), 2;
    size_t length = field(order, 3, text, fread(text, 1, sizeof text, file));
    length = field(request, 1, order, length);
    fclose(file);

    uint64_t engine;
    bidprice_buffer answer;
    int code = bidprice_open_file(arguments[1], strlen(arguments[1]), &engine, &answer);
    if (code == BIDPRICE_CODE_OK) code = bidprice_quote(engine, request, length, 0, &answer);
    if (code != BIDPRICE_CODE_OK) {
        fprintf(stderr, "error %d: %.*s\n", code, (int)answer.length, (const char *)answer.data);
    } else {
        size_t quote_length = answer.length, decision, price_length, reason_length;
        const unsigned char *quote = find(answer.data, &quote_length, 1);
        decision = price_length = reason_length = quote_length;
        const unsigned char *price = quote ? find(quote, &price_length, 3) : NULL;
        const unsigned char *reason = quote ? find(quote, &reason_length, 9) : NULL;
        const unsigned char *shown = price ? price : reason;
        size_t first = price ? price_length : reason_length, second = first;
        const unsigned char *one = shown ? find(shown, &first, 1) : NULL, *two = shown ? find(shown, &second, 2) : NULL;
        if (quote) find(quote, &decision, 2);
        printf("%s: %.*s %.*s\n", decision == 1 ? "bid" : decision == 2 ? "decline" : "fault",
               (int)second, (const char *)two, (int)first, (const char *)one);
    }
    bidprice_free(&answer);
    bidprice_close(engine);
    return code;
}
