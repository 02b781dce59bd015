//! Reasons why there is no bid.

use core::fmt;

use crate::budget::Spent;
use crate::keyword::keywords;
use crate::money::{ArithmeticOverflow, Denom};
use crate::reserve::{ReserveError, Shortage};
use crate::text::Untrusted;

keywords! {
    /// What was decided, in one word: answers, logs, metrics and columns use it.
    DecisionKind {
        /// A bid.
        Bid "bid"
        /// No bid, by choice.
        Decline "decline"
        /// No bid, since the order could not be priced.
        Fault "fault"
        /// A screening that ruled nothing out.
        Pass "pass"
    }
}

macro_rules! reason_codes {
    ($($(#[$doc:meta])* $variant:ident $name:literal $fault:literal)*) => {
        /// The codes that scripts rely on. A decline is a decision not to bid; a fault means that the order could not
        /// be priced, and never becomes a bid.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ReasonCode {
            $($(#[$doc])* $variant,)*
        }

        impl ReasonCode {
            /// Every code.
            pub const ALL: [Self; [$($name,)*].len()] = [$(Self::$variant,)*];

            /// The code as it is printed, in kebab case.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Returns the code with a name, if there is one.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|code| code.name() == name)
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
    /// Kubernetes would probably leave a replica without a node.
    Pending "pending" false
    /// The order's denom is not supported.
    UnsupportedDenom "unsupported-denom" false
    /// The rate card has no entry for a storage class.
    UnsupportedStorageClass "unsupported-storage-class" false
    /// The order asks for attributes that the provider does not have.
    IncompatibleAttributes "incompatible-attributes" false
    /// The order asks for the signatures of auditors who have not signed the provider's attributes.
    UnsignedAttributes "unsigned-attributes" false
    /// A resource unit has more volumes than the provider takes.
    TooManyVolumes "too-many-volumes" false
    /// The order asks for a longer warning than the provider gives before it reclaims the resources.
    ReclamationWindow "reclamation-window" false
    /// The order asks for a hostname that the provider does not allow.
    HostnameUnavailable "hostname-unavailable" false
    /// A plugin declined.
    PluginDeclined "plugin-declined" false
    /// A plugin exceeded its time, or the request did.
    DeadlineExceeded "deadline-exceeded" true
    /// A plugin exceeded its instruction budget.
    BudgetExhausted "budget-exhausted" true
    /// A plugin exceeded its memory.
    MemoryExceeded "memory-exceeded" true
    /// A plugin exceeded its stack.
    StackExhausted "stack-exhausted" true
    /// A plugin wrote too much.
    OutputExceeded "output-exceeded" true
    /// A plugin crashed.
    Trap "trap" true
    /// A plugin's answer is not valid.
    InvalidOutput "invalid-output" true
    /// A plugin could not be loaded.
    LoadRejected "load-rejected" true
    /// The price of a coin is unknown.
    RateUnavailable "rate-unavailable" true
    /// The inventory has no usable node.
    InventoryUnusable "inventory-unusable" true
    /// The search for a placement was given up, or the request used up its steps.
    SearchExhausted "search-exhausted" true
    /// A number is too large for the exact decimals.
    ArithmeticOverflow "arithmetic-overflow" true
    /// An invariant of the search is broken: a bug.
    InternalError "internal-error" true
}

impl ReasonCode {
    /// What is decided for this reason: a decline or a fault.
    #[must_use]
    pub fn decision(self) -> DecisionKind {
        if self.is_fault() { DecisionKind::Fault } else { DecisionKind::Decline }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The maximum length of a message, in characters.
const MAX_MESSAGE_CHARACTERS: usize = 4_000;

/// The reason why there is no bid: a code for scripts and a message for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
#[non_exhaustive]
pub struct Reason {
    /// The code.
    pub code: ReasonCode,
    /// The message: one line, bounded in length, and safe to print.
    pub message: String,
    /// What each node lacks, if that is the reason.
    pub shortage: Option<Box<Shortage>>,
}

impl Reason {
    /// Makes a reason. The message is reduced to one line that is safe to print, whatever text it repeats.
    pub fn new(code: ReasonCode, message: impl AsRef<str>) -> Self {
        Self { code, message: format!("{:.MAX_MESSAGE_CHARACTERS$}", Untrusted::new(message)), shortage: None }
    }

    /// Makes the reason for a price in a denom whose coin has no known worth, and says how to name it.
    #[must_use]
    pub fn rate_unavailable(denom: &Denom) -> Self {
        let message = format!(
            "a price in `{denom}` needs what an AKT is worth in USD, and that is not known; set `--usd-per-akt` (in the \
             service `[feed]`, in a scenario `usd_per_akt`)"
        );
        Self::new(ReasonCode::RateUnavailable, message)
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
            // No node can hold the order, regardless of what is free.
            ReserveError::InvalidInterconnectGroup(..) => ReasonCode::InsufficientCapacity,
            ReserveError::ReplicaMismatch(_) => ReasonCode::ReplicaMismatch,
            ReserveError::SearchExhausted(_) => ReasonCode::SearchExhausted,
            ReserveError::DeadlineExceeded => ReasonCode::DeadlineExceeded,
            ReserveError::Internal => ReasonCode::InternalError,
        };
        Self::new(code, message)
    }
}
