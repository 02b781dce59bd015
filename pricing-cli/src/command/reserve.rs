//! `bidprice reserve`: shows which node and card each replica would get, and where kube-scheduler would start it.

use std::path::PathBuf;

use pricing_core::budget::Budget;
use pricing_core::inventory::Cluster;
use pricing_core::order::Order;
use pricing_core::order::detect::Orders;
use pricing_core::quote::wire::{SCHEMA, ShortageJson, WarningJson};
use pricing_core::rates::Pricing;
use pricing_core::reserve::kubernetes::wire::PlacementsJson;
use pricing_core::reserve::kubernetes::{PodPlacements, PodTemplate};
use pricing_core::reserve::{Reservation, ReserveError, Scheduler, Target, reserve_by};
use pricing_core::text::Untrusted;
use serde::Serialize;

use crate::answered::Decided;
use crate::args::{OrderArgs, Output, OutputArgs, PlacementArgs, StrictArgs};
use crate::error::{CliError, Exit};
use crate::kubernetes::Kubernetes;
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

/// A reservation, and where its pods start if that was asked for.
struct Reserved {
    reservation: Reservation,
    placements: Option<PodPlacements>,
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
        #[serde(flatten)]
        placements: Option<PlacementsJson<'a>>,
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
/// provider's scheduler repeats the daemon, which does not make this distinction. With `--scheduler kubernetes`, the
/// pods of each reservation are placed, too.
pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let Orders { orders, warnings } = load::orders(&args.order)?;
    let cluster = load::inventory_with_warning(&args.inventory)?;
    let mut pricing = match &args.rates {
        Some(path) => load::rate_card(path)?,
        None => Pricing::default(),
    };
    args.placement.apply(&mut pricing);
    let kubernetes = kubernetes(args)?;
    let budget = args.placement.budget();
    let reserver =
        Reserver { placement: &args.placement, pricing: &pricing, cluster: &cluster, kubernetes: &kubernetes };
    let outcomes: Vec<_> = orders.iter().map(|order| (order.group.name(), reserver.reserve(order, &budget))).collect();
    match args.output.output {
        Output::Json => {
            let reservations = outcomes.iter().map(|(group, outcome)| group_json(*group, outcome.as_ref(), &cluster));
            let warnings = warnings.iter().chain(&kubernetes.warnings).map(WarningJson::new).collect();
            output::print_json(&Answer { schema: SCHEMA, warnings, reservations: reservations.collect() })?;
        }
        Output::Table => {
            for (group, outcome) in &outcomes {
                let text = match outcome {
                    Some(Ok(reserved)) => shown(*group, reserved, &cluster),
                    Some(Err(error)) => table::unreserved(*group, decided(exit(outcome.as_ref())), error),
                    None => table::failure(*group, Decided::Fault, UNUSABLE),
                };
                output::print(&text)?;
            }
        }
    }
    Ok(outcomes.iter().map(|(_, outcome)| exit(outcome.as_ref())).max().unwrap_or(Exit::Success))
}

/// The kube-scheduler that places the pods. Warnings are printed to stderr, too.
fn kubernetes(args: &Args) -> Result<Kubernetes, CliError> {
    let options = &args.placement.kubernetes;
    if let Some(option) = options.given().filter(|_| args.placement.scheduler != Scheduler::Kubernetes) {
        return Err(CliError::Usage(format!("`{option}` counts only with `--scheduler kubernetes`")));
    }
    let texts = options.read()?;
    let kubernetes = texts.parse()?;
    if let Some(document) = &texts.scheduler_config {
        load::tell(&document.name, &kubernetes.warnings, &StrictArgs { strict: false })?;
    }
    Ok(kubernetes)
}

/// What orders are reserved with.
struct Reserver<'a> {
    placement: &'a PlacementArgs,
    pricing: &'a Pricing,
    cluster: &'a Cluster,
    kubernetes: &'a Kubernetes,
}

impl Reserver<'_> {
    /// Reserves an order. None if the inventory has no usable node.
    fn reserve(&self, order: &Order, budget: &Budget<'_>) -> Option<Result<Reserved, ReserveError>> {
        let scheduler = self.placement.scheduler;
        if scheduler == Scheduler::Sound && !self.cluster.is_usable() {
            return None;
        }
        let (group, commit) = (&order.group, self.pricing.commit.for_order(order));
        let preference = self.placement.prefer.by(self.pricing);
        let reservation = match reserve_by(group, self.cluster, scheduler, &commit, preference, budget) {
            Ok(reservation) => reservation,
            Err(error) => return Some(Err(error.explained(group, self.cluster, scheduler, &commit))),
        };
        let placements = (scheduler == Scheduler::Kubernetes && self.kubernetes.predict).then(|| {
            let pods = PodTemplate::of_group(group, &commit.units(group, scheduler), &reservation, self.cluster);
            self.kubernetes.scheduler.place(&pods, self.cluster, budget)
        });
        let placements = placements.transpose().map_err(ReserveError::from);
        Some(placements.map(|placements| Reserved { reservation, placements }))
    }
}

/// A reservation as tables.
fn shown(group: Untrusted<&str>, reserved: &Reserved, cluster: &Cluster) -> String {
    let mut text = table::reservation(group, &reserved.reservation, cluster);
    if let Some(placements) = &reserved.placements {
        text.push_str(&table::placements(placements, cluster));
    }
    text
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

fn exit(outcome: Option<&Result<Reserved, ReserveError>>) -> Exit {
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
    outcome: Option<&'a Result<Reserved, ReserveError>>,
    cluster: &'a Cluster,
) -> GroupJson<'a> {
    match outcome {
        Some(Ok(Reserved { reservation, placements })) => {
            let allocated = reservation.targets.iter().map(|target| unit_json(target, cluster)).collect();
            let placements = placements.as_ref().map(|placements| PlacementsJson::new(placements, cluster));
            GroupJson::Allocated { group, allocated, placements }
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
