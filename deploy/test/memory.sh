#!/usr/bin/env bash
# The memory of the C example: under valgrind, and under the address sanitizer, once with the library as it is and once with
# one that is compiled for the sanitizer down to wasmtime. Each run prices, is asked for nonsense, and is refused a
# configuration; one prices with a plugin. An error or a leak is a failure.
#
# It takes a build of the library of its own, so it is not part of the quick tests.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
needs cc pkg-config
scratch
tar --extract --file "$(one "bidprice-c-*-$(uname -m)-unknown-linux-gnu.tar.gz")" --directory "$scratch" --strip-components 1
configure "$top/deploy/bidprice.toml" "$scratch/bidprice.toml"
cp "$top/corpus/inventory/status.json" "$scratch/inventory.json"
# More than the minimum of the configuration.
sed 's/"1\.5/"9.5/' "$top/pricing-cli/tests/plugins/price.wat" >"$scratch/price.wat"
# These tools make everything slower.
sed -i "s|/var/lib/bidprice|$scratch|; s|/run/bidprice|$scratch|; s|^deadline = .*|deadline = \"10m\"|" "$scratch/bidprice.toml"
# A configuration that prices by a plugin must not become one that does not without being accepted: a log of its own.
{
  sed "s|$scratch/bids|&-of-the-plugin|" "$scratch/bidprice.toml"
  printf '[plugin]\nfile = "price.wat"\ndeadline = "10m"\n'
} >"$scratch/plugin.toml"
echo nonsense >"$scratch/nonsense"
echo nonsense >"$scratch/nonsense.toml"

# runs WHAT EXPECTED-CODE EXPECTED-TEXT COMMAND...
runs() {
  local what=$1 code=$2 text=$3 got=0
  shift 3
  env -i "$@" >"$scratch/said" 2>&1 || got=$?
  if [ $got != "$code" ] || ! grep -qF "$text" "$scratch/said"; then
    cat "$scratch/said" >&2
    fail "$what: the exit code is $got, not $code, or it does not say \`$text\`"
  fi
}

# example WHAT COMMAND...: the four runs of the example.
example() {
  local what=$1
  shift
  runs "$what" 0 "$price" "$@" "$scratch/bidprice.toml" "$top/examples/request.json"
  runs "$what, with a plugin" 0 "bid: 9.5 uakt" "$@" "$scratch/plugin.toml" "$top/examples/request.json"
  runs "$what, with an order that is none" 2 "error 2" "$@" "$scratch/bidprice.toml" "$scratch/nonsense"
  runs "$what, without a configuration" 1 "error 1" "$@" "$scratch/nonsense.toml" "$top/examples/request.json"
}

flags=$(PKG_CONFIG_PATH=$scratch/lib/pkgconfig pkg-config --cflags --libs bidprice)
if command -v valgrind >/dev/null; then
  step "valgrind"
  # shellcheck disable=SC2086
  cc -g -o "$scratch/plain" "$top/examples/c/quote.c" $flags
  # What is only pointed into is not lost: that is how hash tables are.
  example valgrind LD_LIBRARY_PATH="$scratch/lib" valgrind --quiet --error-exitcode=99 --leak-check=full \
    --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect \
    --suppressions="$here/valgrind.supp" "$scratch/plain"
else
  step "not run: valgrind, which is not there"
fi

step "the address sanitizer, in the example"
# shellcheck disable=SC2086
cc -g -fsanitize=address,undefined -fno-sanitize-recover=all -o "$scratch/checked" "$top/examples/c/quote.c" $flags
example "address sanitizer" LD_LIBRARY_PATH="$scratch/lib" "$scratch/checked"

step "the address sanitizer, in the example and in the library"
runtime=$(rustc +nightly --print target-libdir 2>/dev/null)/librustc-nightly_rt.asan.a
if [ "$(uname -m)" != x86_64 ] || [ ! -e "$runtime" ]; then
  step "not run: the library under the address sanitizer, since there is no nightly toolchain for x86-64"
  exit 0
fi
(cd "$top" && cargo xtask library "$scratch/sanitized" --sanitized)
lib=$scratch/sanitized/lib
nm -D "$lib/libbidprice.so" | grep -q __asan_report_load || fail "the library is not compiled for the sanitizer"
# The program has the run-time library of the compiler that made the library.
cc -g -fsanitize=address -I"$scratch/include" -c -o "$scratch/quote.o" "$top/examples/c/quote.c"
cc -o "$scratch/sanitized/quote" "$scratch/quote.o" -Wl,--whole-archive "$runtime" -Wl,--no-whole-archive \
  -Wl,--export-dynamic -L"$lib" -lbidprice -lpthread -ldl -lm -lrt -lresolv
example "address sanitizer in the library" LD_LIBRARY_PATH="$lib" "$scratch/sanitized/quote"
