#!/bin/sh
# Builds plugin.wasm, a WASI preview 1 command. Needs a wasi-sdk (WASI_SDK_PATH), or Debian's clang and wasi-libc.
set -eu
cd "$(dirname "$0")"

if [ -n "${WASI_SDK_PATH:-}" ]; then
    compiler="$WASI_SDK_PATH/bin/clang"
elif [ -f /usr/lib/wasm32-wasi/libc.a ]; then
    compiler="clang --sysroot=/usr"
else
    echo "no C library for WASI is here: set WASI_SDK_PATH to a wasi-sdk," >&2
    echo "or on Debian \`apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32\`" >&2
    exit 1
fi

# The stack comes first, so that what overflows it traps instead of writing over data.
$compiler --target=wasm32-wasi -std=c11 -Os -Wall -Wextra \
    -Wl,--stack-first -Wl,-z,stack-size=65536 -Wl,--strip-debug -o plugin.wasm plugin.c json.c
