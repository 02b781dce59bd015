//! The cards that a unit may get, in words: what the reserved node has may not be what Kubernetes hands out.

use std::fmt::Write as _;

use pricing_core::gpu::GpuKind;
use pricing_core::reserve::kubernetes::Probability;
use pricing_core::text::printable;

use crate::answered::{Candidate, GpuTarget, Kind, Pending, Target};
use crate::wording::wrap;

/// The most kinds that are named one by one.
const MOST_NAMED: usize = 3;

/// A sentence for each unit whose card is not certain.
pub(crate) fn uncertain_cards(targets: &[Target], pending: Option<&Pending>) -> String {
    let mut sentences = String::new();
    let mut start = Start::Known;
    for target in targets {
        if let Some(pod) = pending.filter(|pod| pod.resource_id == target.resource_id) {
            start = Start::of(pod, target);
        }
        let gpu = target.gpu.as_ref();
        let gpu = gpu.filter(|gpu| !gpu.certain && gpu.cards.iter().all(|cards| cards.known));
        if let Some(gpu) = gpu {
            sentences.push_str(&(wrap(&printable(&uncertain_card(target, gpu, start))) + "\n"));
        }
        start = start.of_next_units();
    }
    sentences
}

/// Whether the pods of a unit start at all.
#[derive(Clone, Copy, Debug)]
enum Start<'a> {
    /// They do.
    Known,
    /// Some replica may stay pending. The others start.
    MayStayPending(&'a Pending, u32),
    /// None of them starts, as the cluster is now.
    Never,
    /// An earlier unit may stay pending, and in these cases nothing is predicted for this one.
    After(&'a Pending),
    /// An earlier unit stays pending, and so nothing is predicted for this one.
    NotPredicted,
}

impl<'a> Start<'a> {
    /// For the unit whose replica may stay pending.
    fn of(pod: &'a Pending, target: &Target) -> Self {
        let is_certain = is_certain(pod);
        if is_certain && pod.replica == 1 { Self::Never } else { Self::MayStayPending(pod, target.count) }
    }

    /// For the units after this one.
    fn of_next_units(self) -> Self {
        match self {
            Self::MayStayPending(pod, _) if !is_certain(pod) => Self::After(pod),
            Self::MayStayPending(..) | Self::Never => Self::NotPredicted,
            Self::Known | Self::After(_) | Self::NotPredicted => self,
        }
    }

    /// What to add to the cards that the unit gets. None if it gets no card.
    fn words(self) -> Option<String> {
        Some(match self {
            Self::Known => String::new(),
            Self::MayStayPending(pod, 1) => format!("; it stays pending with {}", pending_percent(pod)),
            Self::MayStayPending(pod, _) => {
                format!("; replica {} stays pending with {}", pod.replica, pending_percent(pod))
            }
            Self::After(pod) => format!(
                "; where it starts while unit {} is pending ({}) is not known",
                pod.resource_id,
                pending_percent(pod)
            ),
            Self::Never | Self::NotPredicted => return None,
        })
    }
}

/// Whether a replica certainly stays pending.
fn is_certain(pod: &Pending) -> bool {
    millionths(&pod.probability) == Some(1_000_000) && !pod.approximate
}

/// The probability that a replica stays pending, in percent.
pub(crate) fn pending_percent(pod: &Pending) -> String {
    let about = if pod.approximate { "about " } else { "" };
    format!("{about}{}", percent(millionths(&pod.probability).unwrap_or(0)))
}

/// Reads a probability as it is written, in millionths. None if it is not one.
fn millionths(text: &str) -> Option<u32> {
    let (whole, places) = text.split_once('.')?;
    let digits = whole.len() == 1 && places.len() == 6;
    digits.then(|| format!("{whole}{places}").parse().ok()).flatten()
}

fn uncertain_card(target: &Target, gpu: &GpuTarget, start: Start<'_>) -> String {
    let unit = target.resource_id;
    let names = |kinds: Vec<GpuKind>| kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut line = match gpu.kinds.as_slice() {
        [one] if one.kind.kind().is_known() => format!("Unit {unit} is priced as {}", one.kind.kind()),
        [one] => format!("Unit {unit} is priced as {}, of which not everything is known", one.kind.kind()),
        several => likely_cards(target, gpu, start).unwrap_or_else(|| {
            let kinds = names(several.iter().map(|candidate| candidate.kind.kind()).collect());
            match start {
                Start::Never => format!("Unit {unit} stays pending; with room it may get one of {kinds}"),
                Start::NotPredicted => format!("Where unit {unit} starts is not known; it may get one of {kinds}"),
                _ => format!("Unit {unit} may start where it gets one of {kinds}"),
            }
        }),
    };
    if !gpu.others.is_empty() {
        let others = names(gpu.others.iter().map(Kind::kind).collect());
        let _ = write!(line, "; Kubernetes could also hand out {others}, which the order does not ask for");
    }
    line + "."
}

/// A kind with its probability.
struct LikelyKind<'a> {
    candidate: &'a Candidate,
    millionths: u32,
}

/// What a unit gets, the likeliest kind first. None if probabilities are not known, or no kind is likely.
fn likely_cards(target: &Target, gpu: &GpuTarget, start: Start<'_>) -> Option<String> {
    let pending = start.words()?;
    let known = |candidate| Some(LikelyKind { candidate, millionths: millionths(candidate.probability.as_deref()?)? });
    let kinds: Vec<LikelyKind<'_>> = gpu.kinds.iter().map(known).collect::<Option<_>>()?;
    let (mut likely, unlikely): (Vec<_>, Vec<_>) = kinds.into_iter().partition(|kind| kind.millionths > 0);
    likely.sort_by_key(|kind| std::cmp::Reverse(kind.millionths));
    let words = CardWords { is_single: target.count == 1, about: if gpu.approximate { "about " } else { "" } };
    let possible = words.possible(&unlikely);
    let unit = target.resource_id;
    let who = if words.is_single { format!("Unit {unit} gets") } else { format!("Each replica of unit {unit} gets") };
    let mean = if words.is_single { String::new() } else { format!(", as the mean of {} replicas", target.count) };
    let (first, others) = likely.split_first()?;
    let certainty = format!("{}{} likely{mean}", words.about, percent(first.millionths));
    let cards = match (others, possible) {
        ([], None) => format!("{who} {} ({certainty})", words.kind(first)),
        ([], Some(possible)) => format!("{who} {} ({certainty}; {possible})", words.kind(first)),
        (others, possible) => {
            let possible = possible.map(|possible| format!("; {possible}")).unwrap_or_default();
            format!("{who} {} ({certainty}){}{possible}", words.kind(first), words.alternatives(others))
        }
    };
    Some(cards + &pending)
}

/// How the kinds of a unit are named.
struct CardWords {
    /// Whether the unit has one replica. Then nodes are named.
    is_single: bool,
    /// `about `, if probabilities are approximate.
    about: &'static str,
}

impl CardWords {
    /// A kind and where it is, such as `a100 80Gi sxm on n4`.
    fn kind(&self, kind: &LikelyKind<'_>) -> String {
        let Candidate { kind, node, nodes, .. } = kind.candidate;
        let described = kind.kind();
        let ram = described.ram().unwrap_or("(RAM unknown)");
        let parts = [Some(described.model()), Some(ram), described.interface()];
        let words = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        match (node, nodes) {
            (Some(node), 1) if self.is_single => format!("{words} on {node}"),
            (Some(_), 2..) if self.is_single => format!("{words} on one of {nodes} nodes"),
            _ => words,
        }
    }

    /// The kinds after the likeliest one, such as ` or a100 40Gi pcie on n1 (33.3 %)`.
    fn alternatives(&self, kinds: &[LikelyKind<'_>]) -> String {
        let (named, rest) =
            kinds.split_at_checked(MOST_NAMED).filter(|(_, rest)| rest.len() > 1).unwrap_or((kinds, &[]));
        let mut words: Vec<String> = named
            .iter()
            .map(|kind| format!("{} ({}{})", self.kind(kind), self.about, percent(kind.millionths)))
            .collect();
        if !rest.is_empty() {
            let sum = rest.iter().map(|kind| kind.millionths).fold(0, u32::saturating_add);
            words.push(format!("one of {} other kinds ({}{})", rest.len(), self.about, percent(sum)));
        }
        let last = words.pop().unwrap_or_default();
        let before: String = words.iter().map(|words| format!(", {words}")).collect();
        format!("{before} or {last}")
    }

    /// The kinds that Kubernetes would not hand out as the cluster is now. None if there are none.
    fn possible(&self, kinds: &[LikelyKind<'_>]) -> Option<String> {
        let (named, rest) =
            kinds.split_at_checked(MOST_NAMED).filter(|(_, rest)| rest.len() > 1).unwrap_or((kinds, &[]));
        let mut words: Vec<String> = named.iter().map(|kind| self.kind(kind)).collect();
        if !rest.is_empty() {
            words.push(format!("{} other kinds", rest.len()));
        }
        let last = words.pop()?;
        let (all, are) =
            if words.is_empty() { (last, "is") } else { (format!("{} and {last}", words.join(", ")), "are") };
        Some(format!("{all} {are} possible if the cluster changes first"))
    }
}

/// A probability in percent.
fn percent(millionths: u32) -> String {
    Probability::new(millionths.into(), 1_000_000).percent()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn kind(ram: &str, probability: &str) -> Value {
        json!({"vendor": "nvidia", "model": "a100", "ram": ram, "interface": "sxm", "probability": probability})
    }

    /// The sentence about a unit. Each kind is `RAM probability node nodes`.
    fn said(count: u32, approximate: bool, kinds: &[&str]) -> String {
        said_with(None, count, approximate, kinds)
    }

    /// The sentence about a unit, of which a replica may stay pending with a probability.
    fn said_with(pending: Option<(u32, &str)>, count: u32, approximate: bool, kinds: &[&str]) -> String {
        let parts: Vec<Vec<&str>> = kinds.iter().map(|text| text.split(' ').collect()).collect();
        let listed: Vec<Value> = parts.iter().map(|parts| kind(parts[0], parts[1])).collect();
        let gpu = json!({"units": 1, "cards": [], "kinds": listed, "approximate": approximate});
        let target = json!({"resource_id": 1, "count": count, "nodes": [], "gpu": gpu});
        let mut target: Target = serde_json::from_value(target).unwrap();
        let gpu = target.gpu.as_mut().unwrap();
        for (candidate, parts) in gpu.kinds.iter_mut().zip(&parts) {
            candidate.node = Some(parts[2].to_owned());
            candidate.nodes = parts[3].parse().unwrap();
        }
        let pending = pending.map(|(replica, probability)| Pending {
            resource_id: 1,
            replica,
            probability: probability.to_owned(),
            approximate,
            lacks: Vec::new(),
        });
        uncertain_cards(&[target], pending.as_ref()).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_likely_card_is_said_as_a_person_would() {
        let one = said(1, false, &["40Gi 0.000000 n2 1", "80Gi 1.000000 n4 1"]);
        let expected = "Unit 1 gets a100 80Gi sxm on n4 (100 % likely; a100 40Gi sxm on n2 is possible if the cluster \
                        changes first).";
        assert_eq!(one, expected);
        let two = said(1, false, &["40Gi 0.333333 n2 1", "80Gi 0.666667 n4 2"]);
        assert_eq!(two, "Unit 1 gets a100 80Gi sxm on one of 2 nodes (66.7 % likely) or a100 40Gi sxm on n2 (33.3 %).");
        let three = said(1, true, &["40Gi 0.250000 n2 1", "80Gi 0.750000 n4 1", "20Gi 0.000000 n5 3"]);
        let expected = "Unit 1 gets a100 80Gi sxm on n4 (about 75 % likely) or a100 40Gi sxm on n2 (about 25 %); a100 \
                        20Gi sxm on one of 3 nodes is possible if the cluster changes first.";
        assert_eq!(three, expected);
        let replicas = said(3, false, &["40Gi 0.333333 n2 1", "80Gi 0.666667 n4 1"]);
        let expected = "Each replica of unit 1 gets a100 80Gi sxm (66.7 % likely, as the mean of 3 replicas) or a100 40Gi \
                        sxm (33.3 %).";
        assert_eq!(replicas, expected);
    }

    #[test]
    fn many_kinds_are_counted_and_small_probabilities_are_not_nothing() {
        let likely = ["1Gi 0.400000 n1 1", "2Gi 0.300000 n2 1", "3Gi 0.100000 n3 1", "4Gi 0.100000 n4 1"];
        let many = said(1, false, &[&likely[..], &["5Gi 0.060000 n5 1", "6Gi 0.040000 n6 1"]].concat());
        let expected = "Unit 1 gets a100 1Gi sxm on n1 (40 % likely), a100 2Gi sxm on n2 (30 %), a100 3Gi sxm on n3 (10 \
                        %), a100 4Gi sxm on n4 (10 %) or one of 2 other kinds (10 %).";
        assert_eq!(many, expected);
        let unlikely = ["2Gi", "3Gi", "4Gi", "5Gi", "6Gi"].map(|ram| format!("{ram} 0.000000 n9 1"));
        let unlikely: Vec<&str> = unlikely.iter().map(String::as_str).collect();
        let changes = said(1, false, &[&["1Gi 1.000000 n1 1"][..], &unlikely].concat());
        let expected = "Unit 1 gets a100 1Gi sxm on n1 (100 % likely; a100 2Gi sxm on n9, a100 3Gi sxm on n9, a100 4Gi \
                        sxm on n9 and 2 other kinds are possible if the cluster changes first).";
        assert_eq!(changes, expected);
        let close = said(1, false, &["1Gi 0.999999 n1 1", "2Gi 0.000001 n2 1"]);
        assert_eq!(close, "Unit 1 gets a100 1Gi sxm on n1 (over 99.9 % likely) or a100 2Gi sxm on n2 (under 0.1 %).");
        let pending = said(1, false, &["1Gi 0.000000 n1 1", "2Gi 0.000000 n2 1"]);
        assert_eq!(pending, "Unit 1 may start where it gets one of nvidia/a100/1Gi/sxm, nvidia/a100/2Gi/sxm.");
    }

    #[test]
    fn what_stays_pending_is_not_said_to_get_a_card() {
        let kinds = ["1Gi 0.000000 n1 1", "2Gi 0.000000 n2 1"];
        let never = said_with(Some((1, "1.000000")), 1, false, &kinds);
        assert_eq!(
            never,
            "Unit 1 stays pending; with room it may get one of nvidia/a100/1Gi/sxm, nvidia/a100/2Gi/sxm."
        );
        let kinds = ["1Gi 0.400000 n1 1", "2Gi 0.200000 n2 1"];
        let some = said_with(Some((1, "0.400000")), 1, false, &kinds);
        let expected =
            "Unit 1 gets a100 1Gi sxm on n1 (40 % likely) or a100 2Gi sxm on n2 (20 %); it stays pending with 40 %.";
        assert_eq!(some, expected);
        let kinds = ["1Gi 0.500000 n1 1", "2Gi 0.000000 n2 1"];
        let second = said_with(Some((2, "1.000000")), 2, true, &kinds);
        let expected = "Each replica of unit 1 gets a100 1Gi sxm (about 50 % likely, as the mean of 2 replicas; a100 2Gi sxm \
                        is possible if the cluster changes first); replica 2 stays pending with about 100 %.";
        assert_eq!(second, expected);
    }
}
