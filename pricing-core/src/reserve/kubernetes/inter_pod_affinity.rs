//! InterPodAffinity: the pods that a pod must not share its node with.
//!
//! A unit that asks for an interconnect has a required anti-affinity by the label of its group: two pods with one label
//! never run on one node, replicas of one unit included. An empty label repels nothing. The daemon states no preferred
//! affinity, so there is no score.

/// Whether a pod is kept off a node by the pods of its order there, given the interconnect labels of both.
pub(super) fn repels<'l>(pod: Option<&str>, mut on_node: impl Iterator<Item = Option<&'l str>>) -> bool {
    pod.is_some_and(|label| on_node.any(|other| other == Some(label)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_with_one_label_repel_each_other() {
        assert!(repels(Some("auto"), [None, Some("auto")].into_iter()));
        assert!(!repels(Some("auto"), [None, Some("other")].into_iter()));
        assert!(!repels(None, [Some("auto"), None].into_iter()));
    }
}
