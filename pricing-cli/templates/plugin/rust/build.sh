#!/bin/sh
# Builds plugin.wasm. Needs the target wasm32-unknown-unknown, or, on Debian, rustc-web and rust-web-src beside rustup.
set -eu
cd "$(dirname "$0")"

target=wasm32-unknown-unknown
sysroot=$(rustc --print sysroot 2>/dev/null || echo /usr)
core=target/$target/release/plugin.wasm

if [ -d "$sysroot/lib/rustlib/$target" ]; then
    cargo build --release --target $target
elif [ -d /usr/lib/rustlib/src/rust/library/std ] && linker=$(ls "$sysroot"/lib/rustlib/*/bin/rust-lld 2>/dev/null); then
    # The distribution's compiler has no target to add: the standard library is built from its source.
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker \
        /usr/bin/cargo build --release --target $target -Zbuild-std=std,panic_abort
else
    echo "the target $target is not installed: run \`rustup target add $target\`," >&2
    echo "or on Debian \`apt-get install rustc-web rust-web-src\` beside a rustup toolchain" >&2
    exit 1
fi

"${BIDPRICE:-bidprice}" plugin pack "$core" -o plugin.wasm
