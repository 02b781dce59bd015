//! Asks kube-scheduler, and compares.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;

use crate::cases::Case;
use crate::ours::{self, Placed, Steps};
use crate::theirs;

/// What came of a case.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The daemon would not reserve the order, so that there are no pods.
    NotReserved,
    /// There were more equally good ways than are followed.
    TooManyWays,
    /// Both came to the same.
    Same { placements: u64, ties: bool, pending: bool },
    /// They did not.
    Different(String),
}

/// A running kube-scheduler program.
#[derive(Debug)]
pub(crate) struct Judge {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Answer {
    steps: Option<Vec<Step>>,
    pending: Option<Pending>,
    truncated: bool,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
struct Step {
    nodes: BTreeMap<String, String>,
    scores: Option<BTreeMap<String, i64>>,
}

#[derive(Deserialize)]
struct Pending {
    pod: u64,
    probability: String,
}

impl Judge {
    pub(crate) fn start(program: &str) -> Result<Self, String> {
        let child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("{program}: {error}"))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or("the program has no pipes")?;
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    pub(crate) fn compare(&mut self, case: &Case) -> Result<Verdict, String> {
        let Some(placed) = ours::place(case)? else { return Ok(Verdict::NotReserved) };
        let answer = self.ask(case, &placed)?;
        if answer.truncated || placed.is_approximate() {
            return Ok(Verdict::TooManyWays);
        }
        let steps = answer.steps.unwrap_or_default();
        let theirs: Steps = steps.iter().map(|step| millionths(&step.nodes)).collect();
        let pending = answer.pending.map(|pending| (pending.pod, one_in_millionths(&pending.probability)));
        let (our_steps, our_pending) = (placed.steps(), placed.pending());
        if (&our_steps, our_pending) == (&theirs, pending) {
            let placements = u64::try_from(theirs.len()).unwrap_or(u64::MAX);
            let ties = theirs.iter().any(|step| step.len() > 1);
            return Ok(Verdict::Same { placements, ties, pending: pending.is_some() });
        }
        let different = our_steps.iter().zip(&theirs).take_while(|(ours, theirs)| ours == theirs).count();
        let scores = steps.get(different).and_then(|step| step.scores.as_ref());
        Ok(Verdict::Different(format!(
            "pod {different}: we say {:?}, pending {our_pending:?}\nkube-scheduler {:?}, pending {pending:?}, scores \
             {scores:?}",
            our_steps.get(different),
            theirs.get(different),
        )))
    }

    fn ask(&mut self, case: &Case, placed: &Placed) -> Result<Answer, String> {
        let written = writeln!(self.input, "{}", theirs::case(case, placed));
        written.map_err(|error| format!("kube-scheduler: {error}"))?;
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| format!("kube-scheduler: {error}"))?;
        let answer: Answer = serde_json::from_str(&line).map_err(|error| format!("kube-scheduler: {error}: {line}"))?;
        if answer.error.is_empty() { Ok(answer) } else { Err(format!("kube-scheduler: {}", answer.error)) }
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn millionths(nodes: &BTreeMap<String, String>) -> BTreeMap<String, u32> {
    nodes.iter().map(|(node, probability)| (node.clone(), one_in_millionths(probability))).collect()
}

/// Reads a number with six decimals.
fn one_in_millionths(text: &str) -> u32 {
    text.replace('.', "").parse().unwrap_or(u32::MAX)
}
