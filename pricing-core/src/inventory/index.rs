//! An index of a cluster for the search: where each card model is, and what each node has free.

use std::collections::BTreeMap;

use super::{Card, CardId, Node};
use crate::quantity::{Bytes, MilliCpu};

/// The number of storage classes that are represented as bits. Further classes are compared by name.
const CLASS_BITS: usize = 64;

/// The view of a cluster that the search reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    free: Vec<Free>,
    models: Vec<ModelNodes>,
    classes: Vec<String>,
    /// For nodes where cards are held back, by index: the described cards that can still be handed out.
    kept: BTreeMap<usize, Vec<CardId>>,
    /// The distinct outfits of nodes.
    outfits: Vec<CardsOfNode>,
    /// For each node, the position of its outfit in `outfits`.
    outfit_of: Vec<usize>,
}

/// The cards that a node describes, shared by all nodes with equal descriptions: each distinct description and its
/// number of cards, in the node's order. Cards that are held back are included, because it is unknown which of its
/// cards a node hands out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CardsOfNode {
    /// The descriptions, each with its number of cards.
    pub(crate) cards: Vec<(CardId, u64)>,
}

/// What a node has free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Free {
    /// CPU.
    pub(crate) cpu: MilliCpu,
    /// Memory.
    pub(crate) memory: Bytes,
    /// Ephemeral storage.
    pub(crate) ephemeral: Bytes,
    /// The number of cards.
    pub(crate) gpus: u64,
    /// Host channel adapters.
    pub(crate) hcas: u64,
    /// The node's storage classes, as bits of [`Index::class_bit`].
    pub(crate) classes: u64,
}

/// A vendor's card model, and the nodes that can hand out such cards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelNodes {
    /// The vendor, as in [`crate::gpu::GpuKind`].
    pub(crate) vendor: String,
    /// The model, as in [`crate::gpu::GpuKind`].
    pub(crate) model: String,
    /// The card descriptions of the model, ascending.
    pub(crate) cards: Vec<CardId>,
    /// The nodes that describe such a card and have any card free, ascending.
    pub(crate) nodes: Vec<ModelNode>,
    /// Every node that describes such a card, ascending. These are the nodes that Kubernetes has labelled with the
    /// model.
    pub(crate) labelled: Vec<usize>,
}

/// A node with cards of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ModelNode {
    /// The node's index in the cluster.
    pub(crate) node: usize,
    /// How many cards of the model are described there, not counting those that are held back.
    pub(crate) cards: u64,
}

impl Index {
    /// Indexes nodes and their cards. For nodes where cards are held back, `kept` has the cards that are left.
    ///
    /// The models come first, because adding a node counts its cards by model.
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

    /// Records the labels and the outfits of the nodes. Neither depends on what is free, so [`Self::refresh`] does not
    /// touch them.
    fn label(&mut self, nodes: &[Node], model_of: &[usize]) {
        let mut outfits: BTreeMap<&[CardId], usize> = BTreeMap::new();
        for (place, node) in nodes.iter().enumerate() {
            let next = self.outfits.len();
            let outfit = *outfits.entry(&node.cards).or_insert(next);
            if outfit == next {
                self.outfits.push(CardsOfNode::new(&node.cards));
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

    /// Adds the next node: what it has free, and its cards if any is free. Nodes are added in ascending order, so the
    /// models' lists stay sorted.
    fn add(&mut self, place: usize, node: &Node, model_of: &[usize]) {
        let mut classes = 0;
        for class in &node.storage_classes {
            if self.classes.len() < CLASS_BITS && !self.classes.contains(class) {
                self.classes.push(class.clone());
            }
            classes |= self.class_bit(class).unwrap_or(0);
        }
        self.free.push(Free {
            cpu: node.cpu.available,
            memory: node.memory.available,
            ephemeral: node.ephemeral.available,
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

    /// For each card description, the position of its model in [`Self::models`].
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

    /// Updates what a node has free. `kept` has the cards that it can still hand out, if these are not all.
    ///
    /// The models' lists of nodes are edited in place and stay sorted, so the index equals one that is built from the
    /// changed nodes. [`super::ledger`] relies on this.
    pub(super) fn refresh(&mut self, place: usize, node: &Node, kept: Option<Vec<CardId>>, model_of: &[usize]) {
        if let Some(free) = self.free.get_mut(place) {
            free.cpu = node.cpu.available;
            free.memory = node.memory.available;
            free.ephemeral = node.ephemeral.available;
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

    /// What each node has free, in the cluster's order.
    pub(crate) fn free(&self) -> &[Free] {
        &self.free
    }

    /// For nodes where cards are held back, by index: the cards that are left.
    pub(super) fn kept_cards(&self) -> &BTreeMap<usize, Vec<CardId>> {
        &self.kept
    }

    /// Every card model, sorted by vendor and model.
    pub(crate) fn models(&self) -> &[ModelNodes] {
        &self.models
    }

    /// The position of a node's outfit in [`Self::outfits`].
    pub(crate) fn outfit_of(&self, node: usize) -> Option<usize> {
        self.outfit_of.get(node).copied()
    }

    /// The distinct outfits of nodes.
    pub(crate) fn outfits(&self) -> &[CardsOfNode] {
        &self.outfits
    }

    /// The position of a model in [`Self::models`].
    pub(crate) fn model(&self, vendor: &str, model: &str) -> Option<usize> {
        self.models.binary_search_by(|entry| (entry.vendor.as_str(), entry.model.as_str()).cmp(&(vendor, model))).ok()
    }

    /// The storage classes that have a bit, in its order.
    pub(crate) fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The bit of a storage class in [`Free::classes`]. None if no node has the class, or it came after the first 64.
    pub(crate) fn class_bit(&self, class: &str) -> Option<u64> {
        let place = self.classes.iter().position(|known| known == class)?;
        1_u64.checked_shl(u32::try_from(place).ok()?)
    }
}

impl CardsOfNode {
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
