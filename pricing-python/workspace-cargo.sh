#!/bin/sh
# Stands in for cargo while maturin makes a wheel.
#
# In the profile of the tests, the wheel is made of what they built. maturin asks for this package alone, for which Cargo
# would choose other features of the dependencies than for the tests, and build them all a second time.
#
# maturin dates the files of the wheel by SOURCE_DATE_EPOCH. With it, Cargo would build again everything that has C in it,
# and what depends on that.
unset SOURCE_DATE_EPOCH
case " $* " in
  *" --profile dist "*) ;;
  " rustc "*) exec cargo build --workspace --lib --tests --message-format json-render-diagnostics ;;
esac
exec cargo "$@"
