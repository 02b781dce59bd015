//! Serialises a decision as a line, with all of its inputs.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pricing_core::inventory::held_capacity::HeldCapacity;
use pricing_core::quote::wire::QuoteJson;
use pricing_core::quote::{FallbackBy, GivenTarget, Reason};
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_host::Plugin;
use serde::Serialize;

use super::entry::{
    BidOutcome, ExploreEntry, Group, InventoryEntry, KubernetesEntry, LimitsEntry, PlacedPod, PluginEntry, Shadowed,
};
use super::objects::{Content, Object};
use crate::decision::{LiveState, OrderRequest, PricedGroup, RemainingBudget, ScreenedGroup, Settings};
use crate::digest::Digest;
use crate::inventory::{Availability, Snapshot};
use crate::metrics::{Call, gpu_label};
use crate::order_name::OrderName;

/// The longest order text that is part of its line. A longer one is an object.
const MAX_ORDER_BYTES: usize = 32 << 10;

/// A decision to record: one for each group of an order.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The call that it answers.
    pub call: Call,
    /// The request.
    pub request: &'a OrderRequest,
    /// The group's index in [`OrderRequest::orders`].
    pub group: usize,
    /// The settings that it was priced with.
    pub settings: &'a Settings,
    /// The live state that it was priced with. A screening uses no inventory.
    pub live: &'a LiveState,
    /// The decision.
    pub decided: Decided<'a>,
    /// The time that it took.
    pub took: Duration,
}

/// The decision for a group.
#[derive(Clone, Copy, Debug)]
pub enum Decided<'a> {
    /// A quote.
    Quote(&'a PricedGroup),
    /// A screening.
    Screen(&'a ScreenedGroup),
}

impl Decided<'_> {
    fn remaining_budget(&self) -> RemainingBudget {
        match self {
            Self::Quote(priced) => priced.remaining_budget,
            Self::Screen(screened) => screened.remaining_budget,
        }
    }
}

/// A line without its start, and the objects that it names.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) kind: &'static str,
    /// A JSON object without its opening brace, and a line break.
    pub(super) body: Vec<u8>,
    pub(super) objects: Vec<Object>,
}

#[derive(Serialize)]
struct DecisionLine<'a> {
    time: String,
    version: &'static str,
    call: &'static str,
    order_id: Option<&'a OrderName>,
    owner: Option<&'a str>,
    order: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_object: Option<Digest>,
    group: Group,
    already_reserved: bool,
    targets: &'a [GivenTarget],
    alternatives: bool,
    scheduler: Scheduler,
    #[serde(skip_serializing_if = "is_default")]
    prefer: Prefer,
    search_steps: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    search_steps_left: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prediction_steps_left: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    out_of_time: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes: Option<KubernetesEntry>,
    rates: Digest,
    plugin: Option<PluginEntry>,
    inventory: Option<InventoryEntry>,
    held: &'a [HeldCapacity],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    started: &'a [HeldCapacity],
    usd_per_akt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explore: Option<ExploreEntry>,
    gpu: String,
    quote: Option<QuoteJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    screen: Option<Screening<'a>>,
    took_us: u64,
}

/// The result of a screening.
#[derive(Serialize)]
pub(super) struct Screening<'a> {
    passed: bool,
    reason: Option<ReasonEntry<'a>>,
}

#[derive(Serialize)]
struct ReasonEntry<'a> {
    code: &'static str,
    message: &'a str,
}

impl<'a> Screening<'a> {
    pub(super) fn of(screened: Result<(), &'a Reason>) -> Self {
        let reason = screened.err();
        Self {
            passed: reason.is_none(),
            reason: reason.map(|reason| ReasonEntry { code: reason.code.name(), message: &reason.message }),
        }
    }
}

/// Whether a preference is the one that lines leave out.
fn is_default(prefer: &Prefer) -> bool {
    *prefer == Prefer::default()
}

impl Record<'_> {
    /// Returns the line of the decision. An object that several lines name is shared, not copied.
    pub(super) fn line(&self, now: SystemTime) -> serde_json::Result<Line> {
        let Self { call, request, group, settings, live, decided, took } = *self;
        let mut objects = vec![rates_object(settings)];
        let scheduler_text = settings.kubernetes.text.as_ref();
        objects.extend(scheduler_text.map(|(digest, of_scheduler)| text(*digest, of_scheduler, false)));
        let order = request.orders.get(group);
        let long = request.text.len() > MAX_ORDER_BYTES;
        let order_object = long.then(|| request.digest());
        objects.extend(order_object.map(|digest| text(digest, &request.text, true)));
        let (inventory, snapshot) = inventory(&live.availability);
        objects.extend(snapshot.map(|snapshot| text(snapshot.text.digest, &snapshot.text.text, true)));
        let priced = match decided {
            Decided::Quote(priced) => Some(priced),
            Decided::Screen(_) => None,
        };
        // A screening does not call the plugin.
        let plugin = settings.plugin.as_ref().and_then(|plugin| {
            let (entry, files) = plugin_entry(plugin, priced?);
            objects.extend(files);
            Some(entry)
        });
        let (held, remaining_budget) = (held(snapshot, priced), decided.remaining_budget());
        let exploration = settings.explore.and_then(|explore| explore.of_group(request.name.as_ref(), group));
        let gpu = order.zip(priced).map(|(order, priced)| gpu_label(order, &priced.quote));
        let line = DecisionLine {
            time: humantime::format_rfc3339_millis(now).to_string(),
            version: env!("CARGO_PKG_VERSION"),
            call: call.name(),
            order_id: request.name.as_ref(),
            owner: request.owner.as_deref(),
            order: (!long).then_some(&*request.text),
            order_object,
            group: Group { index: group, name: order.map(|order| order.group.name().owned()).unwrap_or_default() },
            already_reserved: request.already_reserved,
            targets: &request.targets,
            alternatives: request.alternatives,
            scheduler: settings.scheduler,
            prefer: settings.prefer,
            search_steps: settings.budget.steps,
            search_steps_left: Some(remaining_budget.steps_left).filter(|left| *left != settings.budget.steps),
            prediction_steps_left: Some(remaining_budget.left_for_predictions)
                .filter(|left| *left != settings.budget.for_predictions()),
            out_of_time: remaining_budget.out_of_time,
            kubernetes: KubernetesEntry::of(&settings.kubernetes, &settings.rates.pricing.policy),
            rates: settings.rates.digest,
            plugin,
            inventory,
            held: &held,
            started: priced.map_or(&[], |priced| &priced.before.started),
            usd_per_akt: live.usd_per_akt.map(|usd| usd.to_string()),
            explore: priced.and(exploration).map(Into::into),
            gpu: gpu.unwrap_or_default(),
            quote: priced.map(|priced| QuoteJson::new(&priced.quote, priced.alternatives.as_ref())),
            screen: match decided {
                Decided::Quote(_) => None,
                Decided::Screen(screened) => Some(Screening::of(screened.outcome.as_ref().copied())),
            },
            took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        };
        Ok(Line { kind: "decision", body: body(&line)?, objects })
    }
}

/// Returns the line of the shadow's result.
pub(super) fn shadow_line(shadowed: &Shadowed, settings: &Settings) -> serde_json::Result<Line> {
    Ok(Line { kind: "shadow", body: body(shadowed)?, objects: vec![rates_object(settings)] })
}

/// Returns the line of what became of a bid.
pub(super) fn outcome_line(outcome: &BidOutcome) -> serde_json::Result<Line> {
    Ok(Line { kind: "outcome", body: body(outcome)?, objects: Vec::new() })
}

/// Returns the line of where a pod started.
pub(super) fn placement_line(placed: &PlacedPod) -> serde_json::Result<Line> {
    Ok(Line { kind: "placement", body: body(placed)?, objects: Vec::new() })
}

pub(super) fn body(line: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(4096);
    serde_json::to_writer(&mut body, line)?;
    body.push(b'\n');
    // The opening brace is part of the line's start, which the queue adds with the number.
    body.drain(..1);
    Ok(body)
}

pub(super) fn rates_object(settings: &Settings) -> Object {
    text(settings.rates.digest, &settings.rates.text, false)
}

fn text(digest: Digest, text: &Arc<str>, counts: bool) -> Object {
    Object { digest, content: Content::Text(Arc::clone(text)), counts }
}

fn inventory(availability: &Availability) -> (Option<InventoryEntry>, Option<&Snapshot>) {
    match availability {
        Availability::NotConfigured => (None, None),
        Availability::Unusable(why) => (Some(InventoryEntry::Unusable(why.clone())), None),
        Availability::Known(snapshot) => (Some(InventoryEntry::Snapshot(snapshot.text.digest)), Some(snapshot)),
    }
}

/// Returns the capacity that was held when a group was placed: for other orders, and for the previous groups.
fn held<'a>(snapshot: Option<&'a Snapshot>, priced: Option<&PricedGroup>) -> Cow<'a, [HeldCapacity]> {
    let held = snapshot.map_or(&[][..], |snapshot| &snapshot.held);
    match priced.map(|priced| priced.before.reserved.as_slice()) {
        None | Some([]) => Cow::Borrowed(held),
        Some(before) => Cow::Owned(HeldCapacity::merge(held.iter().chain(before).cloned())),
    }
}

/// Returns the entry of the plugin that was called, and its files as objects.
fn plugin_entry(plugin: &Plugin, priced: &PricedGroup) -> (PluginEntry, Vec<Object>) {
    let settings = plugin.settings();
    // The quote names the file that priced it. The plugin may have been replaced since.
    let used = priced.quote.plugin.as_ref();
    let digest = used.map_or_else(|| plugin.digest(), |used| used.digest.clone());
    let previous = settings.fallback.filter(|by| *by == FallbackBy::LastPlugin).and_then(|_| plugin.previous_digest());
    let file = |digest: &String| {
        let content = Content::Bytes(plugin.file_of(digest)?);
        Some(Object { digest: Digest::parse(digest)?, content, counts: false })
    };
    let current = file(&digest);
    let not_kept = current.is_none().then(|| "the file was replaced twice before it could be recorded".to_owned());
    let files = current.into_iter().chain(previous.as_ref().and_then(file)).collect();
    let limits = &settings.limits;
    let entry = PluginEntry {
        name: used.map_or_else(|| plugin.name(), |used| used.name.clone()),
        digest,
        previous,
        not_kept,
        class: settings.class.name().to_owned(),
        limits: LimitsEntry {
            deadline_us: u64::try_from(limits.deadline.as_micros()).unwrap_or(u64::MAX),
            fuel: limits.fuel,
            memory_bytes: limits.memory_bytes,
            output_bytes: limits.output_bytes,
        },
        fallback: settings.fallback.map(|by| by.name().to_owned()),
    };
    (entry, files)
}
