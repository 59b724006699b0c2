//! What an operation results in.

use std::sync::{Arc, OnceLock};

use crossdock_image::Platform;
use crossdock_layer::{LayerFormat, StackError, Tree};

use crate::context::Context;
use crate::layers::Layer;

/// The result of an operation.
#[derive(Clone)]
pub(crate) enum State {
    /// A file system made of layers.
    Layers(Arc<Layered>),
    /// A build context.
    Context(Arc<Context>),
}

/// A file system made of layers.
pub(crate) struct Layered {
    pub(crate) format: LayerFormat,
    pub(crate) platform: Platform,
    pub(crate) layers: Vec<Arc<Layer>>,
    /// Whose it is, for messages.
    pub(crate) name: String,
    /// Whether the last operation made a layer of its own.
    pub(crate) added: bool,
    tree: OnceLock<Arc<Tree>>,
}

impl Layered {
    pub(crate) fn new(
        format: LayerFormat,
        platform: Platform,
        layers: Vec<Arc<Layer>>,
        name: String,
    ) -> Self {
        Self {
            format,
            platform,
            layers,
            name,
            added: false,
            tree: OnceLock::new(),
        }
    }

    /// The same file system with another layer on top, or none.
    pub(crate) fn with_layer(&self, layer: Option<Arc<Layer>>, name: String) -> Self {
        let mut layers = self.layers.clone();
        let added = layer.is_some();
        layers.extend(layer);
        let state = Self {
            format: self.format,
            platform: self.platform.clone(),
            layers,
            name,
            added,
            tree: OnceLock::new(),
        };
        if let (false, Some(tree)) = (added, self.tree.get()) {
            state.tree.get_or_init(|| Arc::clone(tree));
        }
        state
    }

    /// The tree. All layers must have their index.
    pub(crate) fn tree(&self) -> Result<Arc<Tree>, StackError> {
        if let Some(tree) = self.tree.get() {
            return Ok(Arc::clone(tree));
        }
        let indexes = self
            .layers
            .iter()
            .filter_map(|layer| layer.index().cloned());
        let tree = Arc::new(Tree::stack(self.format, indexes)?);
        Ok(Arc::clone(self.tree.get_or_init(|| tree)))
    }
}
