//! A look at the nodes that pulls ask, for `bidprice doctor`.

use pricing_market::rest::latest;

use super::Plan;
use crate::clock::{ClockReading, ClockSource};

/// What a node of the chain answered.
#[derive(Clone, Debug)]
pub struct NodeReading {
    /// Its host.
    pub host: String,
    /// The height of its highest block, or why it told none.
    pub height: Result<u64, String>,
    /// The times of day that came with the answer.
    pub clocks: Vec<ClockReading>,
}

/// Asks every node of a plan once for its highest block.
///
/// # Errors
/// When nobody can be asked on this system, with the cause.
pub async fn look_at_nodes(plan: &Plan) -> Result<Vec<NodeReading>, String> {
    let answers = latest(&plan.nodes).await.map_err(|error| error.to_string())?;
    Ok(answers.into_iter().map(|(host, answer)| reading(host, answer)).collect())
}

fn reading(host: String, answer: Result<pricing_market::rest::Latest, String>) -> NodeReading {
    let clocks = answer.iter().flat_map(|latest| {
        let told = [(ClockSource::Server, latest.date), (ClockSource::Block, Some(latest.time))];
        let here = latest.here;
        let teller = host.clone();
        told.into_iter()
            .filter_map(move |(source, told)| Some(ClockReading { teller: teller.clone(), source, told: told?, here }))
    });
    let clocks = clocks.collect();
    NodeReading { height: answer.map(|latest| latest.height), clocks, host }
}
