#!/bin/sh
# Stands in for cargo while maturin makes a wheel of what the tests built. maturin asks for this package alone, for which
# Cargo would choose other features of the dependencies than for the tests, and build them all a second time.
case $1 in
  rustc) exec cargo build --workspace --lib --tests --message-format json-render-diagnostics ;;
  *) exec cargo "$@" ;;
esac
