//! The report as one HTML file: the sentence, the curve, the doubts.

use maud::{Markup, html};
use pricing_sim::report::grouped;
use pricing_sim::report::page::{LineFigure, LinePoint, NamedLine, line_figure, page, shown};

use crate::answer::{cents, whole};
use crate::candidate::Space;
use crate::evaluate::float;
use crate::tune::{CurvePoint, Tuned};
use crate::words::headline;

/// What a report shows.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The name of the scenario.
    pub name: &'a str,
    /// What was varied.
    pub space: &'a Space,
    /// The short names of the keys.
    pub names: &'a [String],
    /// The outcome.
    pub tuned: &'a Tuned,
    /// What to doubt.
    pub doubts: &'a [String],
    /// The version of the program.
    pub version: &'a str,
}

impl Report<'_> {
    /// The page.
    #[must_use]
    pub fn html(&self) -> String {
        let headline = headline(self.space, self.names, self.tuned);
        let body = html! {
            section class="findings" {
                h2 { "What to do" }
                p { strong { (shown(&headline)) "." } }
                p { "The range is the 95 % interval. It was measured on resamples of the history that did not choose the rates. " (self.same()) }
            }
            @for (key, name) in self.names.iter().enumerate() {
                section {
                    h2 { "Along " (shown(name)) }
                    (self.curve(key, name))
                    (self.demand(key, name))
                }
            }
            section {
                h2 { "What to doubt" }
                ul { @for doubt in self.doubts { li { (shown(doubt)) } } }
            }
            section { p class="note" { "bidprice " (self.version) } }
        };
        page("Rates that earn more", self.name, &body)
    }

    /// The candidates that cannot be told from the proposal.
    fn same(&self) -> String {
        let number = self.tuned.indistinguishable.len();
        if number == 0 {
            return String::new();
        }
        let ends = (0..self.names.len()).zip(self.names).map(|(key, name)| {
            let values = || self.tuned.indistinguishable.iter().map(|candidate| candidate.value(key));
            let (low, high) = (values().min().unwrap_or_default(), values().max().unwrap_or_default());
            format!("{name} from {} to {}", grouped(&low.to_string()), grouped(&high.to_string()))
        });
        let ends: Vec<String> = ends.collect();
        format!("{number} of the values that were tried cannot be told from the proposal: {}.", ends.join(", "))
    }

    /// The points along a key, with the proposal's values for the other keys.
    fn line(&self, key: usize) -> Vec<&CurvePoint> {
        let mut line: Vec<&CurvePoint> =
            self.tuned.curve.iter().filter(|point| point.candidate.is_beside(&self.tuned.proposal, key)).collect();
        line.sort_by_key(|point| point.candidate.value(key));
        line
    }

    fn curve(&self, key: usize, name: &str) -> Markup {
        let points = self.line(key);
        let base = |point: &CurvePoint| point.earns - point.gain.mean;
        let at = |point: &&CurvePoint| LinePoint {
            x: float(point.candidate.value(key)),
            y: point.earns,
            ends: Some((base(point) + point.gain.low, base(point) + point.gain.high)),
        };
        let row = |point: &&CurvePoint| {
            let (low, high) = (cents(point.gain.low), cents(point.gain.high));
            vec![
                grouped(&point.candidate.value(key).to_string()),
                grouped(&cents(point.earns)),
                format!("{} to {}", grouped(&low), grouped(&high)),
                whole(point.won).to_string(),
                whole(point.orders).to_string(),
            ]
        };
        let line = NamedLine { name: name.to_owned(), points: points.iter().map(at).collect() };
        let across = format!("{name}, USD a month");
        line_figure(&LineFigure {
            id: &format!("curve-{key}"),
            title: self.tuned.objective.name(),
            unit: "USD over as many days as the history has; bars are the 95 % interval of the difference from today",
            description: "What each value earns in the replay of the history.",
            across: &across,
            lines: &[line],
            columns: &[name, "earns", "more than today", "won", "orders"],
            rows: &points.iter().map(row).collect::<Vec<_>>(),
        })
    }

    fn demand(&self, key: usize, name: &str) -> Markup {
        let points = self.line(key);
        let kinds: Vec<&str> =
            points.first().map_or_else(Vec::new, |point| point.kinds.iter().map(|kind| kind.kind.as_str()).collect());
        let at = |point: &&CurvePoint, kind: &str| {
            let of_kind = point.kinds.iter().find(|known| known.kind == kind);
            let y = of_kind.map_or(0.0, |of_kind| of_kind.won);
            LinePoint { x: float(point.candidate.value(key)), y, ends: None }
        };
        let line = |kind: &&str| NamedLine {
            name: kind_name(kind).to_owned(),
            points: points.iter().map(|point| at(point, kind)).collect(),
        };
        let row = |point: &&CurvePoint| {
            let values = kinds.iter().map(|kind| whole(at(point, kind).y).to_string());
            [grouped(&point.candidate.value(key).to_string())].into_iter().chain(values).collect()
        };
        let columns: Vec<&str> = [name].into_iter().chain(kinds.iter().map(|kind| kind_name(kind))).collect();
        line_figure(&LineFigure {
            id: &format!("demand-{key}"),
            title: "Demand by kind of card",
            unit: "orders won",
            description: "How many orders of each kind are won at each value.",
            across: &format!("{name}, USD a month"),
            lines: &kinds.iter().map(line).collect::<Vec<_>>(),
            columns: &columns,
            rows: &points.iter().map(row).collect::<Vec<_>>(),
        })
    }
}

/// The name of a kind of card in tables.
#[must_use]
pub fn kind_name(kind: &str) -> &str {
    if kind.is_empty() { "no cards" } else { kind }
}
