//! Restores amounts to what they were before overcommit shrank them.

use rust_decimal::Decimal;

use crate::money::ArithmeticOverflow;
use crate::order::script_request::{Object, ScriptRequest, TextOrInteger};
use crate::reserve::CommitLevels;

/// Restores what the tenant asked for: multiplies the committed amounts of a request by the provider's factors, rounded
/// to the nearest integer, half up. As in the provider, a factor of at most 1 changes nothing.
///
/// The provider commits one GPU where none was asked for. Such a GPU has no vendor and is set back to none.
///
/// # Errors
/// When an amount overflows.
pub fn restore(request: &mut ScriptRequest<'_>, levels: &CommitLevels) -> Result<(), ArithmeticOverflow> {
    for resource in &mut request.resources {
        restore_amount(&mut resource.cpu, levels.cpu)?;
        restore_amount(&mut resource.memory, levels.memory)?;
        for Object(volume) in resource.storage.iter_mut().flatten() {
            restore_amount(&mut volume.size, levels.storage)?;
        }
        let names_none = resource.vendors().is_none_or(|vendors| vendors.iter().next().is_none());
        if let Some(units) = resource.gpu.as_mut().and_then(|gpu| gpu.0.units.as_mut()) {
            match units.0 {
                1 if names_none && levels.gpu > Decimal::ONE => units.0 = 0,
                _ => restore_amount(units, levels.gpu)?,
            }
        }
    }
    Ok(())
}

fn restore_amount(amount: &mut TextOrInteger, factor: Decimal) -> Result<(), ArithmeticOverflow> {
    if factor > Decimal::ONE {
        amount.0 = multiplied(amount.0, factor).ok_or(ArithmeticOverflow)?;
    }
    Ok(())
}

fn multiplied(amount: u64, factor: Decimal) -> Option<u64> {
    let product = u128::from(amount).checked_mul(factor.mantissa().unsigned_abs())?;
    let unit = 10_u128.checked_pow(factor.scale())?;
    let rounded = product.checked_add(unit.checked_div(2)?)?.checked_div(unit)?;
    u64::try_from(rounded).ok()
}
