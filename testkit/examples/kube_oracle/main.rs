//! Compares where we place pods with where kube-scheduler itself would: `cargo xtask oracle kube`.
//!
//! Its words are the program that `oracle/kube-scheduler` is built to, a number of cases, a seed, and the release of
//! Kubernetes, such as 1.34. Each case is a
//! random cluster and a random order that the provider's daemon would reserve. A difference is made smaller as long as
//! it remains one, and printed as a case that can be kept.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints")]

mod cases;
mod judge;
mod ours;
mod theirs;

use std::process::ExitCode;

use pricing_core::reserve::kubernetes::KubernetesVersion;
use testkit::random::Random;

use cases::Case;
use judge::{Judge, Verdict};

/// The most differences that are shown.
const SHOWN: usize = 3;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [program, cases, seed, version] = words.as_slice() else {
        eprintln!("usage: kube_oracle PROGRAM CASES SEED VERSION");
        return ExitCode::FAILURE;
    };
    let numbers = cases.parse().ok().zip(seed.parse().ok());
    let Some((cases, seed)) = numbers else {
        eprintln!("error: CASES and SEED are whole numbers");
        return ExitCode::FAILURE;
    };
    let Some(version) = KubernetesVersion::from_name(version) else {
        let known: Vec<&str> = KubernetesVersion::words().into_iter().map(|(word, _)| word).collect();
        eprintln!("error: how Kubernetes {version} scores is not known yet; known are {}", known.join(", "));
        return ExitCode::FAILURE;
    };
    match run(program, cases, seed, version) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How many cases came to what.
#[derive(Default)]
struct Counts {
    compared: u64,
    placements: u64,
    ties: u64,
    pending: u64,
    not_reserved: u64,
    too_many_ways: u64,
    different: usize,
}

fn run(program: &str, cases: u64, seed: u64, version: KubernetesVersion) -> Result<bool, String> {
    let mut judge = Judge::start(program)?;
    let mut random = Random::new(seed);
    let mut counts = Counts::default();
    while counts.compared < cases && counts.different < SHOWN {
        let case = Case::random(&mut random, version);
        match judge.compare(&case)? {
            Verdict::NotReserved => counts.not_reserved = counts.not_reserved.saturating_add(1),
            Verdict::TooManyWays => counts.too_many_ways = counts.too_many_ways.saturating_add(1),
            Verdict::Same { placements, ties, pending } => {
                counts.compared = counts.compared.saturating_add(1);
                counts.placements = counts.placements.saturating_add(placements);
                counts.ties = counts.ties.saturating_add(u64::from(ties));
                counts.pending = counts.pending.saturating_add(u64::from(pending));
            }
            Verdict::Different(_) => {
                counts.compared = counts.compared.saturating_add(1);
                counts.different = counts.different.saturating_add(1);
                show(&mut judge, case)?;
            }
        }
    }
    println!(
        "{} cases with {} placements compared, {} of them with ties and {} with a pod that fits nowhere: {} different\n\
         {} more were not reserved, {} had too many equally good ways",
        counts.compared,
        counts.placements,
        counts.ties,
        counts.pending,
        counts.different,
        counts.not_reserved,
        counts.too_many_ways
    );
    Ok(counts.different == 0)
}

/// Prints a difference, and the smallest case that was found to have one.
fn show(judge: &mut Judge, mut case: Case) -> Result<(), String> {
    let mut difference = String::new();
    let mut smaller = Some(case.clone());
    while let Some(next) = smaller {
        case = next;
        smaller = None;
        for candidate in case.smaller() {
            if let Verdict::Different(found) = judge.compare(&candidate)? {
                difference = found;
                smaller = Some(candidate);
                break;
            }
        }
    }
    if let Verdict::Different(found) = judge.compare(&case)? {
        difference = found;
    }
    println!("{difference}\n{}\n", case.json());
    Ok(())
}
