//! The sentence that says why there is no room, and what each node lacks.

use std::sync::Arc;

use super::demand::Demand;
use super::has_class;
use super::missing::Missing;
use super::remaining::RemainingCluster;
use super::{Lack, NodeShortage, Resource, Shortage};
use crate::reserve::CommittedUnit;
use crate::text::{counted, excerpt};

/// The most nodes that are listed.
const NODES: usize = 100;

/// The most alternatives of a request that a message names.
const ALTERNATIVES: usize = 3;

impl RemainingCluster<'_> {
    /// The shortage of a unit of which only `placed` replicas fit.
    pub(super) fn shortage(&self, unit: &CommittedUnit, demand: &Demand<'_>, placed: u32) -> Shortage {
        let all: Vec<Missing> = (0..self.rooms.len()).map(|index| self.missing(index, demand)).collect();
        let which = match unit.count {
            1 => format!("resource unit {}", unit.id),
            count => format!("replica {} of {count} of resource unit {}", placed.saturating_add(1), unit.id),
        };
        let mut message = format!("{which}: {}", self.reason(unit, demand, &all));
        if demand.only.is_some() && demand.models.len() > 1 {
            message.push_str("; all replicas of a resource unit get cards of one model");
        }
        let nodes = self.cluster.nodes().iter().enumerate().zip(&all);
        let lacking = || nodes.clone().filter(|(_, missing)| missing.number() > 0);
        let nodes = lacking()
            .take(NODES)
            .map(|((index, node), _)| NodeShortage { node: Arc::clone(&node.name), lacks: self.lacks(index, demand) });
        Shortage { message, nodes: nodes.collect(), nodes_left_out: lacking().count().saturating_sub(NODES) }
    }

    /// Names the limiting resource. The most specific reason wins: what no node has at all comes before what is used
    /// up.
    fn reason(&self, unit: &CommittedUnit, demand: &Demand<'_>, all: &[Missing]) -> String {
        self.class_reason(demand)
            .or_else(|| self.card_reason(unit, demand))
            .or_else(|| self.interconnect_reason(demand))
            .or_else(|| self.amount_reason(demand, all))
            .unwrap_or_else(|| self.nearest_reason(demand, all))
    }

    /// A storage class that no node has, or that is used up.
    fn class_reason(&self, demand: &Demand<'_>) -> Option<String> {
        demand.classes.iter().find_map(|(class, size)| {
            let shown = excerpt(class);
            if !self.cluster.nodes().iter().any(|node| has_class(node, class)) {
                return Some(format!("no node has storage of class `{shown}`"));
            }
            let free = self.pool(class);
            (free < *size).then(|| {
                let [needed, free] = [*size, free].map(|bytes| Resource::Volumes.amount(bytes.get()));
                let (asked, left) = (are(&needed), are(&free));
                format!("{needed} GiB of storage class `{shown}` {asked} asked for and {free} {left} free")
            })
        })
    }

    /// Cards that no node has, that are all in use, or that are not free in one place.
    fn card_reason(&self, unit: &CommittedUnit, demand: &Demand<'_>) -> Option<String> {
        if demand.amounts.gpus == 0 {
            return None;
        }
        let only = demand.only.and_then(|only| demand.models.get(only));
        let which = only.map_or_else(|| cards_asked(unit), |(_, model)| excerpt(model));
        let described: u64 = (0..self.rooms.len()).flat_map(|index| self.described(index, demand)).sum();
        let free = || self.rooms.iter().enumerate().map(|(index, room)| self.cards(index, room, demand));
        let (sum, most, asked) = (free().sum::<u64>(), free().max().unwrap_or(0), demand.amounts.gpus);
        if described == 0 {
            Some(format!("no node has a card of {which}"))
        } else if sum == 0 {
            Some(format!("no card of {which} is free, of {described} that there are"))
        } else if sum < asked {
            let cards = counted(asked, "card");
            Some(format!("{cards} of {which} {} asked for and {sum} {} free", are(&asked), are(&sum)))
        } else if most < asked {
            let on = format!("{} of {which} on one node", counted(asked, "card"));
            Some(format!("{on}: {sum} {} free, but no node has more than {most}", are(&sum)))
        } else {
            None
        }
    }

    /// A fabric that no node has, a peer on every node, or HCAs that are in use or not free in one place. The checks go
    /// from what no amount of free capacity would change to what other leases take.
    fn interconnect_reason(&self, demand: &Demand<'_>) -> Option<String> {
        let asked = demand.interconnect?;
        let fabric = asked
            .fabric
            .map_or_else(|| "a GPU interconnect".to_owned(), |fabric| format!("{} between GPUs", fabric.name()));
        let connected = || (0..self.rooms.len()).filter(|index| self.is_connected(*index, asked));
        if connected().next().is_none() {
            return Some(format!("no node has {fabric}"));
        }
        if let Some(label) = asked.exclusive_label() {
            let peers = connected().filter(|index| self.labels.contains(&(*index, label.to_owned()))).count();
            if peers == connected().count() {
                let label = excerpt(label);
                let each = match peers {
                    1 => "the node".to_owned(),
                    _ => format!("each of the {peers} nodes"),
                };
                return Some(format!(
                    "{each} with {fabric} has a replica of group `{label}` already, and its replicas stand on distinct \
                     nodes"
                ));
            }
        }
        let free = || self.rooms.iter().enumerate().map(|(index, room)| self.free_hcas(index, room, demand));
        let (sum, most, asked) = (free().fold(0, u64::saturating_add), free().max().unwrap_or(0), demand.amounts.hcas);
        if sum < asked {
            let hcas = counted(asked, "HCA");
            Some(format!("{hcas} {} asked for and {sum} {} free", are(&asked), are(&sum)))
        } else if most < asked {
            let on = format!("{} on one node", counted(asked, "HCA"));
            Some(format!("{on}: {sum} {} free, but no node has more than {most}", are(&sum)))
        } else {
            None
        }
    }

    /// CPU, memory or ephemeral storage that every node has too little of. For an order with GPUs, the nearest node
    /// with free cards says more.
    fn amount_reason(&self, demand: &Demand<'_>, all: &[Missing]) -> Option<String> {
        if demand.amounts.gpus > 0 {
            return None;
        }
        let amounts = || self.rooms.iter().enumerate().map(|(index, room)| self.amounts(index, room, demand));
        let is_short_everywhere = |resource: &Resource| all.iter().all(|missing| missing.has(*resource));
        let resources = [Resource::Cpu, Resource::Memory, Resource::EphemeralStorage];
        let resource = resources.into_iter().find(is_short_everywhere)?;
        let of = |amounts: [(Resource, u64, u64); 5]| amounts.into_iter().find(|(one, _, _)| *one == resource);
        let asked = amounts().find_map(of).map_or(0, |(_, asked, _)| asked);
        let free = || amounts().filter_map(of).map(|(_, _, free)| free);
        let (sum, most) = (free().fold(0, u64::saturating_add), free().max().unwrap_or(0));
        let [needed, sum_free, most_free] = [asked, sum, most].map(|number| resource.amount(number));
        let counts = resource.counts(&needed);
        Some(if sum < asked {
            format!("{needed} {counts} {} asked for and {sum_free} {} free", are(&needed), are(&sum_free))
        } else {
            format!(
                "{needed} {counts} on one node: {sum_free} {} free, but no node has more than {most_free}",
                are(&sum_free)
            )
        })
    }

    /// The node that lacks the fewest resources, and what it lacks. Nodes with free cards come first.
    fn nearest_reason(&self, demand: &Demand<'_>, all: &[Missing]) -> String {
        let nodes = self.cluster.nodes().iter().enumerate().zip(all);
        let nearest = nodes.min_by_key(|(_, missing)| (missing.has(Resource::Gpu), missing.number()));
        let Some(((index, node), _)) = nearest else { return "there are no nodes".to_owned() };
        let lacks = self.lacks(index, demand);
        let lacks: Vec<String> = lacks.iter().map(in_words).collect();
        let (name, lacks) = (excerpt(&node.name), lacks.join(", and "));
        if demand.amounts.gpus > 0 {
            format!("cards are free on {name}, which has {lacks}")
        } else {
            format!("no node has room for all of it; {name} is nearest, and has {lacks}")
        }
    }
}

/// The verb that goes with an amount, a number or its text.
fn are(amount: &impl ToString) -> &'static str {
    if amount.to_string() == "1" { "is" } else { "are" }
}

fn in_words(lack: &Lack) -> String {
    match &lack.free {
        None => format!("no storage of class `{}`", lack.asked),
        Some(free) => format!("{free} of {} {} left", lack.asked, lack.resource.counts(&lack.asked)),
    }
}

/// The cards that a unit asks for, for people. Models alone where they say it all.
fn cards_asked(unit: &CommittedUnit) -> String {
    if unit.gpu.alternatives.is_empty() {
        return "any kind".to_owned();
    }
    let mut names: Vec<String> = unit
        .gpu
        .alternatives
        .iter()
        .take(ALTERNATIVES)
        .map(|one| match (one.model(), one.ram(), one.interface()) {
            (Some(model), None, None) => excerpt(model),
            _ => excerpt(&one.kind().to_string()),
        })
        .collect();
    if unit.gpu.alternatives.len() > ALTERNATIVES {
        names.push("others".to_owned());
    }
    names.join(" or ")
}
