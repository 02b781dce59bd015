#!/bin/sh
# Lays down what the image gets: contents.sh FOLDER [PROGRAMS]
#
# FOLDER is there already, and is what the image is built from. A rate card in it (rates.toml) is checked.
# PROGRAMS is the folder of bidprice-script and bidprice; without it they are built here, statically linked: for musl
# where rustup has that target (rustup target add x86_64-unknown-linux-musl; musl-tools for its compiler), else with
# glibc's static library. A program that would look for a library at run time is refused.
#
# Everything is checked before anything is laid down. Exit codes: 0 it is laid down, 1 an input is wrong, 2 wrong usage.
set -eu

usage() {
  echo "contents.sh: $1; usage: contents.sh FOLDER [PROGRAMS]" >&2
  exit 2
}

fail() {
  echo "contents.sh: $1" >&2
  exit 1
}

[ $# -ge 1 ] || usage "FOLDER is missing, the folder that the image is built from"
[ $# -le 2 ] || usage "there are more than two arguments"
case $1 in
  -h | --help)
    echo "usage: contents.sh FOLDER [PROGRAMS]"
    exit 0
    ;;
  "") usage "FOLDER is empty" ;;
  -*) usage "there is no option \`$1\`" ;;
esac
[ $# -eq 1 ] || [ -n "$2" ] || usage "PROGRAMS is empty; leave it out to build the programs here"
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
programs=${2:-}

[ -e "$folder" ] || fail "\`$folder\` is not there; make it: mkdir -p '$folder'"
[ -d "$folder" ] || fail "\`$folder\` is not a folder"
if [ ! -w "$folder" ] || [ ! -x "$folder" ]; then
  fail "\`$folder\` cannot be written to; change its permissions, or name another folder"
fi

if [ -z "$programs" ]; then
  echo "contents.sh: building the programs, which takes minutes; PROGRAMS would name a folder that has them" >&2
  machine=$(uname -m)
  if rustup target list --installed 2>/dev/null | grep -qx "$machine-unknown-linux-musl"; then
    target=$machine-unknown-linux-musl
  else
    # Naming the target keeps the flag away from build scripts and macros.
    target=$machine-unknown-linux-gnu
    export RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static"
  fi
  # FOLDER stays relative to where the caller is.
  built=$(
    cd "$here/../../.."
    cargo build --profile dist --target "$target" -p pricing-cli -p pricing-script --features pricing-cli/otlp >&2
    cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/'
  )
  programs=$built/$target/dist
  for program in bidprice-script bidprice; do
    if LC_ALL=C ldd "$programs/$program" 2>&1 | grep -q '=>'; then
      fail "\`$programs/$program\` is not statically linked"
    fi
  done
fi

[ -d "$programs" ] || fail "\`$programs\` is not a folder; name the one that has bidprice-script and bidprice"
for name in bidprice-script bidprice; do
  program=$programs/$name
  [ -e "$program" ] || fail "\`$program\` is not there; build it, or leave PROGRAMS out to build it here"
  [ -f "$program" ] || fail "\`$program\` is not a file"
  [ -x "$program" ] || fail "\`$program\` is not executable; chmod +x it"
  said=$("$program" --version 2>&1) || fail "\`$program --version\` does not run here; is it built for this machine? $said"
  case $said in
    "$name "[0-9]*) ;;
    *) fail "\`$program\` is not $name: its --version says \`$said\`" ;;
  esac
done
if [ -e "$folder/rates.toml" ]; then
  "$programs/bidprice" rates show --rates "$folder/rates.toml" >/dev/null ||
    fail "\`$folder/rates.toml\` is not a rate card; mend or remove it"
fi

mkdir -p "$folder/usr/local/bin" || fail "\`$folder\` cannot be written to"
cp "$programs/bidprice-script" "$programs/bidprice" "$folder/usr/local/bin/"
chmod 0755 "$folder/usr/local/bin/bidprice-script" "$folder/usr/local/bin/bidprice"
cp "$here/bidpricescript.sh" "$folder/"
