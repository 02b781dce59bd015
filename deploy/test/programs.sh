#!/usr/bin/env bash
# The archives with the programs: they run in a root folder with nothing else in it, those for aarch64 under qemu, and the
# pages and completions can be read.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
with_own_mounts
scratch

archive=$(one "bidprice-*-$(uname -m)-unknown-linux-*.tar.gz")
tar --extract --file "$archive" --directory "$scratch" --strip-components 1
root=$scratch/bin
cp "$top/examples/request.json" "$top/examples/rates.toml" "$root"

step "the programs in a folder with nothing else"
for name in bidprice bidprice-script; do
  said=$(env -i "$chroot" --userspec=65534:65534 "$root" "/$name" --version)
  [ "$said" = "$name $(version)" ] || fail "\`$name --version\` says \`$said\`"
done
env -i "$chroot" --userspec=65534:65534 "$root" /bidprice quote /request.json --usd-per-akt 0.50 --rates /rates.toml
is_price "$(env -i BIDPRICE_USD_PER_AKT=0.50 PRICE_TARGET_GPU_MAPPINGS=t4=80,h100=1900 \
  "$chroot" --userspec=65534:65534 "$root" /bidprice-script <"$top/examples/request.json")" "the drop-in"

other=$(compgen -G "$dist/bidprice-[0-9]*-aarch64-unknown-linux-*.tar.gz" || true)
if [ -n "$other" ] && [ "$(uname -m)" != aarch64 ] && command -v qemu-aarch64-static >/dev/null; then
  step "the programs for aarch64, by qemu"
  mkdir "$scratch/aarch64"
  tar --extract --file "$other" --directory "$scratch/aarch64" --strip-components 1
  env -i qemu-aarch64-static "$scratch/aarch64/bin/bidprice" quote "$root/request.json" --usd-per-akt 0.50 --rates "$root/rates.toml"
  is_price "$(env -i BIDPRICE_USD_PER_AKT=0.50 PRICE_TARGET_GPU_MAPPINGS=t4=80,h100=1900 \
    qemu-aarch64-static "$scratch/aarch64/bin/bidprice-script" <"$top/examples/request.json")" "the drop-in for aarch64"
elif [ -n "$other" ]; then
  step "not run: the programs for aarch64, since there is no qemu-aarch64-static"
fi

step "pages and completions"
bash -n "$scratch/share/bash-completion/completions/bidprice"
for shell in zsh fish; do
  command -v $shell >/dev/null || { step "not run: the completions of $shell, since there is no $shell"; continue; }
  $shell -n "$scratch"/share/$shell/*/*bidprice*
done
if command -v man >/dev/null; then
  for page in "$scratch"/share/man/man1/*.1; do
    warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings --no-justification -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
    [ -z "$warnings" ] || fail "$(basename "$page"): $warnings"
  done
else
  step "not run: the manual pages, since there is no man"
fi
