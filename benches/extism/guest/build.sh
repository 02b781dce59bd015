#!/bin/sh
# Builds the guest for Extism and keeps it as guest.wasm: with the toolchain's own target where it has it, else with
# Debian's compiler and sources (packages rustc-web and rust-web-src) and the toolchain's linker.
set -eu
cd "$(dirname "$0")"
target=wasm32-unknown-unknown
sysroot=$(rustc --print sysroot)
linker=$(echo "$sysroot"/lib/rustlib/*/bin/rust-lld)
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\037' "-Clink-arg=-zstack-size=65536" \
    "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=registry" \
    "--remap-path-prefix=/usr/lib/rustlib/src/rust=rust" "--remap-path-prefix=$PWD=guest")
export CARGO_ENCODED_RUSTFLAGS=${CARGO_ENCODED_RUSTFLAGS%?}
if [ -d "$sysroot/lib/rustlib/$target" ]; then
    cargo build --release --target $target
else
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker \
        /usr/bin/cargo build --release --target $target -Zbuild-std=std,panic_abort
fi
cp target/$target/release/extism_guest.wasm ../guest.wasm
