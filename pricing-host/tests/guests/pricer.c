/* A bid price script in C: 2 uact a block for a GiB of memory, and no bid for those who do not say who they are.
 * Built with `clang --target=wasm32-wasi -Oz -s -o pricer.wasm pricer.c` and wasi-libc. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    static char request[65536];
    const char *owner = getenv("AKASH_OWNER");
    size_t length = fread(request, 1, sizeof request - 1, stdin);
    double bytes = 0;
    if (!owner || !*owner) {
        fprintf(stderr, "who are you?\n");
        return 2;
    }
    request[length] = 0;
    for (char *at = request; (at = strstr(at, "\"memory\":")); at++) bytes += atof(at + 9);
    printf("%.6f\n", 2 * bytes / (1 << 30));
    return 0;
}
