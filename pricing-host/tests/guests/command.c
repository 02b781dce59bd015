/* A command as an author would write it in C: reads its request from stdin, looks at all that a program can look at,
 * and prints what it saw. Built with `clang --target=wasm32-wasi -Oz -s -o command.wasm command.c` and wasi-libc. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char *read_all(size_t *length) {
    size_t room = 16;
    char *text = malloc(room);
    *length = 0;
    for (;;) {
        size_t got = fread(text + *length, 1, room - *length, stdin);
        *length += got;
        if (got == 0) return text;
        if (*length == room) text = realloc(text, room *= 2);
    }
}

int main(int argc, char **argv) {
    size_t length;
    char *text = read_all(&length);
    unsigned char noise[8];
    struct timespec now;
    const char *owner = getenv("AKASH_OWNER");
    if (getentropy(noise, sizeof noise) != 0) return 3;
    sleep(60 * 60 * 24);
    printf("program: %s (%d)\n", argv[0], argc);
    printf("request: %zu bytes, %.*s\n", length, 12, text);
    printf("owner: %s\n", owner ? owner : "none");
    printf("home: %s\n", getenv("HOME") ? "set" : "none");
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("time: %lld, uptime: %lld\n", (long long)time(NULL), (long long)now.tv_sec);
    printf("rand: %d, noise:", rand());
    for (size_t i = 0; i < sizeof noise; i++) printf(" %02x", noise[i]);
    printf("\nfile: %s\n", fopen("/etc/passwd", "r") ? "opened" : strerror(errno));
    printf("terminal: %d\n", isatty(1));
    printf("price: %.6f\n", (double)length / 3.0);
    fprintf(stderr, "a remark\n");
    free(text);
    return length == 0 ? 7 : 0;
}
