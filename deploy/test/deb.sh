#!/usr/bin/env bash
# The Debian package, in a bare Debian: it is installed, its service answers the drop-in, an upgrade and a step back keep
# the configuration, and a purge leaves nothing. There is no systemd to start units, so the test reads the unit's lines.
#
# Debian's mirror must be reachable. The root folder has what apt needs, and no more.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
with_own_mounts
needs mmdebstrap dpkg-deb
scratch
unit=/lib/systemd/system/bidprice.service
configuration=/etc/bidprice/bidprice.toml
root=$scratch/root

inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$chroot" "$root" "$@"; }
as_service() { env -i PATH=/usr/bin:/bin "$chroot" --userspec=bidprice:bidprice "$root" "$@"; }
apt() { inside apt-get -qq --yes --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@"; }
# The value of a key of the unit.
unit() { sed -n "s/^$1=//p" "$root$unit"; }

package=$(one "bidprice_*_$(dpkg --print-architecture).deb")

step "lintian"
if command -v lintian >/dev/null; then
  lintian --allow-root --fail-on error,warning,info "$package"
else
  step "not run: lintian, which is not there"
fi

step "a bare Debian, with what the package depends on"
sources=()
for file in /etc/apt/sources.list.d/{debian,ubuntu}.sources /etc/apt/sources.list; do
  if [ -s "$file" ]; then sources=("$file") && break; fi
done
# shellcheck disable=SC1091
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mmdebstrap --quiet --variant=apt "$release" "$root" "${sources[@]}" || cannot "no bare Debian could be made"
mount -t proc proc "$root/proc"
cp /etc/resolv.conf "$root/etc/resolv.conf"
apt update
# The first of alternatives, without versions.
depends=$(dpkg-deb --field "$package" Depends | sed 's/|[^,]*//g; s/([^)]*)//g; s/,/ /g')
# shellcheck disable=SC2086
apt install $depends

# Every path that a package could leave. Backups that changes of users leave are the system's.
files() {
  (cd "$root" && find . -xdev \( -path ./var/cache -o -path ./var/log -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./run/systemd \
    -o -path ./tmp \) -prune -o -path './etc/*-' -o -print | LC_ALL=C sort)
}
files >"$scratch/before"

step "it is installed, and not started before somebody has configured it"
cp "$package" "$root/tmp/first.deb"
apt install /tmp/first.deb
inside dpkg --verify bidprice
inside systemd-analyze verify --man=no "$unit"
[ ! -e "$root/etc/systemd/system/multi-user.target.wants/bidprice.service" ] || fail "it is enabled"
[ "$(inside stat -c %U:%G:%a /usr/bin/bidprice)" = root:root:755 ] || fail "the program's owner or mode is wrong"
if as_service sh -c "$(unit ExecStartPre)" >/dev/null 2>&1; then fail "the configuration of the package can price"; fi

# What systemd does for the unit: its folders, its umask, its user, its commands.
start() {
  local key folder
  [ "$(unit User),$(unit DynamicUser)" = bidprice, ] || fail "the unit has another user"
  for key in Runtime:run State:var/lib; do
    folder=$root/${key#*:}/$(unit "${key%:*}Directory")
    inside install --directory --owner bidprice --group bidprice --mode "$(unit "${key%:*}DirectoryMode")" "${folder#"$root"}"
  done
  inside install --owner bidprice --mode 600 /tmp/inventory.json /var/lib/bidprice/inventory.json
  # shellcheck disable=SC2046
  as_service $(unit ExecStartPre)
  # shellcheck disable=SC2016
  env -i PATH=/usr/bin:/bin "$chroot" --userspec=bidprice:bidprice "$root" \
    /bin/sh -c 'umask "$1"; exec $2' sh "$(unit UMask)" "$(unit ExecStart)" &
  service=$!
  wait_until as_service bidprice probe --socket /run/bidprice/bidprice.sock
}

answers() {
  is_price "$(env -i BIDPRICE_SOCKET=/run/bidprice/bidprice.sock "$chroot" --userspec=bidprice:bidprice "$root" \
    /usr/bin/bidprice-script <"$top/examples/request.json")" "the drop-in"
  if env -i BIDPRICE_SOCKET=/run/bidprice/bidprice.sock "$chroot" --userspec=65534:65534 "$root" \
    /usr/bin/bidprice-script <"$top/examples/request.json" >/dev/null 2>&1; then
    fail "another user gets an answer"
  fi
}

stop() {
  kill -TERM "$service"
  wait "$service" || fail "the service ends with $?"
  service=
  rm -rf "$root/run/bidprice"
}

step "the service starts by its unit, and answers the drop-in"
cp "$top/corpus/inventory/status.json" "$root/tmp/inventory.json"
configure "$root$configuration" "$scratch/bidprice.toml"
cp "$scratch/bidprice.toml" "$root$configuration"
start
answers
stop

step "an upgrade that brings another configuration keeps this one"
dpkg-deb --raw-extract "$package" "$scratch/next"
sed -i 's/^Version: .*/&.1/' "$scratch/next/DEBIAN/control"
echo '# a new comment' >>"$scratch/next$configuration"
dpkg-deb --root-owner-group --build "$scratch/next" "$root/tmp/next.deb" >/dev/null
apt install /tmp/next.deb
cmp "$scratch/bidprice.toml" "$root$configuration" || fail "the upgrade has changed the configuration"
cmp "$scratch/next$configuration" "$root$configuration.dpkg-dist" || fail "the new configuration is not beside it"
[ -n "$(inside find /var/lib/bidprice/bids -type f)" ] || fail "the upgrade has lost the bid log"
start
answers
stop

step "so does the way back"
apt install --allow-downgrades /tmp/first.deb
cmp "$scratch/bidprice.toml" "$root$configuration" || fail "the way back has changed the configuration"

step "removed, it leaves the configuration and the bid log; purged, nothing"
apt remove bidprice
cmp "$scratch/bidprice.toml" "$root$configuration" || fail "the configuration is gone before the purge"
[ -n "$(inside find /var/lib/bidprice/bids -type f)" ] || fail "the bid log is gone before the purge"
apt purge bidprice
files >"$scratch/after"
diff "$scratch/before" "$scratch/after" || fail "the purge leaves files"
