//! Why there is no bid.

use core::fmt;

use crate::budget::Spent;
use crate::money::ArithmeticOverflow;
use crate::reserve::{ReserveError, Shortage};
use crate::text::Untrusted;

macro_rules! reason_codes {
    ($($(#[$doc:meta])* $variant:ident $name:literal $fault:literal)*) => {
        /// The codes that scripts rely on. A decline is a choice; a fault could not be priced, and never becomes a bid.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ReasonCode {
            $($(#[$doc])* $variant,)*
        }

        impl ReasonCode {
            /// Every code.
            pub const ALL: [Self; [$($name,)*].len()] = [$(Self::$variant,)*];

            /// The code as the contract spells it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Whether this is a fault rather than a decline.
            #[must_use]
            pub fn is_fault(self) -> bool {
                match self {
                    $(Self::$variant => $fault,)*
                }
            }
        }
    };
}

reason_codes! {
    /// The cluster cannot hold the order.
    InsufficientCapacity "insufficient-capacity" false
    /// The price is above the tenant's maximum.
    PriceAboveMax "price-above-max" false
    /// The owner is on the deny list.
    OwnerDenied "owner-denied" false
    /// There is an allow list and the owner is not on it.
    OwnerNotAllowed "owner-not-allowed" false
    /// The order costs less than the minimum, or nothing.
    BelowMinimum "below-minimum" false
    /// The rate card has no entry for the card.
    UnlistedGpu "unlisted-gpu" false
    /// It is not certain which card the order gets.
    AmbiguousGpu "ambiguous-gpu" false
    /// The provider's algorithm gave replicas different cards.
    ReplicaMismatch "replica-mismatch" false
    /// The order's denom is not priced.
    UnsupportedDenom "unsupported-denom" false
    /// The rate card has no entry for a storage class.
    UnsupportedStorageClass "unsupported-storage-class" false
    /// The order asks for attributes that the provider does not have.
    IncompatibleAttributes "incompatible-attributes" false
    /// The order asks for the signatures of auditors who have not signed the provider's attributes.
    UnsignedAttributes "unsigned-attributes" false
    /// A resource unit has more volumes than the provider takes.
    TooManyVolumes "too-many-volumes" false
    /// The order asks to be warned longer than the provider warns before it takes the resources back.
    ReclamationWindow "reclamation-window" false
    /// The order wants a hostname that the provider does not give.
    HostnameUnavailable "hostname-unavailable" false
    /// A plugin said no.
    PluginDeclined "plugin-declined" false
    /// A plugin overran its time, or the request did.
    DeadlineExceeded "deadline-exceeded" true
    /// A plugin overran its instructions.
    BudgetExhausted "budget-exhausted" true
    /// A plugin overran its memory.
    MemoryExceeded "memory-exceeded" true
    /// A plugin overran its stack.
    StackExhausted "stack-exhausted" true
    /// A plugin wrote too much.
    OutputExceeded "output-exceeded" true
    /// A plugin crashed.
    Trap "trap" true
    /// A plugin answered what is no answer.
    InvalidOutput "invalid-output" true
    /// A plugin could not be loaded.
    LoadRejected "load-rejected" true
    /// What a coin is worth is not known.
    RateUnavailable "rate-unavailable" true
    /// The inventory has no usable node.
    InventoryUnusable "inventory-unusable" true
    /// The search for a placement was given up, or the request used up the steps that it may take.
    SearchExhausted "search-exhausted" true
    /// A number outgrew the exact decimals.
    ArithmeticOverflow "arithmetic-overflow" true
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The most characters of a message.
const MAX_MESSAGE_CHARACTERS: usize = 4_000;

/// Why there is no bid: a code for scripts and a message for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
#[non_exhaustive]
pub struct Reason {
    /// The code.
    pub code: ReasonCode,
    /// The message: one line, bounded, and safe to print.
    pub message: String,
    /// What each node lacks, where that is why.
    pub shortage: Option<Box<Shortage>>,
}

impl Reason {
    /// A reason. Whatever the message repeats, it becomes one harmless line.
    pub fn new(code: ReasonCode, message: impl AsRef<str>) -> Self {
        Self { code, message: format!("{:.MAX_MESSAGE_CHARACTERS$}", Untrusted::new(message)), shortage: None }
    }
}

impl From<ArithmeticOverflow> for Reason {
    fn from(error: ArithmeticOverflow) -> Self {
        Self::new(ReasonCode::ArithmeticOverflow, error.to_string())
    }
}

impl From<Spent> for Reason {
    fn from(spent: Spent) -> Self {
        let code = match spent {
            Spent::Steps(_) => ReasonCode::SearchExhausted,
            Spent::Time => ReasonCode::DeadlineExceeded,
        };
        Self::new(code, spent.to_string())
    }
}

impl From<ReserveError> for Reason {
    fn from(error: ReserveError) -> Self {
        let message = error.to_string();
        let code = match error {
            ReserveError::InsufficientCapacity(shortage) => {
                // The code says the rest.
                let told = Self::new(ReasonCode::InsufficientCapacity, &shortage.message);
                return Self { shortage: Some(Box::new(shortage)), ..told };
            }
            // No node of the cluster can hold the order, whatever is free there.
            ReserveError::InvalidInterconnectGroup(..) => ReasonCode::InsufficientCapacity,
            ReserveError::ReplicaMismatch(_) => ReasonCode::ReplicaMismatch,
            ReserveError::SearchExhausted(_) => ReasonCode::SearchExhausted,
            ReserveError::DeadlineExceeded => ReasonCode::DeadlineExceeded,
        };
        Self::new(code, message)
    }
}
