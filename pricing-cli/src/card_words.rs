//! The cards that a unit may get, in words: what the reserved node has may not be what Kubernetes hands out.

use std::fmt::Write as _;

use pricing_core::gpu::GpuKind;
use pricing_core::text::printable;

use crate::answered::{Candidate, GpuTarget, Kind, Target};
use crate::table::percent_of;
use crate::wording::wrap;

/// The most kinds that are named one by one.
const MOST_NAMED: usize = 3;

/// A sentence for each unit whose card is not certain.
pub(crate) fn uncertain_cards(targets: &[Target]) -> String {
    let gpus = targets.iter().filter_map(|target| Some((target, target.gpu.as_ref()?)));
    let uncertain = gpus.filter(|(_, gpu)| !gpu.certain && gpu.cards.iter().all(|cards| cards.known));
    uncertain.map(|(target, gpu)| wrap(&printable(&uncertain_card(target, gpu))) + "\n").collect()
}

/// Reads a probability as it is written, in millionths. None if it is not one.
pub(crate) fn millionths(text: &str) -> Option<u32> {
    let (whole, places) = text.split_once('.')?;
    let digits = whole.len() == 1 && places.len() == 6;
    digits.then(|| format!("{whole}{places}").parse().ok()).flatten()
}

fn uncertain_card(target: &Target, gpu: &GpuTarget) -> String {
    let unit = target.resource_id;
    let names = |kinds: Vec<GpuKind>| kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut line = match gpu.kinds.as_slice() {
        [one] if one.kind.kind().is_known() => format!("Unit {unit} is priced as {}", one.kind.kind()),
        [one] => format!("Unit {unit} gets {}, of which not everything is known", one.kind.kind()),
        several => likely_cards(target, gpu).unwrap_or_else(|| {
            let kinds = names(several.iter().map(|candidate| candidate.kind.kind()).collect());
            format!("Unit {unit} may start where it gets one of {kinds}")
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
fn likely_cards(target: &Target, gpu: &GpuTarget) -> Option<String> {
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
    Some(match (others, possible) {
        ([], None) => format!("{who} {} ({certainty})", words.kind(first)),
        ([], Some(possible)) => format!("{who} {} ({certainty}; {possible})", words.kind(first)),
        (others, possible) => {
            let possible = possible.map(|possible| format!("; {possible}")).unwrap_or_default();
            format!("{who} {} ({certainty}){}{possible}", words.kind(first), words.alternatives(others))
        }
    })
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

/// A probability in percent. What is possible is not said to be impossible, and what is not certain not to be certain.
fn percent(millionths: u32) -> String {
    match millionths {
        1..500 => "under 0.1 %".to_owned(),
        999_500..1_000_000 => "over 99.9 %".to_owned(),
        _ => percent_of(millionths),
    }
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
        uncertain_cards(&[target]).split_whitespace().collect::<Vec<_>>().join(" ")
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
}
