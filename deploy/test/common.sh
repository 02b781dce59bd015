# What the tests of the packages share. Each is called with the folder that `cargo xtask dist` has written.
#
# Exit codes: 0 it holds, 1 it does not, 2 wrong usage, 77 this machine cannot tell; the last line on stderr says why.
# shellcheck shell=bash
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
me=$(basename "$0")
# By its path, since programs get an empty environment.
# shellcheck disable=SC2034
chroot=$(PATH=$PATH:/usr/sbin:/sbin command -v chroot)

step() { echo "$me: $*"; }
fail() { echo "$me: $*" >&2; exit 1; }
cannot() { echo "$me: $*" >&2; exit 77; }

if [ $# != 1 ] || [ ! -d "$1" ]; then
  echo "usage: $me DIST" >&2
  exit 2
fi
dist=$(cd "$1" && pwd)

# The version of what is tested.
version() { sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$top/Cargo.toml"; }

# The one file of a pattern in DIST.
one() {
  local found
  mapfile -t found < <(compgen -G "$dist/$1")
  [ ${#found[@]} = 1 ] || fail "there has to be one \`$1\`, and there are ${#found[@]}"
  echo "${found[0]}"
}

needs() {
  local tool
  for tool; do command -v "$tool" >/dev/null || cannot "there is no \`$tool\`"; done
}

# Runs the test again in a mount namespace of its own, so that whatever it mounts is gone at its end.
with_own_mounts() {
  [ "$(id -u)" = 0 ] || cannot "it needs root"
  [ -n "${OWN_MOUNTS:-}" ] || OWN_MOUNTS=1 exec unshare --mount --propagation private -- "$0" "$dist"
}

# A folder that is removed at the end.
scratch() {
  scratch=$(mktemp -d)
  chmod 755 "$scratch"
  trap leave EXIT
}

leave() {
  if [ -n "${service:-}" ]; then
    kill "$service" 2>/dev/null || true
    wait "$service" 2>/dev/null || true
  fi
  awk -v at="$scratch/" 'index($2, at) == 1 {print $2}' /proc/mounts | sort --reverse | xargs --no-run-if-empty umount
  rm -rf --one-file-system "$scratch"
}

# Waits for a condition, or for the end of the process in $service.
wait_until() {
  until "$@" >/dev/null 2>&1; do
    kill -0 "$service" 2>/dev/null || fail "the service has ended"
    sleep 0.1
  done
}

# Writes a configuration that can price: deploy/bidprice.toml with an inventory and a value of AKT, and without
# metrics, whose port may be taken here. configure FROM TO
configure() {
  sed -e '/^metrics = /d' \
    -e 's|^# file = "/var/lib/bidprice/inventory.json"|file = "/var/lib/bidprice/inventory.json"|' \
    -e 's|^# usd_per_akt = .*|usd_per_akt = "0.50"|' "$1" >"$2"
  [ "$(diff "$1" "$2" | grep -c '^> ')" = 2 ] || fail "the configuration has other lines than this test changes"
}

# What examples/request.json costs by the rates of deploy/bidprice.toml, with AKT at USD 0.50.
price=501.036266

# Checks the answer of a drop-in.
is_price() { [ "$1" = "$price" ] || fail "$2 asks \`$1\`, not \`$price\`"; }
