//! Reports the shadow's results in a log, by GPU kind.

use crate::bid_log::entry::{Damage, Entry, Shadowed};
use crate::bid_log::read::{Log, Place};
use crate::comparison::{Pair, Summary};

/// The most damaged lines that are listed.
const PROBLEMS: usize = 20;

/// The shadow's results in a log.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The differences. The first answer of each pair is the one that was given.
    pub summary: Summary,
    /// The time of the first result.
    pub first: Option<String>,
    /// The time of the last result.
    pub last: Option<String>,
    /// The number of damaged lines.
    pub damaged: u64,
    /// The first damaged lines.
    pub problems: Vec<(Place, Damage)>,
}

/// Reads a log, and sums up the shadow's results.
#[must_use]
pub fn report(log: &Log) -> Report {
    let mut report = Report::default();
    for (place, line) in log.lines() {
        match line {
            Ok(Entry::Shadow(shadowed)) => report.add(&shadowed),
            Ok(_) => {}
            // A crash has left this line, or it is being written.
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
