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
    /// Whether the tree is that of the layers stacked. Files of contexts and downloads are not:
    /// what is left out, names and times are not in their layers.
    pub(crate) stacked: bool,
    /// Whether the last operation made a layer of its own.
    pub(crate) added: bool,
    tree: TreeCell,
    /// The tree without the highest layer, where an operation has put that on it.
    below: Option<TreeCell>,
}

/// A tree, once somebody needs it.
type TreeCell = Arc<OnceLock<Arc<Tree>>>;

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
            stacked: true,
            added: false,
            tree: TreeCell::default(),
            below: None,
        }
    }

    /// Files of layers that are no image's: a tree that was made of them in another way than by
    /// stacking.
    pub(crate) fn files(layers: Vec<Arc<Layer>>, name: String, tree: Tree) -> Self {
        let platform = Platform::new("linux", "unknown");
        Self {
            tree: Arc::new(OnceLock::from(Arc::new(tree))),
            stacked: false,
            ..Self::new(LayerFormat::Linux, platform, layers, name)
        }
    }

    /// The same file system with another layer on top, or none.
    pub(crate) fn with_layer(&self, layer: Option<Arc<Layer>>, name: String) -> Self {
        let mut layers = self.layers.clone();
        let added = layer.is_some();
        layers.extend(layer);
        Self {
            format: self.format,
            platform: self.platform.clone(),
            layers,
            name,
            stacked: self.stacked,
            added,
            tree: match added {
                true => TreeCell::default(),
                false => Arc::clone(&self.tree),
            },
            below: match added {
                true => Some(Arc::clone(&self.tree)),
                false => self.below.clone(),
            },
        }
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
        let below = self.below.as_ref().and_then(|below| below.get());
        let tree = match (below, indexes.clone().next_back()) {
            // The other layers are in it already.
            (Some(below), Some(highest)) => {
                let mut tree = Tree::clone(below);
                tree.add_layer(highest)?;
                tree
            }
            _ => Tree::stack(self.format, indexes)?,
        };
        Ok(Arc::clone(self.tree.get_or_init(|| Arc::new(tree))))
    }
}
