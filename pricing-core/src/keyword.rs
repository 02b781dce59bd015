//! Enums whose values users write: on the command line, in configurations, in scenarios and in rate cards.

/// Defines an enum with a word for each value. Every program reads and writes these words, and every generated help and
/// reference describes a value by the comment that stands here.
macro_rules! keywords {
    ($(#[$meta:meta])* $name:ident { $($(#[$of_value:meta])* $value:ident $word:literal)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$of_value])* #[serde(rename = $word)] #[cfg_attr(feature = "clap", value(name = $word))] $value,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$value,)*];

            /// The word that users write for the value.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)*
                }
            }

            /// Returns the value that a word stands for, if there is one.
            #[must_use]
            pub fn from_name(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == word)
            }

            /// Every word with its value.
            #[must_use]
            pub fn words() -> Vec<(&'static str, Self)> {
                Self::ALL.iter().map(|value| (value.name(), *value)).collect()
            }
        }
    };
}

pub(crate) use keywords;
