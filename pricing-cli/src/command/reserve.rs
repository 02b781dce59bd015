//! `bidprice reserve`: shows which node and card each replica would get.

use std::path::PathBuf;

use pricing_core::inventory::Cluster;
use pricing_core::order::detect::Orders;
use pricing_core::quote::wire::{SCHEMA, ShortageJson, WarningJson};
use pricing_core::rates::Pricing;
use pricing_core::reserve::{Reservation, ReserveError, Scheduler, Target, reserve_by};
use pricing_core::text::Untrusted;
use serde::Serialize;

use crate::answered::Decided;
use crate::args::{OrderArgs, Output, OutputArgs, PlacementArgs};
use crate::error::{CliError, Exit};
use crate::{load, output, table};

/// Arguments of `bidprice reserve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    order: OrderArgs,
    /// The inventory to place the order on: a Cluster or provider Status, any dialect, or words such as `2 nodes x 8 h100`
    #[arg(long, value_name = "FILE|WORDS")]
    inventory: PathBuf,
    /// A rate card (TOML), for its overcommit factors and for `--prefer cheapest`
    #[arg(long, value_name = "FILE")]
    rates: Option<PathBuf>,
    #[command(flatten)]
    placement: PlacementArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    schema: u32,
    warnings: Vec<WarningJson<'a>>,
    reservations: Vec<GroupJson<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum GroupJson<'a> {
    Allocated {
        group: Untrusted<&'a str>,
        allocated: Vec<UnitJson<'a>>,
    },
    Failed {
        group: Untrusted<&'a str>,
        error: &'static str,
        message: String,
        #[serde(flatten)]
        shortage: Option<ShortageJson<'a>>,
    },
}

#[derive(Debug, Serialize)]
struct UnitJson<'a> {
    id: u32,
    count: u32,
    nodes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu_attribute: Option<&'a str>,
}

/// Reserves every group on the whole cluster: a reservation does not reduce what the next group can get.
///
/// An inventory without a usable node is a fault, since it says more about the inventory than about the order. The
/// provider's scheduler repeats the daemon, which does not make this distinction.
pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let Orders { orders, warnings } = load::orders(&args.order)?;
    let (cluster, _) = load::inventory(&args.inventory)?;
    let mut pricing = match &args.rates {
        Some(path) => load::rate_card(path)?,
        None => Pricing::default(),
    };
    args.placement.apply(&mut pricing);
    let PlacementArgs { scheduler, prefer, .. } = args.placement;
    let budget = args.placement.budget();
    let outcomes: Vec<_> = orders
        .iter()
        .map(|order| {
            let reservation = if scheduler == Scheduler::Sound && !cluster.is_usable() {
                None
            } else {
                let commit = pricing.commit.for_order(order);
                let preference = prefer.by(&pricing);
                let reserved = reserve_by(&order.group, &cluster, scheduler, &commit, preference, &budget);
                Some(reserved.map_err(|error| error.explained(&order.group, &cluster, scheduler, &commit)))
            };
            (order.group.name(), reservation)
        })
        .collect();
    match args.output.output {
        Output::Json => {
            let reservations = outcomes.iter().map(|(group, outcome)| group_json(*group, outcome.as_ref(), &cluster));
            let warnings = warnings.iter().map(WarningJson::new).collect();
            output::print_json(&Answer { schema: SCHEMA, warnings, reservations: reservations.collect() })?;
        }
        Output::Table => {
            for (group, outcome) in &outcomes {
                let text = match outcome {
                    Some(Ok(reservation)) => table::reservation(*group, reservation, &cluster),
                    Some(Err(error)) => table::unreserved(*group, decided(exit(outcome.as_ref())), error),
                    None => table::failure(*group, Decided::Fault, UNUSABLE),
                };
                output::print(&text)?;
            }
        }
    }
    Ok(outcomes.iter().map(|(_, outcome)| exit(outcome.as_ref())).max().unwrap_or(Exit::Success))
}

const UNUSABLE: &str = "the inventory has no usable node; see `bidprice inventory check`";

/// The decision that an exit code stands for.
fn decided(exit: Exit) -> Decided {
    match exit {
        Exit::Success => Decided::Bid,
        Exit::Decline => Decided::Decline,
        _ => Decided::Fault,
    }
}

fn exit(outcome: Option<&Result<Reservation, ReserveError>>) -> Exit {
    match outcome {
        Some(Ok(_)) => Exit::Success,
        Some(Err(
            ReserveError::InsufficientCapacity(_)
            | ReserveError::ReplicaMismatch(_)
            | ReserveError::InvalidInterconnectGroup(..),
        )) => Exit::Decline,
        Some(Err(ReserveError::SearchExhausted(_) | ReserveError::DeadlineExceeded | ReserveError::Internal))
        | None => Exit::Fault,
    }
}

/// Returns the outcome of a group as JSON. The errors have the daemon's texts where it has one.
fn group_json<'a>(
    group: Untrusted<&'a str>,
    outcome: Option<&'a Result<Reservation, ReserveError>>,
    cluster: &'a Cluster,
) -> GroupJson<'a> {
    match outcome {
        Some(Ok(reservation)) => {
            let allocated = reservation.targets.iter().map(|target| unit_json(target, cluster)).collect();
            GroupJson::Allocated { group, allocated }
        }
        Some(Err(error)) => {
            let kind = match error {
                ReserveError::InsufficientCapacity(_) => "insufficient capacity",
                ReserveError::ReplicaMismatch(_) => "group resource mismatch",
                ReserveError::InvalidInterconnectGroup(..) => "invalid interconnect group",
                ReserveError::SearchExhausted(_) => "search exhausted",
                ReserveError::DeadlineExceeded => "deadline exceeded",
                ReserveError::Internal => "internal error",
            };
            let shortage = match error {
                ReserveError::InsufficientCapacity(shortage) => Some(ShortageJson::new(shortage)),
                _ => None,
            };
            GroupJson::Failed { group, error: kind, message: error.to_string(), shortage }
        }
        None => GroupJson::Failed { group, error: "inventory unusable", message: UNUSABLE.to_owned(), shortage: None },
    }
}

fn unit_json<'a>(target: &'a Target, cluster: &'a Cluster) -> UnitJson<'a> {
    UnitJson {
        id: target.resource_id,
        count: target.count,
        nodes: target.nodes().filter_map(|id| cluster.node(id)).map(|node| node.name.as_ref()).collect(),
        gpu_attribute: target.gpu_attribute.as_deref(),
    }
}
