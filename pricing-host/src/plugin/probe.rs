//! The probe: a small order that a plugin must price or decline before it is trusted with real ones.

use pricing_core::money::UsdPerAkt;
use pricing_core::order::script_request;
use pricing_core::quote::plugin::{Draft, draft};
use pricing_core::quote::{QuoteRequest, Supply, Terms};
use pricing_core::rates::Pricing;
use pricing_core::text::Untrusted;

use super::{PluginCall, call};
use crate::fault::Fault;
use crate::limits::CallLimits;
use crate::request::Request;
use crate::sandbox::Usage;
use crate::version::Version;

/// One service with one thread, 512 MiB and 1 GiB of storage.
const ORDER: &str = r#"{"resources":[{"memory":536870912,"cpu":1000,"gpu":{"units":0},"storage":[{"class":"ephemeral","size":1073741824}],"count":1,"endpoint_quantity":1,"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"1000000.000000000000000000"},"price_precision":6}"#;

/// Calls a version with the probe.
pub(super) fn probe(version: &Version, limits: &CallLimits) -> PluginCall {
    let order = match script_request::read(ORDER) {
        Ok(order) => order,
        Err(error) => {
            let fault = Fault::rejected(format!("the probe is not an order: {error}"));
            return PluginCall { result: Err(fault), answer: None, usage: Usage::default() };
        }
    };
    let pricing = Pricing::default();
    let terms = Terms {
        owner: Some(Untrusted::new("akash1tenantqqqqqqqqqqqqqqqqqqqqqqqqqq7wpl8u")),
        usd_per_akt: Some(UsdPerAkt::ONE),
        ..Terms::default()
    };
    let asked = QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms);
    let (Draft::Open(draft) | Draft::Settled(draft)) = draft(&asked);
    call(version, limits, &Request { asked, draft: &draft })
}
