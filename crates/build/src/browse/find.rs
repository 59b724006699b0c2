//! Searching an image for entries of which something holds.

use std::cmp::Ordering;

use crossdock_layer::{LayerFormat, NodeId, Source, Timestamp, Tree};

use super::entries::{EntryAccess, EntryKind, EntryReader, ListedEntry};
use super::error::PathError;
use super::file_pattern::FilePattern;
use super::list::{modified, size};
use super::path::find_path;
use super::walk::{Step, Walk};

/// What holds of an entry, or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindExpression {
    /// One test.
    Test(FindTest),
    /// The reverse.
    Not(Box<FindExpression>),
    /// All of them; of none it is true.
    All(Vec<FindExpression>),
    /// One of them at least.
    Any(Vec<FindExpression>),
}

/// A test as it is written: nothing of the image is known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindTest {
    /// The name fits a pattern.
    Name {
        /// The pattern.
        pattern: Vec<u8>,
        /// Case does not count, as it never does in a Windows image.
        ignores_case: bool,
    },
    /// The whole path fits a pattern.
    Path {
        /// The pattern.
        pattern: Vec<u8>,
        /// Case does not count, as it never does in a Windows image.
        ignores_case: bool,
    },
    /// It is of one of these kinds.
    Type(Vec<EntryKind>),
    /// Its size in units, rounded up.
    Size {
        /// Bytes of a unit.
        unit: u64,
        /// How many there are.
        count: FindCount,
    },
    /// It changed later than what a path of the image leads to.
    NewerThanPath(Vec<u8>),
    /// It changed later than a time.
    NewerThan(Timestamp),
    /// ModeBits of the mode, of a Linux image.
    Mode {
        /// The bits.
        bits: u32,
        /// How the mode is compared with them.
        how: ModeBits,
    },
    /// The number of the owner, of a Linux image.
    Uid(FindCount),
    /// The number of the group, of a Linux image.
    Gid(FindCount),
    /// The owner: a name or a number; in a Windows image a SID, or a name with or without what
    /// stands before its `\`.
    User(String),
    /// The group, of a Linux image.
    Group(String),
    /// A file without bytes or a directory with nothing in it.
    Empty,
    /// How many names a file has.
    Links(FindCount),
    /// The number of the layer that states it; the lowest is 1.
    Layer(FindCount),
    /// All these FILE_ATTRIBUTE_* bits are set, of a Windows image.
    Attributes(u32),
    /// Holds always, or never.
    Always(bool),
}

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindCount {
    /// With this number.
    pub number: u64,
    /// It must be less, equal or greater.
    pub is: Ordering,
}

/// How the mode is compared with bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeBits {
    /// It is these bits.
    Exactly,
    /// All of them are set.
    All,
    /// One of them is set, or none is asked for.
    Any,
}

/// What is searched for and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Find {
    /// What must hold.
    pub expression: FindExpression,
    /// Nothing less deep below its start.
    pub min_depth: usize,
    /// Nothing deeper below its start.
    pub max_depth: usize,
}

/// Why a search cannot be made in this image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// A path that leads nowhere.
    #[error("-newer {0}")]
    Newer(PathError),
    /// A test of what entries of this system do not have.
    #[error("{test}: is for {}", other_test(.test))]
    System {
        /// The test.
        test: &'static str,
    },
    /// An owner that is not known.
    #[error("{test} {name}: {table} of the image has no such name; a number may be given too")]
    Unknown {
        /// The test.
        test: &'static str,
        /// The name.
        name: String,
        /// The file that would have it.
        table: &'static str,
    },
}

fn other_test(test: &str) -> &'static str {
    match test {
        "-attr" => "Windows images; use -perm in this one, which is for Linux",
        _ => "Linux images; use -attr or -user in this one, which is for Windows",
    }
}

/// A test of which everything is known.
enum Check {
    Name(FilePattern),
    Path(FilePattern),
    Type(Vec<EntryKind>),
    Size { unit: u64, count: FindCount },
    Newer(Option<Timestamp>),
    Mode { bits: u32, how: ModeBits },
    Uid(FindCount),
    Gid(FindCount),
    Owner(String),
    Empty,
    Links(FindCount),
    Layer(FindCount),
    Attributes(u32),
    Always(bool),
    Not(Box<Check>),
    All(Vec<Check>),
    Any(Vec<Check>),
}

/// A search that fits the image.
pub struct Finder {
    check: Check,
    min_depth: usize,
    max_depth: usize,
}

impl FindCount {
    /// Whether `number` is as wanted.
    pub fn fits(self, number: u64) -> bool {
        number.cmp(&self.number) == self.is
    }
}

impl FindExpression {
    /// Whether names of owners are needed for it.
    pub fn asks_for_names(&self) -> bool {
        match self {
            Self::Test(test) => matches!(test, FindTest::User(_) | FindTest::Group(_)),
            Self::Not(inner) => inner.asks_for_names(),
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::asks_for_names),
        }
    }
}

impl Finder {
    /// Makes a search for the image of `reader`.
    pub fn new(search: &Find, reader: &EntryReader<'_>) -> Result<Self, FindError> {
        Ok(Self {
            check: check_of(&search.expression, reader)?,
            min_depth: search.min_depth,
            max_depth: search.max_depth,
        })
    }

    /// Tells `found` of everything at and below `start` of which the expression holds, with its
    /// path. Ends with the first error of `found`.
    pub fn run<E>(
        &self,
        reader: &mut EntryReader<'_>,
        start: NodeId,
        mut found: impl FnMut(&mut EntryReader<'_>, NodeId, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut walk = Walk::new(reader.tree(), start).max_depth(self.max_depth);
        while let Some(step) = walk.next() {
            if step.depth >= self.min_depth && self.check.holds(reader, &walk, step) {
                found(reader, step.node, walk.path())?;
            }
        }
        Ok(())
    }
}

fn check_of(expression: &FindExpression, reader: &EntryReader<'_>) -> Result<Check, FindError> {
    let all = |parts: &[FindExpression]| -> Result<Vec<Check>, FindError> {
        parts.iter().map(|part| check_of(part, reader)).collect()
    };
    Ok(match expression {
        FindExpression::Not(inner) => Check::Not(Box::new(check_of(inner, reader)?)),
        FindExpression::All(parts) => Check::All(all(parts)?),
        FindExpression::Any(parts) => Check::Any(all(parts)?),
        FindExpression::Test(test) => check_of_test(test, reader)?,
    })
}

fn check_of_test(test: &FindTest, reader: &EntryReader<'_>) -> Result<Check, FindError> {
    let tree = reader.tree();
    let windows = tree.format() == LayerFormat::Windows;
    let only = |test: &'static str, is_there: bool| match is_there {
        true => Ok(()),
        false => Err(FindError::System { test }),
    };
    let number = |test, name: &str, table, known: Option<u64>| {
        let number = known.or_else(|| name.parse().ok());
        let number = number.ok_or_else(|| FindError::Unknown {
            test,
            name: name.to_owned(),
            table,
        })?;
        Ok(FindCount {
            number,
            is: Ordering::Equal,
        })
    };
    Ok(match test {
        FindTest::Name {
            pattern,
            ignores_case,
        } => Check::Name(FilePattern::new(
            pattern,
            *ignores_case || windows,
            !windows,
        )),
        FindTest::Path {
            pattern,
            ignores_case,
        } => {
            let pattern = match windows {
                true => windows_pattern(pattern),
                false => pattern.clone(),
            };
            Check::Path(FilePattern::new(
                &pattern,
                *ignores_case || windows,
                !windows,
            ))
        }
        FindTest::Type(kinds) => Check::Type(kinds.clone()),
        FindTest::Size { unit, count } => Check::Size {
            unit: (*unit).max(1),
            count: *count,
        },
        FindTest::NewerThan(time) => Check::Newer(Some(*time)),
        FindTest::NewerThanPath(path) => {
            let found = find_path(tree, path, true).map_err(FindError::Newer)?;
            Check::Newer(modified(tree, found.node))
        }
        FindTest::Mode { bits, how } => {
            only("-perm", !windows)?;
            Check::Mode {
                bits: *bits,
                how: *how,
            }
        }
        FindTest::Uid(count) => {
            only("-uid", !windows)?;
            Check::Uid(*count)
        }
        FindTest::Gid(count) => {
            only("-gid", !windows)?;
            Check::Gid(*count)
        }
        FindTest::User(name) if windows => Check::Owner(name.clone()),
        FindTest::User(name) => Check::Uid(number(
            "-user",
            name,
            "/etc/passwd",
            reader.user_number(name),
        )?),
        FindTest::Group(name) => {
            only("-group", !windows)?;
            let known = reader.group_number(name);
            Check::Gid(number("-group", name, "/etc/group", known)?)
        }
        FindTest::Empty => Check::Empty,
        FindTest::Links(count) => Check::Links(*count),
        FindTest::Layer(count) => Check::Layer(*count),
        FindTest::Attributes(bits) => {
            only("-attr", windows)?;
            Check::Attributes(*bits)
        }
        FindTest::Always(holds) => Check::Always(*holds),
    })
}

/// A pattern of paths as `C:\…` has them: with either separator, with or without the drive.
fn windows_pattern(pattern: &[u8]) -> Vec<u8> {
    let native = pattern.iter().map(|&byte| match byte {
        b'/' => b'\\',
        byte => byte,
    });
    let native: Vec<u8> = native.collect();
    match native.starts_with(b"\\") {
        true => [b"C:", &native[..]].concat(),
        false => native,
    }
}

impl Check {
    fn holds(&self, reader: &mut EntryReader<'_>, walk: &Walk<'_>, step: Step) -> bool {
        let tree = reader.tree();
        let node = step.node;
        match self {
            // The start has no other name than that of its path's end.
            Self::Name(pattern) if step.depth == 0 => {
                let name = super::path::shown_name(tree, node);
                pattern.matches(if name.is_empty() { walk.path() } else { &name })
            }
            Self::Name(pattern) => pattern.matches(walk.name()),
            Self::Path(pattern) => pattern.matches(walk.path()),
            Self::Type(kinds) => kinds.contains(&kind(tree, node)),
            Self::Size { unit, count } => count.fits(size(tree, node).div_ceil(*unit)),
            Self::Newer(time) => modified(tree, node) > *time,
            Self::Empty => match kind(tree, node) {
                EntryKind::File => size(tree, node) == 0,
                EntryKind::Directory => tree.children(node).next().is_none(),
                _ => false,
            },
            Self::Links(count) => count.fits(reader.links(node)),
            Self::Layer(count) => match tree.source(node) {
                Source::Layer { layer, .. } => count.fits(u64::from(layer) + 1),
                Source::Implied | Source::Owned(_) => false,
            },
            Self::Mode { .. }
            | Self::Uid(_)
            | Self::Gid(_)
            | Self::Owner(_)
            | Self::Attributes(_) => self.holds_of(&reader.read(node)),
            Self::Always(holds) => *holds,
            Self::Not(inner) => !inner.holds(reader, walk, step),
            Self::All(parts) => parts.iter().all(|part| part.holds(reader, walk, step)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(reader, walk, step)),
        }
    }

    /// The tests of what has to be read of an entry.
    fn holds_of(&self, entry: &ListedEntry) -> bool {
        match (self, &entry.access) {
            (Self::Mode { bits, how }, EntryAccess::Posix { mode, .. }) => match how {
                ModeBits::Exactly => mode == bits,
                ModeBits::All => mode & bits == *bits,
                ModeBits::Any => *bits == 0 || mode & bits != 0,
            },
            (Self::Uid(count), EntryAccess::Posix { uid, .. }) => count.fits(*uid),
            (Self::Gid(count), EntryAccess::Posix { gid, .. }) => count.fits(*gid),
            (Self::Owner(wanted), EntryAccess::Win32 { owner, .. }) => {
                owner.as_ref().is_some_and(|owner| {
                    let whole = owner.name.unwrap_or_default();
                    let last = whole.rsplit('\\').next().unwrap_or_default();
                    [&owner.sid, whole, last]
                        .iter()
                        .any(|name| !name.is_empty() && name.eq_ignore_ascii_case(wanted))
                })
            }
            (Self::Attributes(bits), EntryAccess::Win32 { attributes, .. }) => {
                attributes & bits == *bits
            }
            _ => false,
        }
    }
}

/// What an entry is; links of Windows are told apart by nobody who searches.
fn kind(tree: &Tree, node: NodeId) -> EntryKind {
    use crossdock_layer::{Kind, NodeKind, TarKind};
    match (tree.kind(node), tree.source(node)) {
        (NodeKind::Directory, _) => EntryKind::Directory,
        (NodeKind::Symlink(_), _) => EntryKind::Symlink,
        (NodeKind::File, _) => EntryKind::File,
        (NodeKind::Special, Source::Layer { layer, entry }) => {
            match tree.layers()[layer as usize].entry(entry as usize).kind() {
                TarKind::CharDevice => EntryKind::CharDevice,
                TarKind::BlockDevice => EntryKind::BlockDevice,
                _ => EntryKind::Fifo,
            }
        }
        (NodeKind::Special, _) => match tree.entry(node).map(|entry| entry.kind) {
            Some(Kind::CharDevice(..)) => EntryKind::CharDevice,
            Some(Kind::BlockDevice(..)) => EntryKind::BlockDevice,
            _ => EntryKind::Fifo,
        },
    }
}

#[cfg(test)]
mod tests;
