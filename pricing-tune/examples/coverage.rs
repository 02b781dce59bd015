//! Runs the coverage harness: `cargo xtask coverage [TRIALS]`.
//!
//! Its words are the trials, the resamples, and a part of a setting's name.

#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::process::ExitCode;

use pricing_tune::coverage::{Figures, Harness, SETTINGS, TRUTH_DAYS};

/// The resamples of a trial, as many as `bidprice tune` takes.
const RESAMPLES: u64 = 200;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let trials: u64 = words.next().and_then(|word| word.parse().ok()).unwrap_or(40);
    let resamples: u64 = words.next().and_then(|word| word.parse().ok()).unwrap_or(RESAMPLES);
    let only = words.next();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut met = true;
    for market in SETTINGS.iter().filter(|market| only.as_ref().is_none_or(|only| market.name.contains(only))) {
        match run(market, trials, (resamples, threads)) {
            Ok(figures) => met &= figures.missed().is_empty(),
            Err(error) => {
                println!("{}: {error}", market.name);
                met = false;
            }
        }
    }
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(
    market: &pricing_tune::coverage::Market,
    trials: u64,
    (resamples, threads): (u64, usize),
) -> Result<Figures, pricing_tune::TuneError> {
    let mut harness = Harness::new(market, TRUTH_DAYS, resamples)?;
    let (best, behind) = harness.best();
    println!("{}: best {best}, today {} earns {behind:.1} % less", market.name, market.current);
    let mut done = Vec::new();
    for number in 0..trials {
        let trial = harness.trial(number, threads)?;
        let (mean, low, high) = trial.gain;
        println!(
            "  {number}: {:?} {} {mean:.1} ({low:.1} to {high:.1}) truth {:.1}{}",
            trial.decision,
            trial.proposal,
            trial.truth,
            if trial.covers() { "" } else { " NOT COVERED" }
        );
        done.push(trial);
    }
    let figures = Figures::of(&done);
    println!(
        "  covered {}/{}, changes {}, losses {}, regret of the proposals {:.2} %, of the decisions {:.2} %, width {:.1}, \
         bias {:+.2}; missed: {:?}",
        figures.covered,
        figures.trials,
        figures.changed,
        figures.lost,
        figures.regret_of_proposals,
        figures.regret,
        figures.width,
        figures.bias,
        figures.missed()
    );
    Ok(figures)
}
