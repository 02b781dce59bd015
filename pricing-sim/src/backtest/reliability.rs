//! Whether predicted probabilities are right: of the bids with a predicted probability of 0.3, do 30 % win?

use serde::Serialize;

use super::figures::{count, rounded};

/// The number of rows of a reliability table.
const ROWS: usize = 10;

/// The bids with a predicted probability in a range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReliabilityRow {
    /// The lowest probability.
    pub from: f64,
    /// The next row's lowest.
    pub to: f64,
    /// The bids.
    pub bids: usize,
    /// The mean of their probabilities.
    pub predicted: f64,
    /// The share of them that won.
    pub won: f64,
}

/// Scores of the predicted probabilities, beside those of the share that had won before. Lower is better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// The mean squared difference from what happened (Brier's score).
    pub brier: f64,
    /// The same for the share that had won before the fold.
    pub brier_base_rate: f64,
    /// The mean negative logarithm of the probability of what happened. None where the model was certain of what did not
    /// happen, as `cheapest` can be.
    pub log_loss: Option<f64>,
    /// The same for the share that had won before the fold.
    pub log_loss_base_rate: f64,
}

/// The predictions of all folds.
#[derive(Clone, Debug, Default)]
pub(super) struct Predictions(Vec<Prediction>);

#[derive(Clone, Copy, Debug)]
struct Prediction {
    chance: f64,
    base_rate: f64,
    won: bool,
}

impl Predictions {
    pub(super) fn add(&mut self, chance: f64, base_rate: f64, won: bool) {
        self.0.push(Prediction { chance, base_rate, won });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The reliability table. Ranges without bids are left out.
    pub(super) fn rows(&self) -> Vec<ReliabilityRow> {
        let row = |row: usize| {
            let (from, to) = (count(row) / count(ROWS), count(row.saturating_add(1)) / count(ROWS));
            let last = row.saturating_add(1) == ROWS;
            let within = |one: &&Prediction| one.chance >= from && (one.chance < to || last);
            let bids: Vec<&Prediction> = self.0.iter().filter(within).collect();
            let mean = |sum: f64| rounded(sum / count(bids.len()), 4);
            (!bids.is_empty()).then(|| ReliabilityRow {
                from,
                to,
                bids: bids.len(),
                predicted: mean(bids.iter().map(|one| one.chance).sum()),
                won: mean(count(bids.iter().filter(|one| one.won).count())),
            })
        };
        (0..ROWS).filter_map(row).collect()
    }

    /// The scores. None without bids.
    pub(super) fn scores(&self) -> Option<Scores> {
        let mean = |of: &dyn Fn(&Prediction) -> f64| self.0.iter().map(of).sum::<f64>() / count(self.0.len());
        let squared =
            |chance: f64, won: bool| (chance - if won { 1.0 } else { 0.0 }) * (chance - if won { 1.0 } else { 0.0 });
        let loss = |chance: f64, won: bool| -libm::log(if won { chance } else { 1.0 - chance });
        let log_loss = mean(&|one| loss(one.chance, one.won));
        (!self.is_empty()).then(|| Scores {
            brier: rounded(mean(&|one| squared(one.chance, one.won)), 6),
            brier_base_rate: rounded(mean(&|one| squared(one.base_rate, one.won)), 6),
            log_loss: log_loss.is_finite().then(|| rounded(log_loss, 6)),
            log_loss_base_rate: rounded(mean(&|one| loss(one.base_rate, one.won)), 6),
        })
    }
}
