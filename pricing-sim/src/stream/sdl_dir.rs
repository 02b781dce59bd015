//! A folder of SDLs, from which orders are drawn.

use std::sync::Arc;

use pricing_core::order::{Order, OrderFormat, sdl};

use super::MAX_ORDERS;
use super::arrivals::Arrivals;
use super::check::wrong;
use super::{Arrival, StreamError, with_maximum};
use crate::files::Files;
use crate::random::{Draws, Purpose};
use crate::scenario::OrdersEntry;
use crate::time::Millis;

/// The file extensions of SDLs.
pub const ENDINGS: [&str; 2] = ["yaml", "yml"];
/// The time from one SDL to the next, if there is no `[orders.arrivals]`.
const APART: Millis = 60_000;

/// The SDLs of a folder.
#[derive(Clone, Debug)]
pub(super) struct SdlFolder {
    sdls: Vec<Sdl>,
    arrivals: Option<Arrivals>,
    most: usize,
    end: Option<Millis>,
    owner: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
struct Sdl {
    name: String,
    groups: Vec<(Arc<Order>, bool)>,
}

impl SdlFolder {
    pub(super) fn new(
        folder: &str,
        entry: &OrdersEntry,
        denom: &str,
        end: Option<Millis>,
        files: &Files,
    ) -> Result<Self, StreamError> {
        let names = files.list_deep(folder, &ENDINGS)?;
        if names.is_empty() {
            return Err(wrong(format!("`{folder}` has no `.yaml` or `.yml` file")));
        }
        let sdls = names.into_iter().map(|name| read(folder, name, denom, files)).collect::<Result<Vec<_>, _>>()?;
        let arrivals = entry.arrivals.as_ref().map(Arrivals::new).transpose()?;
        if arrivals.is_some() && end.is_none() && entry.limit.is_none() {
            return Err(wrong("`orders.sdl_dir` with [orders.arrivals] needs `orders.duration` or `orders.limit`"));
        }
        let most = entry.limit.unwrap_or(usize::MAX);
        Ok(Self { sdls, arrivals, most, end, owner: entry.owner.as_deref().map(Arc::from) })
    }

    /// The orders for a seed, each with the number of its deployment.
    pub(super) fn orders(&self, draws: &Draws) -> Result<Vec<(Arrival, usize)>, StreamError> {
        let deployments: Vec<(Millis, Option<&Sdl>)> = match &self.arrivals {
            Some(arrivals) => {
                let times = arrivals.times(draws, self.most, self.end)?.into_iter().enumerate();
                let drawn = |number| self.sdls.get(draws.of(Purpose::Choice, number).below(self.sdls.len()));
                times.map(|(number, at)| (at, drawn(number))).collect()
            }
            None => (0..).step_by(usize::try_from(APART).unwrap_or(1)).zip(self.sdls.iter().map(Some)).collect(),
        };
        let mut orders = Vec::new();
        for (number, (at, sdl)) in deployments.into_iter().enumerate() {
            let Some(sdl) = sdl else { continue };
            for (order, has_maximum) in &sdl.groups {
                let id = format!("{}-{}/{}", sdl.name, number.saturating_add(1), order.group.name().exact());
                let order = Arc::clone(order);
                let (owner, has_maximum) = (self.owner.clone(), *has_maximum);
                orders.push((Arrival { id: Arc::from(id), at, until: None, owner, order, has_maximum }, number));
            }
            if orders.len() > MAX_ORDERS {
                return Err(wrong(format!(
                    "the SDLs have more than {MAX_ORDERS} orders; lower `orders.arrivals.rate`"
                )));
            }
        }
        Ok(orders)
    }
}

fn read(folder: &str, name: String, denom: &str, files: &Files) -> Result<Sdl, StreamError> {
    let malformed = |problem| StreamError::Malformed { name: format!("{folder}/{name}"), problem };
    let groups = sdl::read_with_warnings(&files.text_in(folder, &name)?).map_err(malformed)?.groups;
    let order = |(group, conditions)| {
        let order = Order::from_group(group, OrderFormat::Sdl).map_err(pricing_core::input::InputError::new);
        let order = Order { conditions, ..order.map_err(malformed)? };
        let (order, has_maximum) = with_maximum(order, denom);
        Ok((Arc::new(order), has_maximum))
    };
    let groups = groups.into_iter().map(order).collect::<Result<Vec<_>, StreamError>>()?;
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).to_owned();
    Ok(Sdl { name: stem, groups })
}
