//! `bidprice inventory show`: what each node of a cluster has, and how much of it is in use.

use std::path::PathBuf;

use comfy_table::Table;
use pricing_core::inventory::utilisation::{GpuUsage, Usage, Utilisation};
use pricing_core::inventory::{Capacity, Cluster, Node, UNLIMITED};
use pricing_core::quantity::{Bytes, LineQuantity, MilliCpu};
use pricing_core::quote::wire::SCHEMA;
use serde_json::{Map, Value, json};

use crate::args::{Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::wording::{count, number};
use crate::{output, table};

const EXAMPLE: &str = "Example:
  bidprice inventory show inventory.json";

/// Arguments of `bidprice inventory show`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// A Cluster or provider Status, any dialect; `-` is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// What a node, or the whole cluster, has.
struct Stock {
    name: String,
    cpu: Usage,
    memory: Usage,
    ephemeral: Usage,
    gpus: Usage,
    /// The described cards.
    kinds: Vec<GpuUsage>,
    undescribed: Undescribed,
    storage_classes: Vec<String>,
}

/// Cards that are counted but not described, and how many of them are in use.
#[derive(Clone, Copy, Default)]
struct Undescribed {
    used_min: u64,
    used_max: u64,
    total: u64,
}

pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    let (cluster, findings) = super::read(&args.file)?;
    let nodes: Vec<Stock> = cluster.nodes().iter().map(|node| Stock::of_node(node, &cluster)).collect();
    let total = Stock::of_cluster(&cluster, &nodes);
    match args.output.output {
        Output::Json => {
            let answer = json!({
                "schema": SCHEMA,
                "nodes": nodes.iter().map(Stock::node_json).collect::<Vec<_>>(),
                "total": total.json(),
                "storage": cluster.storage().iter().map(|pool| json!({
                    "class": pool.class, "capacity": amount(usage(pool.capacity), gib),
                })).collect::<Vec<_>>(),
                "leased_ips_free": cluster.leased_ips().map(leased_ips),
                "findings": findings.len(),
            });
            output::print_json(&super::with_error(answer, &cluster))?;
        }
        Output::Table => output::print(&shown(&nodes, &total, &cluster, findings.len()))?,
    }
    super::usable(&cluster, &args.file)
}

fn usage<T: Into<u64>>(capacity: Capacity<T>) -> Usage {
    let (total, available) = (capacity.total.into(), capacity.available.into());
    Usage { total, used: total.saturating_sub(available) }
}

fn threads(thousandths: u64) -> LineQuantity {
    MilliCpu::new(thousandths).threads()
}

fn gib(bytes: u64) -> LineQuantity {
    Bytes::new(bytes).gib()
}

/// Free leased IPs. A provider that does not count them reports a number that stands for no limit.
fn leased_ips(free: u64) -> String {
    if free > UNLIMITED / 2 { "unlimited".to_owned() } else { free.to_string() }
}

/// An amount for scripts, exactly.
fn amount(usage: Usage, unit: impl Fn(u64) -> LineQuantity) -> Value {
    json!({ "used": unit(usage.used).to_string(), "total": unit(usage.total).to_string() })
}

/// An amount for people.
fn rounded(usage: Usage, unit: impl Fn(u64) -> LineQuantity) -> String {
    format!("{} / {}", unit(usage.used).rounded(), unit(usage.total).rounded())
}

impl Undescribed {
    fn of_node(node: &Node) -> Self {
        let (gpus, described) = (usage(node.gpus), u64::try_from(node.cards.len()).unwrap_or(u64::MAX));
        let total = gpus.total.saturating_sub(described);
        Self { used_min: gpus.used.saturating_sub(described), used_max: gpus.used.min(total), total }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            used_min: self.used_min.saturating_add(other.used_min),
            used_max: self.used_max.saturating_add(other.used_max),
            total: self.total.saturating_add(other.total),
        }
    }
}

impl Stock {
    fn of_node(node: &Node, cluster: &Cluster) -> Self {
        Self {
            name: node.name.to_string(),
            cpu: usage(node.cpu),
            memory: usage(node.memory),
            ephemeral: usage(node.ephemeral),
            gpus: usage(node.gpus),
            kinds: GpuUsage::of_node(node, cluster),
            undescribed: Undescribed::of_node(node),
            storage_classes: node.storage_classes.clone(),
        }
    }

    fn of_cluster(cluster: &Cluster, nodes: &[Self]) -> Self {
        let Utilisation { cpu, memory, ephemeral, gpus, gpu_kinds: kinds, .. } = Utilisation::of(cluster);
        let undescribed = nodes.iter().map(|node| node.undescribed).fold(Undescribed::default(), Undescribed::plus);
        let name = "total".to_owned();
        Self { name, cpu, memory, ephemeral, gpus, kinds, undescribed, storage_classes: Vec::new() }
    }

    fn json(&self) -> Value {
        let card = |usage: &GpuUsage| {
            let GpuUsage { kind, total, used_min, used_max } = usage;
            json!({
                "vendor": kind.vendor(), "model": kind.model(), "ram": kind.ram(), "interface": kind.interface(),
                "used_min": used_min, "used_max": used_max, "total": total,
            })
        };
        json!({
            "cpu": amount(self.cpu, threads),
            "memory": amount(self.memory, gib),
            "ephemeral_storage": amount(self.ephemeral, gib),
            "gpus": { "used": self.gpus.used, "total": self.gpus.total },
            "cards": self.kinds.iter().map(card).collect::<Vec<_>>(),
            "undescribed_cards": {
                "used_min": self.undescribed.used_min, "used_max": self.undescribed.used_max,
                "total": self.undescribed.total,
            },
        })
    }

    /// A node as JSON: its amounts, between its name and its storage classes.
    fn node_json(&self) -> Value {
        let mut node = Map::new();
        node.insert("name".to_owned(), self.name.clone().into());
        node.extend(self.json().as_object().cloned().unwrap_or_default());
        node.insert("storage_classes".to_owned(), self.storage_classes.clone().into());
        Value::Object(node)
    }

    /// The usage and the name of each kind of card.
    fn cards(&self) -> Vec<(String, String)> {
        let used = |least: u64, most: u64, total: u64| match least == most {
            true => format!("{least} / {total}"),
            false => format!("{least}-{most} / {total}"),
        };
        let kind = |usage: &GpuUsage| (used(usage.used_min, usage.used_max, usage.total), usage.kind.to_string());
        let mut cards: Vec<(String, String)> = self.kinds.iter().map(kind).collect();
        let Undescribed { used_min, used_max, total } = self.undescribed;
        if total > 0 {
            cards.push((used(used_min, used_max, total), "(not described)".to_owned()));
        }
        cards
    }

    /// Adds a row, and one more for each further kind of card.
    fn add_to(&self, rows: &mut Table) {
        let (cpu, memory) = (rounded(self.cpu, threads), rounded(self.memory, gib));
        let mut cards = self.cards().into_iter();
        let (used, kind) = cards.next().unwrap_or_default();
        let (ephemeral, classes) = (rounded(self.ephemeral, gib), self.storage_classes.join(", "));
        rows.add_row([self.name.clone(), cpu, memory, ephemeral, used, kind, classes]);
        for (used, kind) in cards {
            rows.add_row(["", "", "", "", &used, &kind, ""]);
        }
    }
}

fn shown(nodes: &[Stock], total: &Stock, cluster: &Cluster, findings: usize) -> String {
    let look = if findings > 0 { ": see `bidprice inventory check`" } else { "" };
    let (nodes_found, findings) = (count(number(nodes.len()), "node"), count(number(findings), "finding"));
    let mut shown = format!("{nodes_found}, {findings}{look}\n");
    let header = ["node", "cpu", "memory GiB", "ephemeral GiB", "cards", "card", "storage classes"];
    let mut rows = table::table(&header, &[1, 2, 3, 4]);
    nodes.iter().chain([total]).for_each(|stock| stock.add_to(&mut rows));
    shown.push_str(&format!("\nIn use / in total:\n{}", table::wrapped(rows, &[5, 6])));
    if !cluster.storage().is_empty() {
        let mut rows = table::table(&["storage class", "GiB"], &[1]);
        rows.add_rows(cluster.storage().iter().map(|pool| [pool.class.clone(), rounded(usage(pool.capacity), gib)]));
        shown.push_str(&format!("\n{}", table::text(&rows)));
    }
    if let Some(free) = cluster.leased_ips() {
        shown.push_str(&format!("\nFree leased IPs: {}\n", leased_ips(free)));
    }
    shown
}
