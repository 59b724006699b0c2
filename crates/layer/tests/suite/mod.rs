//! What the integration tests share: layers as bytes, and generated trees.

pub(crate) mod generate;
pub(crate) mod layer;
