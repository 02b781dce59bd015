//! Lists of the search, each looked up by an index type of its own.
//!
//! An index only comes from the list that it belongs to, so a lookup cannot miss. Should it miss all the same, that is
//! a bug: it stops a debug build, and in a release build it is [`ReserveError::Internal`], which is never taken for an
//! answer of the search.

use std::fmt::Debug;
use std::marker::PhantomData;

use crate::reserve::ReserveError;

/// The index of an element of a [`List`].
pub(in crate::reserve) trait Index: Copy + Debug {
    /// The index of the element at a position.
    fn at(position: usize) -> Self;

    /// The position of the element.
    fn position(self) -> usize;
}

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(in crate::reserve) struct $name(usize);

        impl Index for $name {
            fn at(position: usize) -> Self {
                Self(position)
            }

            fn position(self) -> usize {
                self.0
            }
        }
    };
}

index! {
    /// The index of a resource unit of the order.
    UnitIndex
}
index! {
    /// The index of one of a unit's choices.
    ChoiceIndex
}
index! {
    /// The index of a replica group.
    GroupIndex
}

/// A list whose elements are looked up by one type of index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reserve) struct List<I, T> {
    elements: Vec<T>,
    index: PhantomData<I>,
}

impl<I, T> From<Vec<T>> for List<I, T> {
    fn from(elements: Vec<T>) -> Self {
        Self { elements, index: PhantomData }
    }
}

impl<I: Index, T> List<I, T> {
    /// Returns an element.
    ///
    /// # Errors
    /// [`ReserveError::Internal`] if the index belongs to another list, which is a bug.
    pub(in crate::reserve) fn get(&self, index: I) -> Result<&T, ReserveError> {
        let found = self.elements.get(index.position());
        debug_assert!(found.is_some(), "{index:?} is not an index of this list");
        found.ok_or(ReserveError::Internal)
    }

    /// Returns an element, to be changed.
    ///
    /// # Errors
    /// As [`List::get`] has them.
    pub(in crate::reserve) fn get_mut(&mut self, index: I) -> Result<&mut T, ReserveError> {
        let found = self.elements.get_mut(index.position());
        debug_assert!(found.is_some(), "{index:?} is not an index of this list");
        found.ok_or(ReserveError::Internal)
    }

    pub(in crate::reserve) fn push(&mut self, element: T) {
        self.elements.push(element);
    }

    pub(in crate::reserve) fn clear(&mut self) {
        self.elements.clear();
    }

    pub(in crate::reserve) fn len(&self) -> usize {
        self.elements.len()
    }

    pub(in crate::reserve) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.elements.iter()
    }

    /// The indices of all elements, ascending.
    pub(in crate::reserve) fn indices(&self) -> impl DoubleEndedIterator<Item = I> + use<I, T> {
        (0..self.elements.len()).map(I::at)
    }

    /// The elements with their indices.
    pub(in crate::reserve) fn enumerate(&self) -> impl Iterator<Item = (I, &T)> {
        self.elements.iter().enumerate().map(|(position, element)| (I::at(position), element))
    }

    /// The elements from the first on for which `before` is false, with their indices. The list must be sorted by it.
    pub(in crate::reserve) fn after_partition_point(
        &self,
        before: impl FnMut(&T) -> bool,
    ) -> impl Iterator<Item = (I, &T)> {
        let start = self.elements.partition_point(before);
        self.elements.iter().enumerate().skip(start).map(|(position, element)| (I::at(position), element))
    }
}
