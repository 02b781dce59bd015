//! Tries a pricing strategy before it costs money.
