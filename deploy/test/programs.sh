#!/usr/bin/env bash
# The archive with the programs: they run in a root folder with nothing else in it, and the pages and completions can be
# read.
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
  said=$(env -i chroot --userspec=65534:65534 "$root" "/$name" --version)
  [ "$said" = "$name $(version)" ] || fail "\`$name --version\` says \`$said\`"
done
env -i chroot --userspec=65534:65534 "$root" /bidprice quote /request.json --usd-per-akt 0.50 --rates /rates.toml
is_price "$(env -i BIDPRICE_USD_PER_AKT=0.50 PRICE_TARGET_GPU_MAPPINGS=t4=80,h100=1900 \
  chroot --userspec=65534:65534 "$root" /bidprice-script <"$top/examples/request.json")" "the drop-in"

step "pages and completions"
bash -n "$scratch/share/bash-completion/completions/bidprice"
for shell in zsh fish; do
  command -v $shell >/dev/null || { step "the completions of $shell are not read: there is no $shell"; continue; }
  $shell -n "$scratch"/share/$shell/*/*bidprice*
done
if command -v man >/dev/null; then
  for page in "$scratch"/share/man/man1/*.1; do
    warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
    [ -z "$warnings" ] || fail "$(basename "$page"): $warnings"
  done
else
  step "the pages are not read: there is no man"
fi
