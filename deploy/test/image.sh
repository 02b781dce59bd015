#!/usr/bin/env bash
# The container image: it comes back from a registry as it was, and its root folder, read-only and with nothing else in
# it, runs the programs as a user without rights.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
with_own_mounts
needs go
scratch
user=10001
layout=$(one "bidprice-*-image")
(cd "$top/deploy/image" && go build -o "$scratch/image" .)

step "a registry on loopback"
"$scratch/image" check "$layout" "$dist"/bidprice-*-docker-*.tar

step "the root folder, read-only"
root=$scratch/root
case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  *) cannot "there is no image for $(uname -m)" ;;
esac
"$scratch/image" unpack "$layout" $arch "$root"
cp "$top/corpus/inventory/status.json" "$scratch/inventory.json"
mkdir "$scratch/etc"
configure "$top/deploy/bidprice.toml" "$scratch/etc/bidprice.toml"
cp "$top/examples/request.json" "$top/examples/rates.toml" "$scratch/etc"
chmod -R go+rX "$scratch/etc"
mount --bind "$root" "$root"
# What a container gets: a configuration, and two folders that can be written, with the owners of the image's.
mount --bind "$scratch/etc" "$root/etc/bidprice"
for folder in run/bidprice var/lib/bidprice; do
  mode=$(stat -c %a:%u:%g "$root/$folder")
  [ "$mode" = 700:$user:$user ] || fail "/$folder has the mode and owner $mode"
  mount -t tmpfs -o mode=700,uid=$user,gid=$user tmpfs "$root/$folder"
done
install -o $user -m 600 "$scratch/inventory.json" "$root/var/lib/bidprice"
mount -o remount,bind,ro "$root"

bidprice() { env -i "$chroot" --userspec=$user:$user "$root" /usr/local/bin/bidprice "$@"; }
drop_in() { env -i "$@" "$chroot" --userspec=$user:$user "$root" /usr/local/bin/bidprice-script <"$top/examples/request.json"; }

[ "$(bidprice --version)" = "bidprice $(version)" ] || fail "it has another version"
bidprice quote /etc/bidprice/request.json --usd-per-akt 0.50 --rates /etc/bidprice/rates.toml
is_price "$(drop_in BIDPRICE_USD_PER_AKT=0.50 PRICE_TARGET_GPU_MAPPINGS=t4=80,h100=1900)" "the drop-in alone"

step "the service, with /proc, as every container has it"
mount -t proc proc "$root/proc"
bidprice config check /etc/bidprice/bidprice.toml
# Not by the function, which would be a shell of its own.
env -i "$chroot" --userspec=$user:$user "$root" /usr/local/bin/bidprice serve --config /etc/bidprice/bidprice.toml &
service=$!
wait_until bidprice probe --socket /run/bidprice/bidprice.sock
is_price "$(drop_in BIDPRICE_SOCKET=/run/bidprice/bidprice.sock)" "the drop-in"
kill -TERM "$service"
wait "$service" || fail "the service ends with $?"
service=
