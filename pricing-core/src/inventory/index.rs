//! What a search reads of a cluster, laid out for it: where each model of card is, and what each node has free.

use std::collections::BTreeMap;

use super::{Card, CardId, Node};

/// Storage classes that are kept as bits; those beyond are compared by name.
const CLASS_BITS: usize = 64;

/// The search's view of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    free: Vec<Free>,
    models: Vec<ModelNodes>,
    classes: Vec<String>,
    /// By node's place, the described cards that are left to give, for nodes where cards are held back.
    kept: BTreeMap<usize, Vec<CardId>>,
    /// The distinct outfits of nodes.
    outfits: Vec<Outfit>,
    /// Each node's outfit, by its place in `outfits`.
    outfit_of: Vec<usize>,
}

/// The cards that a node describes, as nodes of one make have them alike: each distinct description with how many there
/// are, in the node's order. Nothing is held back of them: which of its cards a node hands out is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outfit {
    /// The descriptions and their numbers.
    pub(crate) cards: Vec<(CardId, u64)>,
}

/// What a node has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Free {
    /// Thousandths of a thread.
    pub(crate) cpu: u64,
    /// Bytes.
    pub(crate) memory: u64,
    /// Bytes.
    pub(crate) ephemeral: u64,
    /// Cards, by count.
    pub(crate) gpus: u64,
    /// Host channel adapters.
    pub(crate) hcas: u64,
    /// Storage classes, as bits of [`Index::class_bit`].
    pub(crate) classes: u64,
}

/// A vendor's model of card, and the nodes that have one to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelNodes {
    /// The vendor, as kinds have it.
    pub(crate) vendor: String,
    /// The model, as kinds have it.
    pub(crate) model: String,
    /// Its descriptions, ascending.
    pub(crate) cards: Vec<CardId>,
    /// Nodes that describe such a card and have any card free, ascending.
    pub(crate) nodes: Vec<ModelNode>,
    /// Every node that describes such a card, ascending: those that Kubernetes has labelled with the model.
    pub(crate) labelled: Vec<usize>,
}

/// A node with cards of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ModelNode {
    /// The node, by its place in the cluster.
    pub(crate) node: usize,
    /// How many cards of the model are described there, without those that are held back.
    pub(crate) cards: u64,
}

impl Index {
    /// Indexes nodes and their cards; `kept` has what is left of the cards of nodes where some are held back.
    pub(super) fn new(nodes: &[Node], cards: &[Card], kept: BTreeMap<usize, Vec<CardId>>) -> Self {
        let mut models: BTreeMap<(&str, &str), Vec<CardId>> = BTreeMap::new();
        for (id, card) in (0..).map(CardId).zip(cards) {
            models.entry((card.kind.vendor(), card.kind.model())).or_default().push(id);
        }
        let mut index = Self {
            free: Vec::with_capacity(nodes.len()),
            models: models
                .into_iter()
                .map(|((vendor, model), cards)| ModelNodes {
                    vendor: vendor.to_owned(),
                    model: model.to_owned(),
                    cards,
                    nodes: Vec::new(),
                    labelled: Vec::new(),
                })
                .collect(),
            classes: Vec::new(),
            kept,
            outfits: Vec::new(),
            outfit_of: Vec::with_capacity(nodes.len()),
        };
        let model_of = index.models_of(cards.len());
        index.label(nodes, &model_of);
        for (place, node) in nodes.iter().enumerate() {
            index.add(place, node, &model_of);
        }
        index
    }

    /// Says which nodes have which label, and which are equipped alike. Neither changes with what is free.
    fn label(&mut self, nodes: &[Node], model_of: &[usize]) {
        let mut outfits: BTreeMap<&[CardId], usize> = BTreeMap::new();
        for (place, node) in nodes.iter().enumerate() {
            let next = self.outfits.len();
            let outfit = *outfits.entry(&node.cards).or_insert(next);
            if outfit == next {
                self.outfits.push(Outfit::new(&node.cards));
            }
            self.outfit_of.push(outfit);
            let cards = self.outfits.get(outfit).map_or(&[] as &[_], |outfit| &outfit.cards);
            for model in cards.iter().filter_map(|(card, _)| model_of.get(card.place()).copied()) {
                let Some(labelled) = self.models.get_mut(model).map(|model| &mut model.labelled) else { continue };
                if labelled.last() != Some(&place) {
                    labelled.push(place);
                }
            }
        }
    }

    fn add(&mut self, place: usize, node: &Node, model_of: &[usize]) {
        let mut classes = 0;
        for class in &node.storage_classes {
            if self.classes.len() < CLASS_BITS && !self.classes.contains(class) {
                self.classes.push(class.clone());
            }
            classes |= self.class_bit(class).unwrap_or(0);
        }
        self.free.push(Free {
            cpu: node.cpu.available.get(),
            memory: node.memory.available.get(),
            ephemeral: node.ephemeral.available.get(),
            gpus: node.gpus.available,
            hcas: node.hcas.available,
            classes,
        });
        if node.gpus.available == 0 {
            return;
        }
        for card in self.kept.get(&place).unwrap_or(&node.cards) {
            let model = usize::try_from(card.0).ok().and_then(|id| model_of.get(id)).copied();
            let Some(model) = model.and_then(|model| self.models.get_mut(model)) else { continue };
            match model.nodes.last_mut() {
                Some(last) if last.node == place => last.cards = last.cards.saturating_add(1),
                _ => model.nodes.push(ModelNode { node: place, cards: 1 }),
            }
        }
    }

    /// By card description, the place of its model in [`Self::models`].
    pub(super) fn models_of(&self, cards: usize) -> Vec<usize> {
        let mut models = vec![usize::MAX; cards];
        for (place, model) in self.models.iter().enumerate() {
            for card in &model.cards {
                if let Some(slot) = models.get_mut(card.place()) {
                    *slot = place;
                }
            }
        }
        models
    }

    /// Has the index say what a node has left now. `kept` has the cards that it has left to give, where these are not all.
    pub(super) fn refresh(&mut self, place: usize, node: &Node, kept: Option<Vec<CardId>>, model_of: &[usize]) {
        if let Some(free) = self.free.get_mut(place) {
            free.cpu = node.cpu.available.get();
            free.memory = node.memory.available.get();
            free.ephemeral = node.ephemeral.available.get();
            free.gpus = node.gpus.available;
            free.hcas = node.hcas.available;
        }
        match kept {
            Some(kept) => self.kept.insert(place, kept),
            None => self.kept.remove(&place),
        };
        let mut counts: Vec<(usize, u64)> = Vec::new();
        let model = |card: &CardId| model_of.get(card.place()).copied();
        for model in node.cards.iter().filter_map(model) {
            if counts.iter().all(|(known, _)| *known != model) {
                counts.push((model, 0));
            }
        }
        if node.gpus.available > 0 {
            for model in self.kept.get(&place).unwrap_or(&node.cards).iter().filter_map(model) {
                if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == model) {
                    *count = count.saturating_add(1);
                }
            }
        }
        for (model, cards) in counts {
            let Some(nodes) = self.models.get_mut(model).map(|model| &mut model.nodes) else { continue };
            match (nodes.binary_search_by_key(&place, |entry| entry.node), cards) {
                (Ok(at), 0) => {
                    nodes.remove(at);
                }
                (Ok(at), cards) => {
                    if let Some(entry) = nodes.get_mut(at) {
                        entry.cards = cards;
                    }
                }
                (Err(_), 0) => {}
                (Err(at), cards) => nodes.insert(at, ModelNode { node: place, cards }),
            }
        }
    }

    /// What each node has left, in the cluster's order.
    pub(crate) fn free(&self) -> &[Free] {
        &self.free
    }

    /// What is left of the cards of nodes where some are held back, by the nodes' places.
    pub(super) fn kept_cards(&self) -> &BTreeMap<usize, Vec<CardId>> {
        &self.kept
    }

    /// Every model of card, by vendor and model.
    pub(crate) fn models(&self) -> &[ModelNodes] {
        &self.models
    }

    /// A node's outfit, by its place in [`Self::outfits`].
    pub(crate) fn outfit_of(&self, node: usize) -> Option<usize> {
        self.outfit_of.get(node).copied()
    }

    /// The distinct outfits of nodes.
    pub(crate) fn outfits(&self) -> &[Outfit] {
        &self.outfits
    }

    /// The place of a model in [`Self::models`].
    pub(crate) fn model(&self, vendor: &str, model: &str) -> Option<usize> {
        self.models.binary_search_by(|entry| (entry.vendor.as_str(), entry.model.as_str()).cmp(&(vendor, model))).ok()
    }

    /// The bit of a storage class in [`Free::classes`], for classes that some node has and that are kept as bits.
    pub(crate) fn class_bit(&self, class: &str) -> Option<u64> {
        let place = self.classes.iter().position(|known| known == class)?;
        1_u64.checked_shl(u32::try_from(place).ok()?)
    }
}

impl Outfit {
    fn new(described: &[CardId]) -> Self {
        let mut cards: Vec<(CardId, u64)> = Vec::new();
        for id in described {
            match cards.iter_mut().find(|(known, _)| known == id) {
                Some((_, number)) => *number = number.saturating_add(1),
                None => cards.push((*id, 1)),
            }
        }
        Self { cards }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Capacity, ClusterBuilder, DescribedCard};
    use super::*;

    #[test]
    fn models_list_the_nodes_that_have_a_card_to_give() {
        let mut builder = ClusterBuilder::default();
        let mut card = |name: &str, interface: &str| {
            builder.card(DescribedCard {
                vendor: "nvidia".to_owned(),
                name: name.to_owned(),
                interface: interface.to_owned(),
                memory_size: String::new(),
            })
        };
        let (t4, a100, a100_sxm) = (card("t4", "PCIe"), card("a100", "PCIe"), card("a100", "SXM4"));
        for (place, (available, cards)) in
            [(2, vec![a100, t4, a100_sxm]), (0, vec![t4]), (1, vec![t4, t4])].into_iter().enumerate()
        {
            builder.node(Node {
                name: Arc::from(format!("node{place}")),
                gpus: Capacity { total: 4, available },
                cards,
                storage_classes: vec![format!("beta{place}")],
                ..Node::default()
            });
        }
        let cluster = builder.build();
        let index = cluster.index();
        let nodes = |model: &str| -> Vec<(usize, u64)> {
            let place = index.model("nvidia", model).unwrap();
            index.models()[place].nodes.iter().map(|entry| (entry.node, entry.cards)).collect()
        };
        assert_eq!(nodes("t4"), [(0, 1), (2, 2)]);
        assert_eq!(nodes("a100"), [(0, 2)]);
        let labelled = |model: &str| &index.models()[index.model("nvidia", model).unwrap()].labelled;
        assert_eq!(labelled("t4"), &[0, 1, 2]);
        assert_eq!(labelled("a100"), &[0]);
        assert_eq!(index.outfits().len(), 3);
        assert_eq!(index.outfits()[index.outfit_of(2).unwrap()].cards, [(t4, 2)]);
        assert_eq!(index.model("amd", "t4"), None);
        assert_eq!(index.class_bit("beta2"), Some(4));
        assert_eq!(index.class_bit("beta3"), None);
        assert_eq!(index.free()[1].classes, 2);
    }
}
