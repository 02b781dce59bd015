//! How an inventory's descriptions of RAM and interface are read.
//!
//! | RAM | is read as |
//! |---|---|
//! | `80Gi` | what it says |
//! | `80GB`, `80 GiB`, `80G` | `80Gi`: people write one for the other |
//! | `81920Mi`, bytes | `80Gi`, where it is that |
//! | `81559Mi`, `79.6GiB` | the nearest size that the model list knows, at most an eighth away; without one it stays, for a rate card to compare with its own sizes |
//! | anything else | unknown |
//!
//! An interface is `pcie`, `sxm` or `oam`, regardless of what follows the word (`SXM4`, `PCIe Gen4`). Anything else is
//! unknown.

use super::models;
use crate::quantity::Quantity;

const MI: u64 = 1 << 20;
const GI: u64 = 1 << 30;

/// The RAM of a card: whole Gi, or `<number>Mi` if the size is in no list. None if it cannot be read.
pub(super) fn ram(vendor: &str, model: &str, text: &str) -> Option<String> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(unit_at)?;
    let unit = unit.trim_start();
    // In Kubernetes, `M` is a million and `m` is a thousandth.
    let (unit, is_named) = match (unit, unit.to_ascii_lowercase().as_str()) {
        (_, "g" | "gb" | "gi" | "gib") => ("Gi", true),
        (_, "t" | "tb" | "ti" | "tib") => ("Ti", true),
        ("M", _) | (_, "mb" | "mi" | "mib") => ("Mi", false),
        (_, "kb" | "ki" | "kib") => ("Ki", false),
        ("", _) => ("", false),
        _ => return None,
    };
    let bytes = Quantity::parse(&format!("{number}{unit}")).ok().and_then(|size| u64::try_from(size.floor()).ok())?;
    let whole = (bytes.is_multiple_of(GI) && bytes > 0).then_some(bytes / GI);
    let listed = models::sizes(vendor, model);
    match whole {
        Some(size) if is_named || listed.is_empty() || listed.contains(&size) => Some(gi(size)),
        _ => match nearest(bytes, listed.iter().copied()) {
            Some(size) => Some(gi(size)),
            None => whole.map(gi).or_else(|| (bytes >= MI).then(|| format!("{}Mi", bytes / MI))),
        },
    }
}

/// The size in Gi that is nearest to a number of bytes; of two equally near ones the larger. None if all are more than
/// an eighth away, which no driver's overhead explains.
pub(crate) fn nearest(bytes: u64, sizes: impl Iterator<Item = u64>) -> Option<u64> {
    let distance = |size: &u64| size.saturating_mul(GI).abs_diff(bytes);
    let near = sizes.filter(|size| distance(size) <= size.saturating_mul(GI / 8));
    near.min_by_key(|size| (distance(size), std::cmp::Reverse(*size)))
}

/// A size in the form that kinds use.
pub(crate) fn gi(size: u64) -> String {
    format!("{size}Gi")
}

/// The RAM of a kind as a number of Gi, if it is whole.
pub(crate) fn whole_gi(ram: &str) -> Option<u64> {
    let number = ram.strip_suffix("Gi").filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))?;
    number.parse().ok()
}

/// The RAM of a kind in bytes, if it is not a whole number of Gi.
pub(crate) fn measured(ram: &str) -> Option<u64> {
    let number: u64 = ram.strip_suffix("Mi")?.parse().ok()?;
    number.checked_mul(MI)
}

/// The interface of a card. None if it cannot be read.
pub(super) fn interface(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let known = [("sxm", "sxm"), ("pci", "pcie"), ("oam", "oam")];
    known.into_iter().find(|(start, _)| text.starts_with(start)).map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ram_is_read_whatever_unit_it_is_written_in() {
        let read = |text: &str| ram("nvidia", "a100", text);
        for text in
            ["80Gi", "80GB", "80gb", "80 GiB", "80G", "81920Mi", "81920MiB", "85899345920", "81559Mi", "79.6GiB"]
        {
            assert_eq!(read(text).as_deref(), Some("80Gi"), "{text}");
        }
        assert_eq!(read("40536MiB").as_deref(), Some("40Gi"));
        // A size that is named in Gi is believed, whether or not the list has it.
        assert_eq!(read("96Gi").as_deref(), Some("96Gi"));
        for text in ["", " ", "unknown", "NVLink", "Gi", "0Gi", "80", "-80Gi", "80m", "80 apples", "1..5Gi", "１Gi"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_measured_size_that_no_list_knows_stays_as_it_was_measured() {
        assert_eq!(ram("nvidia", "x1", "81559Mi").as_deref(), Some("81559Mi"));
        assert_eq!(ram("nvidia", "x1", "81920Mi").as_deref(), Some("80Gi"));
        assert_eq!(ram("nvidia", "t4", "15360Mi").as_deref(), Some("16Gi"));
        // Between 48 and 64 Gi there is no a100; 52 Gi is too far from either.
        assert_eq!(ram("nvidia", "a100", "53000Mi").as_deref(), Some("53000Mi"));
    }

    #[test]
    fn of_two_sizes_that_are_as_near_the_larger_counts() {
        assert_eq!(nearest(45 << 30, [44, 46].into_iter()), Some(46));
        assert_eq!(nearest(45 << 30, [24, 80].into_iter()), None);
    }

    #[test]
    fn an_interface_is_known_by_how_it_begins() {
        for (text, read) in [("SXM4", "sxm"), ("sxm", "sxm"), ("PCIe", "pcie"), ("PCI-E Gen4", "pcie"), ("OAM", "oam")]
        {
            assert_eq!(interface(text).as_deref(), Some(read), "{text}");
        }
        for text in ["", "NVLink", "unknown", "Nothsure"] {
            assert_eq!(interface(text), None, "{text}");
        }
    }
}
