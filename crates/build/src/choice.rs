//! What `--exclude` leaves out and `--parents` repeats, by the patterns of ignore files.
//!
//! Patterns of `--exclude` are matched against the path below what is copied, as BuildKit does: the
//! directory that a source names, or with `--parents` the one before `/./`. What a source names
//! itself is never left out, be it a file.

use std::borrow::Cow;

use crossdock_dockerfile::{IgnoreError, IgnorePatterns, IgnoreState};
use crossdock_layer::{
    LayerFormat, NodeId, Part, ResolveError, ResolveErrorKind, SelectError, Tree, decode_component,
    encode_component, upcase,
};

/// The patterns of `--exclude`.
#[derive(Debug, Default)]
pub(crate) struct Excluded {
    patterns: IgnorePatterns,
    /// As Windows compares names: for trees of Windows.
    upcased: IgnorePatterns,
}

/// Why patterns of `--exclude` are refused.
pub(crate) type ExcludeError = String;

impl Excluded {
    /// Reads patterns; `windows` says that `\` separates names. Patterns that begin with a slash
    /// match nothing and are given to `useless`.
    pub(crate) fn parse(
        patterns: &[String],
        windows: bool,
        useless: &mut dyn FnMut(&str),
    ) -> Result<Self, ExcludeError> {
        let mut kept = Vec::new();
        for pattern in patterns {
            let text = match windows {
                true => Cow::Owned(pattern.replace('\\', "/")),
                false => Cow::Borrowed(pattern.as_str()),
            };
            let bare = text.trim();
            if bare.strip_prefix('!').unwrap_or(bare).starts_with('/') {
                useless(pattern);
                continue;
            }
            kept.push(text.into_owned());
        }
        let large: Vec<String> = kept.iter().map(|text| upcased(text)).collect();
        Ok(Self {
            patterns: parse(&kept)?,
            upcased: parse(&large)?,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    fn of(&self, format: LayerFormat) -> &IgnorePatterns {
        match format {
            LayerFormat::Linux => &self.patterns,
            LayerFormat::Windows => &self.upcased,
        }
    }

    /// What is left of a directory.
    pub(crate) fn rest(&self, tree: &Tree, directory: NodeId) -> Part {
        self.choose(tree, directory, &Wanted::everything())
    }

    /// What of a directory is wanted and not excluded.
    pub(crate) fn choose(&self, tree: &Tree, directory: NodeId, wanted: &Wanted) -> Part {
        let excluded = self.of(tree.format());
        let mut part = Part::default();
        let mut pending = vec![Visit {
            node: directory,
            path: Vec::new(),
            depth: 0,
            wanted: IgnoreState::default(),
            excluded: IgnoreState::default(),
        }];
        // A stack of our own, because the depth of a tree is the image's to choose.
        while let Some(at) = pending.pop() {
            if !tree.is_directory(at.node) || excluded.can_prune(&at.path, &at.excluded) {
                continue;
            }
            for node in wanted.children(tree, at.node, at.depth) {
                let path = match at.path.as_slice() {
                    b"" => compared(tree, node),
                    above => [above, b"/", &compared(tree, node)].concat(),
                };
                let visit = Visit {
                    node,
                    depth: at.depth + 1,
                    wanted: wanted.enter(&path, &at.wanted),
                    excluded: excluded.enter(&path, &at.excluded),
                    path,
                };
                if wanted.includes(&visit) && !visit.excluded.is_ignored() {
                    part.take(tree, directory, node);
                }
                pending.push(visit);
            }
        }
        part
    }

    /// Whether a path below a directory, of what is no entry of its tree, is excluded.
    pub(crate) fn leaves_out(&self, path: &[u8]) -> bool {
        self.patterns.matches_or_parent_matches(path)
    }

    /// Whether such a path is wanted and not excluded.
    pub(crate) fn takes(&self, path: &[u8], wanted: &Wanted) -> bool {
        let named = match &wanted.which {
            Which::Below(_) => {
                let literal = wanted.literal.join("/");
                literal.is_empty()
                    || path
                        .strip_prefix(literal.as_bytes())
                        .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
            }
            Which::Matching(patterns) => patterns.matches_or_parent_matches(path),
        };
        named && !self.leaves_out(path)
    }
}

/// An entry that the walk has come to.
struct Visit {
    node: NodeId,
    /// Below the directory, as its system compares names.
    path: Vec<u8>,
    depth: usize,
    wanted: IgnoreState,
    excluded: IgnoreState,
}

/// What is copied with its parents: the part of a source after `/./`.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Leading names without wildcards: nothing beside them need be looked at.
    literal: Vec<String>,
    which: Which,
}

#[derive(Debug)]
enum Which {
    /// Everything from this depth on.
    Below(usize),
    /// What the pattern matches, and everything beneath.
    Matching(IgnorePatterns),
}

impl Wanted {
    fn everything() -> Self {
        Self {
            literal: Vec::new(),
            which: Which::Below(1),
        }
    }

    /// What `names`, the components of a source, mean in a tree of `format`. In a pattern `**` is
    /// any number of names, as in ignore files.
    pub(crate) fn parse(
        names: &[&str],
        wildcard: bool,
        format: LayerFormat,
    ) -> Result<Self, SelectError> {
        let is_pattern = |name: &&str| wildcard && name.contains(['*', '?', '[', '\\']);
        let count = names.iter().position(is_pattern).unwrap_or(names.len());
        let literal = names[..count]
            .iter()
            .map(|name| (*name).to_owned())
            .collect();
        if count == names.len() {
            let which = Which::Below(count.max(1));
            return Ok(Self { literal, which });
        }
        // In front of a name, ! is no exception here.
        let text = format!("./{}", names.join("/"));
        let text = match format {
            LayerFormat::Linux => text,
            LayerFormat::Windows => upcased(&text),
        };
        let malformed = |_| SelectError::Pattern(names.join("/"));
        let patterns = IgnorePatterns::from_patterns([text.as_str()]).map_err(malformed)?;
        Ok(Self {
            literal,
            which: Which::Matching(patterns),
        })
    }

    /// Whether a source without wildcards is there. Links on the way are not followed: it is the
    /// directories of the path that are repeated.
    pub(crate) fn check_exists(&self, tree: &Tree, directory: NodeId) -> Result<(), SelectError> {
        let mut node = directory;
        for name in &self.literal {
            let error = |kind| {
                let above = tree.path(directory);
                let parts = std::iter::once(above.as_slice()).filter(|above| !above.is_empty());
                let parts = parts.chain(self.literal.iter().map(|name| name.as_bytes()));
                let path = parts.collect::<Vec<_>>().join(&b'/');
                SelectError::Resolve(ResolveError { path, kind })
            };
            if !tree.is_directory(node) {
                return Err(error(ResolveErrorKind::NotADirectory(tree.path(node))));
            }
            let child = child(tree, node, name);
            node = child.ok_or_else(|| error(ResolveErrorKind::NotFound))?;
        }
        Ok(())
    }

    fn children(&self, tree: &Tree, directory: NodeId, depth: usize) -> Vec<NodeId> {
        match self.literal.get(depth) {
            Some(name) => child(tree, directory, name).into_iter().collect(),
            None => tree.children(directory).collect(),
        }
    }

    fn enter(&self, path: &[u8], parent: &IgnoreState) -> IgnoreState {
        match &self.which {
            Which::Below(_) => IgnoreState::default(),
            Which::Matching(patterns) => patterns.enter(path, parent),
        }
    }

    fn includes(&self, visit: &Visit) -> bool {
        match &self.which {
            Which::Below(depth) => visit.depth >= *depth,
            Which::Matching(_) => visit.wanted.is_ignored(),
        }
    }
}

fn child(tree: &Tree, directory: NodeId, name: &str) -> Option<NodeId> {
    match tree.format() {
        LayerFormat::Linux => tree.child(directory, name.as_bytes()),
        LayerFormat::Windows => tree.child(directory, &encode_component(name.as_bytes())),
    }
}

/// A name as its system compares it.
fn compared(tree: &Tree, node: NodeId) -> Vec<u8> {
    match tree.format() {
        LayerFormat::Linux => tree.name(node).to_vec(),
        LayerFormat::Windows => upcase(&decode_component(tree.name(node))),
    }
}

fn upcased(text: &str) -> String {
    String::from_utf8_lossy(&upcase(text.as_bytes())).into_owned()
}

fn parse(patterns: &[String]) -> Result<IgnorePatterns, ExcludeError> {
    let patterns = patterns.iter().map(String::as_str);
    IgnorePatterns::from_patterns(patterns).map_err(|error| match error {
        IgnoreError::Pattern { pattern, .. } => {
            format!("--exclude={pattern}: the pattern is not well formed")
        }
        IgnoreError::LoneException { .. } => "--exclude=!: a pattern must follow !".to_owned(),
        IgnoreError::NotUtf8 { .. } => "--exclude: a pattern is not valid UTF-8".to_owned(),
    })
}
