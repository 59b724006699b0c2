//! What a new file or directory takes over from the directory it is made in.

use super::acl::{Ace, Acl, ace};
use super::sid::Sid;
use super::{DescriptorParts, SecurityDescriptor, control, default_directory, default_file};

/// The descriptor of a new entry in a directory whose descriptor is `parent`.
///
/// Windows does this when a process creates a file; a layer that is made without Windows does it
/// here, so that a file copied into a folder can be used by whom the folder's owner meant to. The
/// process is taken to be an administrator's: the owner is `BA`, the group `SY`, and the DACL is
/// marked as inherited (control 0x8404). The parent's entries are taken in their order:
///
/// - A file takes those marked OI, without any of the four flags.
/// - A directory takes those marked CI, which apply to it (IO is lost) and are handed on. Those
///   marked only OI are handed on without applying to it (OI and IO).
/// - NP ends the handing on: OI, CI and NP are lost, and with OI and NP alone a directory takes
///   nothing.
/// - All are marked ID, also those that only wait for the next generation: else Windows would
///   take them for explicit ones the next time it propagates.
/// - In an entry that applies, generic rights become the rights to files they stand for, and
///   `CREATOR OWNER` and `CREATOR GROUP` become the owner and the group. For a directory that
///   makes two entries of one: the first, for its own owner, is not handed on, and the second is
///   the original with IO, for the owners of what is made inside. Nothing of the kind is needed
///   for generic rights: they mean the same for files and directories.
/// - Types of entry other than allow and deny (conditional ones, say) keep their bodies.
///
/// Where nothing is inherited — no parent, no DACL, no entry that is handed on, or more than an
/// ACL can hold — the descriptor is [`default_directory`] or [`default_file`].
///
/// Source: \[MS-DTYP\] 2.5.3.4 (ComputeACL); the choice of owner and group is ours.
pub fn inherit(parent: Option<&SecurityDescriptor>, is_directory: bool) -> SecurityDescriptor {
    match parent
        .and_then(SecurityDescriptor::dacl)
        .and_then(|dacl| inherit_dacl(dacl, is_directory))
    {
        Some(dacl) => SecurityDescriptor::from_parts(DescriptorParts {
            control: control::DACL_INHERITED,
            owner: Some(Sid::administrators()),
            group: Some(Sid::system()),
            sacl: None,
            dacl: Some(dacl),
        }),
        None if is_directory => default_directory(),
        None => default_file(),
    }
}

/// The list of a new file or directory; `None` if nothing is inherited or it is too large.
fn inherit_dacl(parent: &Acl, is_directory: bool) -> Option<Acl> {
    let take = |entry| inherit_ace(entry, is_directory);
    let aces: Vec<Ace> = parent.aces().iter().flat_map(take).collect();
    if aces.is_empty() {
        return None;
    }
    parent.with_aces(aces).ok()
}

const PROPAGATION: u8 = ace::OBJECT_INHERIT | ace::CONTAINER_INHERIT | ace::NO_PROPAGATE;

/// The entries that an entry of the parent leaves in a new file or directory.
fn inherit_ace(entry: &Ace, is_directory: bool) -> Vec<Ace> {
    let flags = entry.flags();
    let has = |flag| flags & flag != 0;
    // Audit and other bits stay as they are.
    let applying = flags & !(PROPAGATION | ace::INHERIT_ONLY) | ace::INHERITED;
    if !is_directory {
        return if has(ace::OBJECT_INHERIT) {
            vec![effective(entry, applying).0]
        } else {
            Vec::new()
        };
    }
    let handed_on = !has(ace::NO_PROPAGATE);
    let waiting = flags | ace::INHERIT_ONLY | ace::INHERITED;
    match (has(ace::CONTAINER_INHERIT), has(ace::OBJECT_INHERIT)) {
        (true, _) if handed_on => {
            let kept = applying | flags & PROPAGATION;
            match effective(entry, applying) {
                (own, true) => vec![own, entry.with_flags(waiting)],
                (own, false) => vec![own.with_flags(kept)],
            }
        }
        (true, _) => vec![effective(entry, applying).0],
        (false, true) if handed_on => vec![entry.with_flags(waiting)],
        (false, _) => Vec::new(),
    }
}

/// The entry as it applies to the new object, and whether it named the creator.
fn effective(entry: &Ace, flags: u8) -> (Ace, bool) {
    let plain = matches!(entry.kind(), ace::ALLOWED | ace::DENIED);
    let Some((mask, sid)) = entry.mask_and_sid().filter(|_| plain) else {
        return (entry.with_flags(flags), false);
    };
    let creator = [
        (Sid::creator_owner(), Sid::administrators()),
        (Sid::creator_group(), Sid::system()),
    ]
    .into_iter()
    .find(|(placeholder, _)| *placeholder == sid)
    .map(|(_, creator)| creator);
    let named_creator = creator.is_some();
    let sid = creator.unwrap_or(sid);
    let own = Ace::basic(entry.kind(), flags, file_rights(mask), &sid);
    (own, named_creator)
}

/// The mask with generic rights replaced by the rights to files that they stand for.
fn file_rights(mask: u32) -> u32 {
    [
        (ace::GENERIC_ALL, ace::FILE_ALL),
        (ace::GENERIC_READ, ace::FILE_READ),
        (ace::GENERIC_WRITE, ace::FILE_WRITE),
        (ace::GENERIC_EXECUTE, ace::FILE_EXECUTE),
    ]
    .into_iter()
    .fold(mask, |mask, (generic, rights)| {
        if mask & generic == 0 {
            mask
        } else {
            mask & !generic | rights
        }
    })
}

#[cfg(test)]
mod tests;
