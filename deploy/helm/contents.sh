#!/bin/sh
# Lays down what the image gets: contents.sh FOLDER [PROGRAMS]
#
# PROGRAMS is the folder of bidprice-script and bidprice; without it they are built here, statically linked: for musl
# where rustup has that target (rustup target add x86_64-unknown-linux-musl; musl-tools for its compiler), else with
# glibc's static library. A program that would look for a library at run time is refused.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
programs=${2:-}

if [ -z "$programs" ]; then
  cd "$here/../.."
  machine=$(uname -m)
  if rustup target list --installed 2>/dev/null | grep -qx "$machine-unknown-linux-musl"; then
    target=$machine-unknown-linux-musl
  else
    # Naming the target keeps the flag away from build scripts and macros.
    target=$machine-unknown-linux-gnu
    export RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static"
  fi
  cargo build --profile dist --target "$target" -p pricing-cli -p pricing-script --features pricing-cli/otlp
  programs=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/$target/dist
  for program in bidprice-script bidprice; do
    if LC_ALL=C ldd "$programs/$program" 2>&1 | grep -q '=>'; then
      echo "$programs/$program is not statically linked" >&2
      exit 1
    fi
  done
fi

mkdir -p "$folder/usr/local/bin"
cp "$programs/bidprice-script" "$programs/bidprice" "$folder/usr/local/bin/"
chmod 0755 "$folder/usr/local/bin/bidprice-script" "$folder/usr/local/bin/bidprice"
cp "$here/bidpricescript.sh" "$folder/"
