//! The model list: the RAM sizes that each model is sold with.
//!
//! The names and most of the sizes come from the network's provider configuration, the other sizes from the vendors.
//! The list is only used to tell which size a measured number of bytes stands for (a driver reports 81559 Mi for a card
//! with 80 Gi). A model does not have to be listed.

/// Vendor, model, and its sizes in Gi, ascending.
type Listed = (&'static str, &'static str, &'static [u64]);

/// The vendors of the network's cards.
pub(crate) const VENDORS: [&str; 3] = ["amd", "intel", "nvidia"];

/// Models whose sizes are not needed: their drivers report them exactly, or nobody has measured one yet.
const OTHERS: [(&str, &str); 14] = [
    ("amd", "mi350x"),
    ("amd", "mi355x"),
    ("amd", "rx7900xt"),
    ("amd", "rx7900xtx"),
    ("intel", "gaudi2"),
    ("intel", "gaudi3"),
    ("nvidia", "b100"),
    ("nvidia", "gb10"),
    ("nvidia", "gb200"),
    ("nvidia", "gb300"),
    ("nvidia", "h800"),
    ("nvidia", "titanrtx"),
    ("nvidia", "titanv"),
    ("nvidia", "titanxp"),
];

/// Sorted by vendor and model.
const MODELS: [Listed; 101] = [
    ("amd", "mi100", &[32]),
    ("amd", "mi210", &[64]),
    ("amd", "mi250", &[128]),
    ("amd", "mi250x", &[128]),
    ("amd", "mi300x", &[192]),
    ("amd", "mi325x", &[256]),
    ("amd", "mi50", &[16, 32]),
    ("amd", "mi60", &[32]),
    ("nvidia", "a10", &[24]),
    ("nvidia", "a100", &[40, 64, 80]),
    ("nvidia", "a16", &[16]),
    ("nvidia", "a2", &[16]),
    ("nvidia", "a30", &[24]),
    ("nvidia", "a40", &[48]),
    ("nvidia", "a4000", &[16]),
    ("nvidia", "a5000", &[24]),
    ("nvidia", "a6000", &[48]),
    ("nvidia", "a800", &[80]),
    ("nvidia", "b200", &[180, 192]),
    ("nvidia", "b300", &[288]),
    ("nvidia", "gh200", &[96, 144]),
    ("nvidia", "gt1030", &[2]),
    ("nvidia", "gtx1050", &[2, 3]),
    ("nvidia", "gtx1050ti", &[4]),
    ("nvidia", "gtx1060", &[3, 5, 6]),
    ("nvidia", "gtx1070", &[8]),
    ("nvidia", "gtx1070ti", &[8]),
    ("nvidia", "gtx1080", &[8]),
    ("nvidia", "gtx1080ti", &[11]),
    ("nvidia", "gtx1650", &[4]),
    ("nvidia", "gtx1650super", &[4]),
    ("nvidia", "gtx1650ti", &[4]),
    ("nvidia", "gtx1660", &[6]),
    ("nvidia", "gtx1660super", &[6]),
    ("nvidia", "gtx1660ti", &[6]),
    ("nvidia", "gtx960", &[2, 4]),
    ("nvidia", "gtx970", &[4]),
    ("nvidia", "gtx980", &[4]),
    ("nvidia", "gtx980ti", &[6]),
    ("nvidia", "h100", &[80, 94]),
    ("nvidia", "h200", &[141]),
    ("nvidia", "l4", &[24]),
    ("nvidia", "l40", &[48]),
    ("nvidia", "l40s", &[48]),
    ("nvidia", "m40", &[12, 24]),
    ("nvidia", "m4000", &[8]),
    ("nvidia", "mx150", &[2]),
    ("nvidia", "p100", &[12, 16]),
    ("nvidia", "p2000", &[4, 5]),
    ("nvidia", "p4", &[8]),
    ("nvidia", "p40", &[24]),
    ("nvidia", "p4000", &[8]),
    ("nvidia", "p5000", &[16]),
    ("nvidia", "p6000", &[24]),
    ("nvidia", "pro6000se", &[96]),
    ("nvidia", "pro6000we", &[96]),
    ("nvidia", "rtx2000ada", &[16]),
    ("nvidia", "rtx2000eada", &[16]),
    ("nvidia", "rtx2060", &[6, 12]),
    ("nvidia", "rtx2060super", &[8]),
    ("nvidia", "rtx2070", &[8]),
    ("nvidia", "rtx2070super", &[8]),
    ("nvidia", "rtx2080", &[8]),
    ("nvidia", "rtx2080super", &[8]),
    ("nvidia", "rtx2080ti", &[11]),
    ("nvidia", "rtx3050", &[6, 8]),
    ("nvidia", "rtx3060", &[8, 12]),
    ("nvidia", "rtx3060ti", &[8]),
    ("nvidia", "rtx3070", &[8]),
    ("nvidia", "rtx3070ti", &[8]),
    ("nvidia", "rtx3080", &[10, 12]),
    ("nvidia", "rtx3080ti", &[12]),
    ("nvidia", "rtx3090", &[24]),
    ("nvidia", "rtx3090ti", &[24]),
    ("nvidia", "rtx4000", &[8]),
    ("nvidia", "rtx4000ada", &[20]),
    ("nvidia", "rtx4000sffada", &[20]),
    ("nvidia", "rtx4060", &[8]),
    ("nvidia", "rtx4060ti", &[8, 16]),
    ("nvidia", "rtx4070", &[12]),
    ("nvidia", "rtx4070super", &[12]),
    ("nvidia", "rtx4070ti", &[12]),
    ("nvidia", "rtx4070tisuper", &[16]),
    ("nvidia", "rtx4080", &[16]),
    ("nvidia", "rtx4080super", &[16]),
    ("nvidia", "rtx4090", &[24]),
    ("nvidia", "rtx5000", &[16]),
    ("nvidia", "rtx5000ada", &[32]),
    ("nvidia", "rtx5060ti", &[8, 16]),
    ("nvidia", "rtx5070", &[12]),
    ("nvidia", "rtx5070ti", &[16]),
    ("nvidia", "rtx5080", &[16]),
    ("nvidia", "rtx5090", &[32]),
    ("nvidia", "rtx6000", &[24]),
    ("nvidia", "rtx6000ada", &[48]),
    ("nvidia", "rtx8000", &[48]),
    ("nvidia", "rtxa2000", &[6, 12]),
    ("nvidia", "rtxa4000", &[16]),
    ("nvidia", "rtxa6000", &[48]),
    ("nvidia", "t4", &[16]),
    ("nvidia", "v100", &[16, 32]),
];

/// The sizes of a model in Gi, ascending. Empty for a model that is not listed.
pub(super) fn sizes(vendor: &str, model: &str) -> &'static [u64] {
    let place = MODELS.binary_search_by(|(listed, name, _)| (*listed, *name).cmp(&(vendor, model)));
    place.ok().and_then(|place| MODELS.get(place)).map_or(&[], |(_, _, sizes)| sizes)
}

/// The names of all models that are known, of every vendor.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let others = OTHERS.iter().map(|(_, name)| *name);
    MODELS.iter().map(|(_, name, _)| *name).chain(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_list_is_sorted_and_every_size_is_found() {
        assert!(MODELS.is_sorted_by(|one, next| (one.0, one.1) < (next.0, next.1)));
        for (vendor, model, listed) in MODELS {
            assert!(!listed.is_empty() && listed.is_sorted_by(|one, next| one < next), "{model}");
            assert_eq!(sizes(vendor, model), listed);
        }
        assert_eq!(sizes("nvidia", "nothing"), [0_u64; 0]);
    }
}
