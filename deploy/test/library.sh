#!/usr/bin/env bash
# The C library, unpacked somewhere: pkg-config finds it there, and programs in C, Python and Go that use it price an order.
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
  step "a fork of a process with an engine"
  said=$(PYTHONPATH=$top/examples/python python3 - "$scratch/lib/libbidprice.so" "$scratch/bidprice.toml" <<'PYTHON'
import os, sys
from inprocess import Engine

engine = Engine(*sys.argv[1:])
if (child := os.fork()) == 0:
    try:
        engine.quote(b"")
    except RuntimeError as error:
        os._exit(int(str(error).removeprefix("code ").partition(":")[0]))
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
engine.close()
PYTHON
  )
  [ "$said" = 5 ] || fail "a call in a fork returns \`$said\`, not 5"
else
  step "not run: Python with ctypes, since there is no python3"
fi
step "symbols of glibc up to $(objdump -T "$scratch/lib/libbidprice.so" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1)"
if [ -e "$scratch/lib/libbidprice.a" ]; then
  step "a program with the static library"
  prices bidprice-static ""
  if command -v go >/dev/null; then
    step "a Go program with the static library, where there is no shared one"
    (cd "$top/examples/go" && go build -tags bidprice_static -o "$scratch/inprocess" ./library/cmd/inprocess)
    if readelf --dynamic "$scratch/inprocess" | grep libbidprice; then fail "it needs the shared library"; fi
    rm "$scratch"/lib/libbidprice.*
    said=$(env -i "$scratch/inprocess" -config "$scratch/bidprice.toml" "$top/examples/request.json")
    [ "$said" = "$price uakt" ] || fail "the Go program says \`$said\`"
  else
    step "not run: a Go program with the static library, since there is no go"
  fi
else
  step "there is no static library: this is the profile of the tests"
fi
