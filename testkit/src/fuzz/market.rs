//! Targets that read what nodes of the chain answer.

use std::convert::Infallible;

use pricing_market::chain::answer::{self, Answer};
use pricing_market::chain::join::join;
use pricing_market::chain::records::Records;

use super::{Target, must, text};

/// All targets, by the name of their corpus.
pub const TARGETS: [(&str, Target); 1] = [("chain_answer", chain_answer)];

/// Whatever nodes answer, each fact counts once, and the history does not depend on the order of the answers.
pub fn chain_answer(data: &[u8]) {
    let Some(text) = text(data) else { return };
    // Reading borrows, and adding consumes: so it is read once for each time that it is added.
    let read = || answer::read(text).unwrap_or_default();
    let Ok(once) = history(read()) else { return };
    let again = history(read().into_iter().chain(read()));
    assert_eq!(must("a repeated answer was refused", again), once);
    let backwards = history(read().into_iter().rev());
    assert_eq!(must("the same answers were refused", backwards), once);
}

/// The lines of the history that answers make.
fn history<'a>(answers: impl IntoIterator<Item = Answer<'a>>) -> Result<Vec<String>, String> {
    let mut records = Records::default();
    for answer in answers {
        records.add(answer, 0).map_err(|error| error.to_string())?;
    }
    let mut lines = Vec::new();
    let joined = join(&records, None, |order| {
        lines.push(must("an order cannot be written", serde_json::to_string(&order)));
        Ok::<_, Infallible>(())
    });
    let summary = must("joining failed", joined);
    assert_eq!(u64::try_from(lines.len()).ok(), Some(summary.orders));
    Ok(lines)
}
