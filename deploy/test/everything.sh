#!/usr/bin/env bash
# Makes everything that is installed, and tests each as a new user would: everything.sh [OPTION]...
#
#   --profile dist|dev  how the Rust code is compiled (default dist); dev is quicker
#   --quick             only what is made of what the tests have built: the C library and the Python package
#   --made              tests what is in dist/ already
#   --twice             makes it a second time, and compares every file
#   --allow-missing PART
#                       the part may be missing: programs, aarch64, library, deb, image, wheel, chart, sbom
#
# It runs on one Linux machine, for some tests as root. It says at its end what was done, and what was not and why. A part
# that cannot be made is an error, unless it may be missing. A test that this machine cannot run is none.
# Exit codes: 0 nothing is wrong, 1 something is, 2 wrong usage.
set -euo pipefail
cd "$(dirname "$0")/../.."

profile=dist
parts=(programs aarch64 library deb image wheel chart sbom)
make=yes
twice=
quick=
allowed=()
while [ $# -gt 0 ]; do
  case $1 in
    --profile)
      profile=${2:-}
      shift
      ;;
    --quick)
      quick=yes
      parts=(library wheel)
      profile=dev
      ;;
    --allow-missing)
      allowed+=(--allow-missing "${2:-}")
      shift
      ;;
    --made) make= ;;
    --twice) twice=yes ;;
    *) profile= ;;
  esac
  case $profile in
    dist | dev) ;;
    *)
      echo "usage: everything.sh [--profile dist|dev] [--quick] [--made] [--twice] [--allow-missing PART]..." >&2
      exit 2
      ;;
  esac
  shift
done

say() { printf '\n== %s (after %s s)\n' "$*" "$SECONDS"; }
logs=target/pack-logs
rm -rf "$logs"
mkdir -p "$logs"
table=()
wrong=
# record WHAT OUTCOME SECONDS WHY
record() { table+=("$(printf '%-14s %-8s %7s  %s' "$1" "$2" "${3:+$3 s}" "$4")"); }

make_all() {
  local words=(--profile "$profile" "${allowed[@]}") part
  for part in "${parts[@]}"; do words+=(--only "$part"); done
  cargo xtask dist "${words[@]}" 2>&1 | tee "$logs/make"
}

# What a part has left in dist/, as a pattern.
files_of() {
  case $1 in
    programs) echo "bidprice-*-$(uname -m)-unknown-linux-*.tar.gz" ;;
    aarch64) echo "bidprice-[0-9]*-aarch64-unknown-linux-*.tar.gz" ;;
    library) echo "bidprice-c-*.tar.gz" ;;
    deb) echo "bidprice_*.deb" ;;
    image) echo "bidprice-*-image" ;;
    wheel) echo "bidprice-*.whl" ;;
    chart) echo "bidprice-*.tgz" ;;
    sbom) echo "bidprice-*.cdx.json" ;;
  esac
}

# Without maturin, in the version of the Python package, there is no wheel.
if ! command -v maturin >/dev/null; then
  if [ ! -x target/python/bin/maturin ]; then
    python3 -m venv target/python
    target/python/bin/pip install --quiet --disable-pip-version-check "$(grep '^maturin==' pricing-python/requirements.txt)"
  fi
  PATH=$PWD/target/python/bin:$PATH
fi

if [ -n "$make" ]; then
  say "making what is installed, in the profile $profile"
  make_all || wrong=yes
fi
for part in "${parts[@]}"; do
  took=$(sed -n "s/^took: $part: \(.*\) s$/\1/p" "$logs/make" 2>/dev/null | tail -1)
  if compgen -G "dist/$(files_of "$part")" >/dev/null; then
    record "make $part" "done" "$took" ""
  else
    why=$(sed -n "s/^missing: $part: //p" "$logs/make" 2>/dev/null | tail -1)
    record "make $part" "NOT done" "$took" "${why:-it is not in dist/}"
  fi
done

say "checksums"
if [ ! -e dist/SHA256SUMS ]; then
  record "test sums" "NOT done" "" "there are none, since a part is missing"
elif (cd dist && sha256sum --check --strict --quiet SHA256SUMS); then
  record "test sums" "done" "" ""
else
  record "test sums" WRONG "" "SHA256SUMS is not of these files"
  wrong=yes
fi

for test in programs library memory deb image wheel chart; do
  part=$test
  if [ "$test" = memory ]; then
    [ -z "$quick" ] || continue
    part=library
  fi
  case " ${parts[*]} " in *" $part "*) ;; *) continue ;; esac
  compgen -G "dist/$(files_of "$part")" >/dev/null || continue
  say "testing: $test"
  code=0
  start=$SECONDS
  deploy/test/$test.sh dist 2>&1 | tee "$logs/$test" || code=${PIPESTATUS[0]}
  took=$((SECONDS - start))
  last=$(tail -1 "$logs/$test")
  case $code in
    0) record "test $test" "done" "$took" "$(grep -o 'not run: .*' "$logs/$test" | paste -sd ';' || true)" ;;
    77) record "test $test" "NOT done" "$took" "$last" ;;
    *)
      record "test $test" WRONG "$took" "$last"
      wrong=yes
      ;;
  esac
done

if [ -n "$twice" ]; then
  say "making it again"
  cp dist/SHA256SUMS "$logs/first"
  start=$SECONDS
  if make_all && diff "$logs/first" dist/SHA256SUMS; then
    record "make twice" "done" $((SECONDS - start)) "every file is the same"
  else
    record "make twice" WRONG $((SECONDS - start)) "two builds differ"
    wrong=yes
  fi
fi

say "summary"
printf '%s\n' "${table[@]}"
[ -z "$wrong" ]
