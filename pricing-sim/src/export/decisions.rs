//! Exports one row per run, strategy and order.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use pricing_core::money::{Price, Usd};

use super::{Column, ExportError, Kind, PRICE, RowsFile, USD, Value};
use crate::sweep::Detailed;

/// A file of decisions. Runs are accepted from any thread in any order, and written in order of their index.
#[derive(Debug)]
pub struct DecisionsFile {
    state: Mutex<State>,
    turn: Condvar,
    /// How many runs may be held in memory while an earlier one is missing.
    ahead: usize,
}

#[derive(Debug)]
struct State {
    file: Option<RowsFile>,
    next: usize,
    waiting: BTreeMap<usize, Detailed>,
    ended: bool,
}

impl DecisionsFile {
    /// Creates a file for runs, starting with the first. Up to `ahead` runs that are ahead of their turn are held in
    /// memory; a thread that brings another one waits.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path, ahead: usize) -> Result<Self, ExportError> {
        let file = Some(RowsFile::create(path, columns())?);
        let state = State { file, next: 0, waiting: BTreeMap::new(), ended: false };
        Ok(Self { state: Mutex::new(state), turn: Condvar::new(), ahead })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts a run. Writes it when it is its turn, along with those that waited for it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn take(&self, run: Detailed) -> Result<(), ExportError> {
        let place = run.result.run;
        let mut state = self.lock();
        while !state.ended && place > state.next.saturating_add(self.ahead) {
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.ended {
            return Ok(());
        }
        state.waiting.insert(place, run);
        let written = state.write_due();
        state.ended |= written.is_err();
        self.turn.notify_all();
        written
    }

    /// Stops all waiting: a run failed, and what comes after it is not written.
    pub fn abandon(&self) {
        self.lock().ended = true;
        self.turn.notify_all();
    }

    /// Completes the file. If runs are missing, no file is left.
    ///
    /// # Errors
    /// When any of it cannot be written. In that case no file is left.
    pub fn finish(self, runs: usize) -> Result<(), ExportError> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state.file {
            Some(file) if !state.ended && state.next == runs => file.finish(),
            _ => Ok(()),
        }
    }
}

impl State {
    fn write_due(&mut self) -> Result<(), ExportError> {
        while let Some(run) = self.waiting.remove(&self.next) {
            if let Some(file) = &mut self.file {
                write(file, &run)?;
            }
            self.next = self.next.saturating_add(1);
        }
        Ok(())
    }
}

fn columns() -> Vec<Column> {
    let columns = [
        ("run", Kind::Integer),
        ("cell", Kind::Integer),
        ("seed", Kind::Integer),
        ("strategy", Kind::Text),
        ("order", Kind::Integer),
        ("id", Kind::Text),
        ("at_ms", Kind::Integer),
        ("outcome", Kind::Text),
        ("price", PRICE),
        ("denom", Kind::Text),
        ("usd_per_month", USD),
        ("own_usd_per_month", USD),
        ("max_usd", USD),
        ("best_other_usd", USD),
        ("margin_usd", USD),
        ("gpu", Kind::Text),
        ("node", Kind::Text),
        ("lease_ms", Kind::Integer),
        ("revenue_usd", USD),
    ];
    columns.map(|(name, kind)| Column::new(name, kind)).into()
}

/// Writes the rows of one run: per strategy, one for each order.
fn write(file: &mut RowsFile, run: &Detailed) -> Result<(), ExportError> {
    let result = &run.result;
    let first =
        [Value::count("run", result.run)?, Value::count("cell", result.cell)?, Value::count("seed", result.seed)?];
    let [place, cell, seed] = first;
    let usd = |usd: Option<Usd>| Value::decimal(usd.map(Usd::decimal));
    for outcome in &run.outcomes {
        for (order, (arrival, decided)) in run.stream.arrivals.iter().zip(&outcome.decided).enumerate() {
            let price = decided.price.as_ref();
            file.write(&[
                place,
                cell,
                seed,
                Value::Text(&outcome.run.name),
                Value::count("order", order)?,
                Value::Text(&arrival.id),
                Value::count("at_ms", arrival.at)?,
                Value::Text(decided.outcome.name()),
                Value::decimal(price.map(Price::amount)),
                price.map_or(Value::Missing, |price| Value::Text(price.denom().as_str())),
                usd(decided.usd_per_month),
                usd(decided.own_usd_per_month),
                usd(decided.max_usd),
                usd(decided.best_other_usd),
                usd(decided.margin_usd()),
                Value::Text(&decided.gpu),
                Value::Text(&decided.node),
                Value::count("lease_ms", decided.lease_ms)?,
                Value::Decimal(decided.revenue.decimal()),
            ])?;
        }
    }
    Ok(())
}
