//! The owners that a provider serves.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::address::{Address, AddressError, AddressPrefix};

/// The owners that a provider serves, and their discounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners {
    /// If not empty, only these are served.
    pub allow: Vec<Address>,
    /// These are never served.
    pub deny: Vec<Address>,
    /// The factor of an owner's price: above 0 and at most 1.
    pub discount: BTreeMap<Address, Decimal>,
}

/// Why an owner is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotServed {
    /// The deny list names the owner.
    Denied,
    /// There is a deny list, and the named owner is not an address, so it cannot be shown to be absent from the list.
    Unreadable(AddressError),
    /// There is an allow list, and it does not name the owner.
    NotAllowed,
}

impl Owners {
    /// Checks an owner against the lists. An owner without a name is on no list.
    ///
    /// # Errors
    /// When the owner is not served, with the reason.
    pub fn admit(&self, owner: Option<&str>, prefix: &AddressPrefix) -> Result<(), NotServed> {
        let listed = |list: &[Address]| owner.is_some_and(|owner| list.iter().any(|entry| entry.as_str() == owner));
        if listed(&self.deny) {
            return Err(NotServed::Denied);
        }
        if let Some(owner) = owner.filter(|_| !self.deny.is_empty()) {
            Address::parse(owner, prefix).map_err(NotServed::Unreadable)?;
        }
        if !self.allow.is_empty() && !listed(&self.allow) {
            return Err(NotServed::NotAllowed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deny_list_counts_before_the_allow_list_and_what_is_no_address_is_on_neither() {
        let prefix = AddressPrefix::default();
        let address = |text: &str| Address::parse(text, &prefix).unwrap();
        let alyce = "akash1alyceqqqqqqqqqqqqqqqqqqqqqqqqqqqfkk45q";
        let dave = "akash1daveqqqqqqqqqqqqqqqqqqqqqqqqqqqq7ga7ws";
        let tenant = "akash1tenantqqqqqqqqqqqqqqqqqqqqqqqqqq7wpl8u";
        let lists = |allow: &[&str], deny: &[&str]| Owners {
            allow: allow.iter().map(|text| address(text)).collect(),
            deny: deny.iter().map(|text| address(text)).collect(),
            ..Owners::default()
        };
        let says = |owners: &Owners, owner: Option<&str>| owners.admit(owner, &prefix).err();
        let none = lists(&[], &[]);
        assert_eq!([None, Some("nonsense"), Some(alyce)].map(|owner| says(&none, owner)), [None, None, None]);
        let both = lists(&[alyce, dave], &[dave]);
        assert_eq!(says(&both, Some(alyce)), None);
        assert_eq!(says(&both, Some(dave)), Some(NotServed::Denied));
        assert_eq!(says(&both, Some(tenant)), Some(NotServed::NotAllowed));
        assert_eq!(says(&both, None), Some(NotServed::NotAllowed));
        let deny = lists(&[], &[dave]);
        assert_eq!([says(&deny, None), says(&deny, Some(alyce))], [None, None]);
        for spoilt in [format!(" {dave}"), dave.to_uppercase(), format!("{dave}\n"), "x".repeat(1 << 20), String::new()]
        {
            assert!(matches!(says(&deny, Some(&spoilt)), Some(NotServed::Unreadable(_))), "{spoilt}");
            assert_eq!(says(&lists(&[dave], &[]), Some(&spoilt)), Some(NotServed::NotAllowed));
        }
    }
}
