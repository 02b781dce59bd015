//! Reads card names as people write them: `A100 80GB SXM`, `NVIDIA GeForce RTX 4090`, `V100-SXM2-16GB`.

use pricing_core::gpu::{GpuKey, GpuKind};
use pricing_core::input::InputError;
use pricing_core::rates::{GpuRate, GpuRates};
use pricing_core::text::excerpt;

/// Words for the vendor.
const VENDORS: [&str; 3] = ["nvidia", "amd", "intel"];
/// Words that do not identify a card: brands, kinds of memory, and general terms.
const IDLE: [&str; 24] = [
    "geforce", "tesla", "quadro", "instinct", "radeon", "hbm", "hbm2", "hbm2e", "hbm3", "hbm3e", "gddr5", "gddr6",
    "gddr6x", "gddr7", "gpu", "gpus", "card", "graphics", "vram", "ram", "memory", "nvlink", "tensor", "core",
];
/// Units of RAM.
const UNITS: [&str; 4] = ["gb", "gib", "gi", "g"];
/// Prefixes of models that lists leave out.
const SERIES: [&str; 2] = ["rtx", "gtx"];

/// Reads the name of a card, which is a key of a rate card or a series of words. The vendor is `*` if the name has
/// none.
///
/// Each word is a vendor, an amount of RAM, an interface, a word that does not matter, or a part of the model. The
/// parts of the model are joined. A name that gives the RAM or the interface twice, or a number of cards, is an error.
pub(super) fn read(text: &str) -> Result<GpuKind, InputError> {
    let is_key = !text.contains(|c: char| c.is_whitespace() || c == '-' || c == '_' || c == '(');
    let malformed = || InputError::new(format_args!("`{}` is not the name of a card", excerpt(text)));
    if is_key {
        let kind = GpuKey::parse(text).map_err(InputError::new)?.card();
        return if gibibytes(kind.model()).is_none() { Ok(kind) } else { Err(malformed()) };
    }
    let lower = text.to_lowercase();
    let separates = |c: char| c.is_whitespace() || matches!(c, '-' | '_' | '(' | ')' | '/' | ',');
    let words: Vec<&str> = lower.split(separates).filter(|word| !word.is_empty()).collect();
    let (mut vendor, mut ram, mut interface) = (None, None, None);
    let mut model = String::new();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        let is_unit = words.peek().is_some_and(|next| UNITS.contains(next));
        if VENDORS.contains(&word) && vendor.is_none() {
            vendor = Some(word);
        } else if let Some(gi) = gibibytes(word).or_else(|| word.parse().ok().filter(|_| is_unit)) {
            if ram.replace(gi).is_some() {
                return Err(malformed().hint("it names its RAM twice"));
            }
            let _ = if gibibytes(word).is_none() { words.next() } else { None };
        } else if is_interface(word) {
            if interface.replace(word).is_some() {
                return Err(malformed().hint("it names its interface twice"));
            }
        } else if is_number_of_cards(word) {
            return Err(malformed().hint("give the price of one card"));
        } else if !IDLE.contains(&word) {
            if !word.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') {
                return Err(malformed());
            }
            model.push_str(word);
        }
    }
    if model.is_empty() {
        return Err(malformed().hint("name a model, such as `h100`"));
    }
    let ram = ram.map_or_else(String::new, |gi| format!("{gi}Gi"));
    Ok(GpuKind::new(vendor.unwrap_or("*"), &model, &ram, interface.unwrap_or("")))
}

/// Reads an amount of RAM such as `80gb`.
fn gibibytes(word: &str) -> Option<u32> {
    let end = word.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = word.split_at(end);
    UNITS.contains(&unit).then(|| number.parse().ok()).flatten()
}

/// Returns whether a word is a number of cards, such as `8x` or `x8`.
fn is_number_of_cards(word: &str) -> bool {
    let number = word.strip_suffix('x').or_else(|| word.strip_prefix('x'));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn is_interface(word: &str) -> bool {
    let version = |rest: &str| rest.bytes().all(|b| b.is_ascii_digit());
    word == "pcie" || word.strip_prefix("sxm").is_some_and(version)
}

/// Returns the kind with the rate card's spelling of its model. Spellings are equal if they differ only by punctuation,
/// or by a prefix such as `rtx`.
pub(super) fn as_listed(rates: &GpuRates, kind: &GpuKind) -> GpuKind {
    let bare = |model: &str| model.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    let listed = || rates.entries().iter().filter_map(GpuRate::model);
    if listed().any(|model| model == kind.model()) {
        return kind.clone();
    }
    let wanted = bare(kind.model());
    let unbranded = |model: &str| {
        let model = bare(model);
        SERIES.iter().find_map(|series| model.strip_prefix(series)).map_or(model.clone(), str::to_owned)
    };
    let found = listed().find(|model| bare(model) == wanted).or_else(|| {
        let mut alike = listed().filter(|model| unbranded(model) == unbranded(&wanted));
        // If several models match, none of them is chosen.
        alike.next().filter(|first| alike.all(|other| other == *first))
    });
    let model = found.unwrap_or(kind.model());
    GpuKind::new(kind.vendor(), model, kind.ram().unwrap_or(""), kind.interface().unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use pricing_core::money::Usd;

    use super::*;

    #[test]
    fn names_are_read_as_people_write_them() {
        for (text, kind) in [
            ("A100 80GB SXM", "*/a100/80Gi/sxm"),
            ("A100-SXM4-80GB", "*/a100/80Gi/sxm"),
            ("NVIDIA A100 80 GB PCIe", "nvidia/a100/80Gi/pcie"),
            ("RTX 4090", "*/rtx4090"),
            ("NVIDIA GeForce RTX 3060 Ti", "nvidia/rtx3060ti"),
            ("GTX 1070 Ti", "*/gtx1070ti"),
            ("Tesla T4", "*/t4"),
            ("H100 80GB HBM3", "*/h100/80Gi"),
            ("H100 SXM5", "*/h100/*/sxm"),
            ("AMD Instinct MI300X", "amd/mi300x"),
            ("RTX A6000 (48GB)", "*/rtxa6000/48Gi"),
            ("h100.80Gi.sxm5", "*/h100/80Gi/sxm"),
            ("h100/80Gi", "*/h100/80Gi"),
            ("nvidia/t4", "nvidia/t4"),
            ("a100", "*/a100"),
        ] {
            let name = read(text).map(|kind| kind.to_string());
            assert_eq!(name.map_err(|error| error.to_string()), Ok(kind.to_owned()), "{text}");
        }
        for text in ["NVIDIA GPU", "80GB", "A100 40GB 80GB", "A100 SXM PCIe", "A100 €", "- -", "8x H100"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_model_is_the_rate_cards_where_only_its_spelling_differs() {
        let mut rates = GpuRates::default();
        for key in ["rtx4090", "rtx-6000-ada", "a100"] {
            rates.add(GpuRate::new(key, Usd::ZERO).unwrap()).unwrap();
        }
        for (written, model) in [
            ("RTX 4090", "rtx4090"),
            ("4090", "rtx4090"),
            ("RTX 6000 Ada", "rtx-6000-ada"),
            ("a100", "a100"),
            ("h100", "h100"),
        ] {
            assert_eq!(as_listed(&rates, &read(written).unwrap()).model(), model, "{written}");
        }
    }
}
