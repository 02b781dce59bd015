//! The denoms that the network's tools know.

/// AKT, in millionths.
pub const AKT: &str = "uakt";
/// ACT, the network's own dollar, in millionths.
pub const ACT: &str = "uact";
/// USDC on the main network, in millionths.
pub const USDC: &str = "ibc/170C677610AC31DF0904FFE09CD3B5C657492170E7E52372E48756B71E56F2F1";
/// USDC on the sandbox network, in millionths.
pub const SANDBOX_USDC: &str = "ibc/12C6A0C374171B595A0A9E18B83FA09D295FB1F2D8C6DAA3AC28683471752D84";
