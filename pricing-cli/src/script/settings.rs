//! Settings from the environment.

use std::env;

use pricing_core::money::parse_decimal;
use pricing_core::reserve::CommitLevels;
use rust_decimal::Decimal;

use crate::{NoBid, say};

/// A variable of the environment. Bytes that are not UTF-8 are replaced, which leaves no number and no path whole.
pub(crate) fn environment(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// A setting: a variable that is neither unset nor empty.
pub(crate) fn setting(name: &str) -> Option<String> {
    environment(name).filter(|value| !value.is_empty())
}

/// There is no service to ask yet.
const NO_SERVICE: &str = "this version asks no service";

/// Settles what happens when a service is to be asked, which cannot be reached.
pub(crate) fn check_service() -> Result<(), NoBid> {
    let local = match setting("BIDPRICE_FALLBACK").as_deref() {
        Some("local") => true,
        None | Some("none") => false,
        Some(other) => return Err(NoBid(format!("BIDPRICE_FALLBACK: `{other}` is neither `local` nor `none`"))),
    };
    match setting("BIDPRICE_SOCKET") {
        Some(socket) if local => say(format_args!("{NO_SERVICE} (`{socket}`); pricing without it")),
        Some(socket) => {
            return Err(NoBid(format!("{NO_SERVICE} (`{socket}`), and BIDPRICE_FALLBACK is not `local`")));
        }
        None => {}
    }
    Ok(())
}

/// The overcommit factors that restore what the tenant asked for.
pub(crate) fn commit_levels() -> Result<CommitLevels, NoBid> {
    let factor = |name: &str| match setting(name) {
        None => Ok(Decimal::ONE),
        Some(text) => {
            let factor = parse_decimal(&text).map_err(|error| NoBid(format!("{name}: {error}")))?;
            let above_zero = (factor > Decimal::ZERO).then_some(factor);
            above_zero.ok_or_else(|| NoBid(format!("{name}: `{text}` is out of range; expected a number above 0")))
        }
    };
    Ok(CommitLevels {
        cpu: factor("BIDPRICE_COMMIT_CPU")?,
        memory: factor("BIDPRICE_COMMIT_MEMORY")?,
        gpu: factor("BIDPRICE_COMMIT_GPU")?,
        storage: factor("BIDPRICE_COMMIT_STORAGE")?,
    })
}
