#!/usr/bin/env bash
# The C library, unpacked somewhere: pkg-config finds it there, and a program that is compiled with it prices an order.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
needs cc pkg-config
scratch
tar --extract --file "$(one "bidprice-c-*-$(uname -m)-unknown-linux-gnu.tar.gz")" --directory "$scratch" --strip-components 1
export PKG_CONFIG_PATH=$scratch/lib/pkgconfig
configure "$top/deploy/bidprice.toml" "$scratch/bidprice.toml"
cp "$top/corpus/inventory/status.json" "$scratch/inventory.json"
sed -i "s|/var/lib/bidprice|$scratch|; s|/run/bidprice|$scratch|" "$scratch/bidprice.toml"

prices() {
  # shellcheck disable=SC2046
  cc -Wall -Wextra -Werror -o "$scratch/quote" "$top/examples/c/quote.c" $(pkg-config --cflags --libs "$1")
  local said
  said=$(env -i LD_LIBRARY_PATH="$2" "$scratch/quote" "$scratch/bidprice.toml" "$top/examples/request.json")
  case $said in
    *"$price"*) ;;
    *) fail "a program with $1 says \`$said\`" ;;
  esac
}

step "a program with the shared library"
prices bidprice "$scratch/lib"
if command -v python3 >/dev/null; then
  step "Python with ctypes"
  said=$(python3 "$top/examples/python/inprocess.py" "$scratch/lib/libbidprice.so" "$scratch/bidprice.toml" "$top/examples/request.json")
  case $said in
    *"$price"*) ;;
    *) fail "Python with ctypes says \`$said\`" ;;
  esac
else
  step "not run: Python with ctypes, since there is no python3"
fi
step "symbols of glibc up to $(objdump -T "$scratch/lib/libbidprice.so" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1)"
if [ -e "$scratch/lib/libbidprice.a" ]; then
  step "a program with the static library"
  prices bidprice-static ""
else
  step "there is no static library: this is the profile of the tests"
fi
