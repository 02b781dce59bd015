//! The section `profiles`: what a replica needs, where it may run, and at which price.

use std::collections::BTreeMap;

use super::attributes;
use super::field::Field;
use super::resources::Compute;
use super::units;
use super::warnings::RefusingReader;
use crate::input::InputError;
use crate::money::{Denom, Price, denoms};
use crate::order::{PlacementRequirements, SignedBy};
use crate::text::excerpt;

/// The denoms that Console accepts: the chain's own two, and USDC on the main and the sandbox network.
const DENOMS: [&str; 4] = [denoms::AKT, denoms::ACT, denoms::USDC, denoms::SANDBOX_USDC];
/// The minimum and maximum length of a denom.
const DENOM_LENGTH: core::ops::RangeInclusive<usize> = 3..=128;

/// The profiles, by name.
#[derive(Debug)]
pub(super) struct Profiles<'a> {
    pub(super) compute: BTreeMap<&'a str, Compute<'a>>,
    pub(super) placement: BTreeMap<&'a str, Placement<'a>>,
}

/// Where replicas may run, and the most that a replica of each compute profile may cost there.
#[derive(Debug)]
pub(super) struct Placement<'a> {
    pub(super) field: Field<'a>,
    pub(super) requirements: PlacementRequirements,
    pub(super) pricing: BTreeMap<&'a str, UnitPrice<'a>>,
}

/// The most that a replica may cost per block, and the field that states it.
#[derive(Debug)]
pub(super) struct UnitPrice<'a> {
    pub(super) price: Price,
    pub(super) amount_field: Field<'a>,
}

impl<'a> Profiles<'a> {
    /// Reads the section.
    pub(super) fn read(section: &Field<'a>) -> Result<Self, InputError> {
        let profiles = section.object(&["compute", "placement"])?;
        let compute = profiles.required("compute")?.map()?;
        let placement = profiles.required("placement")?.map()?;
        Ok(Self {
            compute: compute
                .into_iter()
                .map(|(name, field)| Ok((name, Compute::read(field)?)))
                .collect::<Result<_, InputError>>()?,
            placement: placement
                .into_iter()
                .map(|(name, field)| Ok((name, Placement::read(name, field)?)))
                .collect::<Result<_, InputError>>()?,
        })
    }
}

impl<'a> Placement<'a> {
    fn read(name: &str, field: Field<'a>) -> Result<Self, InputError> {
        if name.is_empty() {
            return Err(field.name_error("a placement without a name"));
        }
        let placement = field.object(&["attributes", "pricing", "signedBy"])?;
        let attributes = match placement.optional("attributes") {
            Some(attributes) => attributes::list(&attributes)?,
            None => Vec::new(),
        };
        let signed_by = match placement.optional("signedBy") {
            Some(signers) => signed_by(&signers)?,
            None => SignedBy::default(),
        };
        let mut pricing = BTreeMap::new();
        match placement.nullable("pricing") {
            Some(prices) => {
                for (profile, field) in prices.map()? {
                    pricing.insert(profile, price(&field)?);
                }
            }
            None => field.warn_of_name(RefusingReader::Console, "`pricing` is missing"),
        }
        Ok(Self { field, requirements: PlacementRequirements { signed_by, attributes }, pricing })
    }
}

fn signed_by(field: &Field<'_>) -> Result<SignedBy, InputError> {
    let signers = field.object(&["allOf", "anyOf"])?;
    let list = |key: &str| signers.optional(key).map_or(Ok(Vec::new()), |list| list.texts());
    Ok(SignedBy { all_of: list("allOf")?, any_of: list("anyOf")? })
}

fn price<'a>(field: &Field<'a>) -> Result<UnitPrice<'a>, InputError> {
    let price = field.object(&["amount", "denom"])?;
    let denom_field = price.required("denom")?;
    let denom = denom_field.text()?;
    if !is_denom(denom) {
        return Err(denom_field.error(format_args!("`{}` is not a denom", excerpt(denom))));
    }
    if !DENOMS.contains(&denom) {
        denom_field.warn(RefusingReader::Console, format_args!("the denom `{}` is not known", excerpt(denom)));
    }
    let amount_field = price.required("amount")?;
    let amount = units::amount(&amount_field)?;
    if amount.is_zero() {
        return Err(amount_field.error("a price of 0, which the chain refuses"));
    }
    let price = Price::new(Denom::new(denom), amount).map_err(|error| amount_field.error(error))?;
    Ok(UnitPrice { price, amount_field })
}

/// Returns whether a word is a denom by the chain's syntax.
fn is_denom(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | ':' | '.' | '_' | '-');
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(word) && DENOM_LENGTH.contains(&text.len())
}
