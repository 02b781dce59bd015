//! Problems in card descriptions: RAM and interfaces in an unusual spelling, or that cannot be read.

use crate::gpu::GpuKind;
use crate::gpu::reading::whole_gi;
use crate::inventory::DescribedCard;
use crate::inventory::finding::Action;
use crate::text::{counted, excerpt, plural};

/// The problems of `number` cards with the same description.
///
/// [`Action::Clamped`] is for a text that has one certain reading. [`Action::Kept`] is for one that leaves the price of the
/// card uncertain.
pub(super) fn problems(card: &DescribedCard, number: u64) -> Vec<(String, Action)> {
    let DescribedCard { vendor, name, interface, memory_size } = card;
    let kind = GpuKind::described(vendor, name, memory_size, interface);
    let cards = format!("{} of `{}`", counted(number, "card"), excerpt(name));
    let (say, they) = (plural(number, "says", "say"), plural(number, "it", "they"));
    let cost = plural(number, "costs", "cost");
    let unknown = |what: &str, text: &str| {
        let which = match text.trim() {
            "" => format!("no {what}"),
            text => format!("`{}` for {what}, which cannot be read", excerpt(text)),
        };
        let problem = format!(
            "{cards} {say} {which}; {they} may be any variant of the model, so what {they} {cost} is not certain"
        );
        (problem, Action::Kept)
    };
    let mut problems = Vec::new();
    match kind.ram() {
        None => problems.push(unknown("RAM", memory_size)),
        Some(ram) if whole_gi(ram).is_none() => {
            let problem = format!(
                "{cards} {say} `{}` for RAM, which is not a known size of this model; it is priced as the nearest size that the \
                 rate card names for the model, and as unknown where there is none",
                excerpt(memory_size)
            );
            problems.push((problem, Action::Kept));
        }
        Some(ram) if ram != memory_size => {
            problems.push((
                format!("{cards} {say} `{}` for RAM; it is read as `{ram}`", excerpt(memory_size)),
                Action::Clamped,
            ));
        }
        Some(_) => {}
    }
    if kind.interface().is_none() {
        problems.push(unknown("interface", interface));
    }
    problems
}
