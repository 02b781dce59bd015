//! What the shadow made of the decisions in a log, by GPU kind.

use crate::bid_log::entry::{Damage, Entry, Shadowed};
use crate::bid_log::read::{Log, Place};
use crate::comparison::{Pair, Summary};

/// The most lines that could not be read that are named.
const PROBLEMS: usize = 20;

/// Everything that the shadow made of a log's decisions.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The first answer of each pair is the one that was given.
    pub summary: Summary,
    /// When the first was made.
    pub first: Option<String>,
    /// When the last was made.
    pub last: Option<String>,
    /// Lines that could not be read.
    pub damaged: u64,
    /// The first of them.
    pub problems: Vec<(Place, Damage)>,
}

/// Reads a log.
#[must_use]
pub fn report(log: &Log) -> Report {
    let mut report = Report::default();
    for (place, line) in log.lines() {
        match line {
            Ok(Entry::Shadow(shadowed)) => report.add(&shadowed),
            Ok(_) => {}
            // As a crash leaves it, or being written.
            Err(Damage::Cut) => {}
            Err(damage) => {
                report.damaged = report.damaged.saturating_add(1);
                if report.problems.len() < PROBLEMS {
                    report.problems.push((place, damage));
                }
            }
        }
    }
    report
}

impl Report {
    fn add(&mut self, shadowed: &Shadowed) {
        let Shadowed { time, decision, order_id, group, gpu, answered, shadow, .. } = shadowed;
        if self.first.is_none() {
            self.first = Some(time.clone());
        }
        self.last = Some(time.clone());
        self.summary.add(gpu, answered, shadow, |usd| Pair {
            sequence: *decision,
            order_id: order_id.as_ref().map(ToString::to_string),
            group: group.name.clone(),
            gpu: gpu.clone(),
            before: answered.clone(),
            after: shadow.clone(),
            usd,
        });
    }
}
