#!/usr/bin/env bash
# The packaged chart: it renders with every set of values of deploy/helm/tests. `cargo xtask helm` checks what is rendered.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
helm=${CARGO_TARGET_DIR:-$top/target}/go/bin/helm
[ -x "$helm" ] || helm=$(command -v helm) || cannot "there is no helm; \`cargo xtask helm\` gets it"
chart=$(one "bidprice-*.tgz")
for values in "$top"/deploy/helm/tests/values/*.yaml; do
  "$helm" template bidprice "$chart" --values "$values" >/dev/null || fail "it does not render with $(basename "$values")"
done
"$helm" show chart "$chart" | grep -qx "appVersion: $(version)" || fail "it is of another version"
