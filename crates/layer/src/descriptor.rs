//! Security descriptors: who may do what with a file of a Windows layer.
//!
//! Which descriptor an entry gets is told in `docs/format/descriptors.md`.

use std::sync::LazyLock;

mod acl;
mod inherit;
mod sddl;
mod sid;
mod sid_names;

pub use acl::{Ace, Acl, AclTooLarge, ace};
pub use inherit::inherit;
pub use sddl::{SddlError, SddlProblem};
pub use sid::{Sid, SidError, resolve_account};

/// Bits of [`SecurityDescriptor::control`].
///
/// Source: \[MS-DTYP\] 2.4.6.
pub mod control {
    /// The owner was assigned, not chosen.
    pub const OWNER_DEFAULTED: u16 = 0x0001;
    /// The group was assigned, not chosen.
    pub const GROUP_DEFAULTED: u16 = 0x0002;
    /// There is a DACL; if it has no entries and no bytes either, all access is granted.
    pub const DACL_PRESENT: u16 = 0x0004;
    /// There is a SACL.
    pub const SACL_PRESENT: u16 = 0x0010;
    /// The DACL shall be handed on to what is below.
    pub const DACL_INHERIT_REQUIRED: u16 = 0x0100;
    /// The SACL shall be handed on to what is below.
    pub const SACL_INHERIT_REQUIRED: u16 = 0x0200;
    /// The DACL takes part in inheritance.
    pub const DACL_INHERITED: u16 = 0x0400;
    /// The SACL takes part in inheritance.
    pub const SACL_INHERITED: u16 = 0x0800;
    /// The DACL takes nothing over from above.
    pub const DACL_PROTECTED: u16 = 0x1000;
    /// The SACL takes nothing over from above.
    pub const SACL_PROTECTED: u16 = 0x2000;
    /// The parts follow the header in one run of bytes.
    pub const SELF_RELATIVE: u16 = 0x8000;
}

/// Revision, padding, control, and the offsets of owner, group, SACL and DACL.
const HEADER: usize = 20;

const DIRECTORY_SDDL: &str = "O:BAG:SYD:(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;;FA;;;BA)\
    (A;OICIIO;GA;;;CO)(A;OICI;0x1200a9;;;BU)(A;CI;LC;;;BU)(A;CI;DC;;;BU)";

const FILE_SDDL: &str = "O:BAG:SYD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;0x1200a9;;;BU)";

/// A self-relative SECURITY_DESCRIPTOR, the value of `MSWINDOWS.rawsd`.
///
/// Its bytes were checked: every part, entry and SID lies within them. They are kept as they came,
/// also where another layout would say the same; two values are equal if their bytes are.
#[derive(Debug, Clone)]
pub struct SecurityDescriptor {
    bytes: Vec<u8>,
    parts: DescriptorParts,
}

/// What a [`SecurityDescriptor`] says, apart from its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct DescriptorParts {
    /// Bits of [`control`]. A DACL or SACL marked as present but `None` is a null one: it grants
    /// everything to everyone, unlike an empty one.
    pub control: u16,
    /// Who may always change the DACL.
    pub owner: Option<Sid>,
    /// The primary group, which Windows itself does not use.
    pub group: Option<Sid>,
    /// What is logged, and the integrity level.
    pub sacl: Option<Acl>,
    /// Who may do what.
    pub dacl: Option<Acl>,
}

/// Bytes that are not a self-relative security descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DescriptorError {
    /// Fewer bytes than the header has.
    #[error("a security descriptor of {length} bytes, less than its header of 20")]
    Truncated {
        /// How many bytes there are.
        length: usize,
    },
    /// The revision is not 1, the only one there is.
    #[error("a security descriptor of revision {revision}; only 1 is known")]
    Revision {
        /// The revision.
        revision: u8,
    },
    /// The descriptor holds pointers instead of offsets.
    #[error("a security descriptor that is not self-relative (control {control:#06x})")]
    NotSelfRelative {
        /// The control bits.
        control: u16,
    },
    /// A part lies outside the bytes, in the header, or is malformed.
    #[error("the {part} of a security descriptor, at offset {offset}, is malformed")]
    Part {
        /// `owner`, `group`, `SACL` or `DACL`.
        part: &'static str,
        /// Where it should begin.
        offset: u32,
    },
}

impl SecurityDescriptor {
    /// Checks `bytes` and keeps them.
    ///
    /// # Errors
    ///
    /// [`DescriptorError`] if Windows could not read them.
    pub fn parse(bytes: &[u8]) -> Result<Self, DescriptorError> {
        let Some((header, _)) = bytes.split_first_chunk::<HEADER>() else {
            let length = bytes.len();
            return Err(DescriptorError::Truncated { length });
        };
        let revision = header[0];
        if revision != 1 {
            return Err(DescriptorError::Revision { revision });
        }
        let control = u16::from_le_bytes([header[2], header[3]]);
        if control & control::SELF_RELATIVE == 0 {
            return Err(DescriptorError::NotSelfRelative { control });
        }
        let (offsets, _) = header[4..].as_chunks();
        let [owner, group, sacl, dacl] =
            [0, 1, 2, 3].map(|index| u32::from_le_bytes(offsets[index]));
        let unless = |absent: bool, offset| if absent { 0 } else { offset };
        let sacl = unless(control & control::SACL_PRESENT == 0, sacl);
        let dacl = unless(control & control::DACL_PRESENT == 0, dacl);
        let parts = DescriptorParts {
            control,
            owner: part(bytes, "owner", owner, Sid::parse)?,
            group: part(bytes, "group", group, Sid::parse)?,
            sacl: part(bytes, "SACL", sacl, Acl::parse)?,
            dacl: part(bytes, "DACL", dacl, Acl::parse)?,
        };
        Ok(Self {
            bytes: bytes.to_vec(),
            parts,
        })
    }

    /// The descriptor that says `parts`.
    ///
    /// Header, owner, group, SACL, DACL follow one another without gaps. The control bits that tell
    /// which lists are there are set as needed.
    pub fn from_parts(parts: DescriptorParts) -> Self {
        let mut control = parts.control | control::SELF_RELATIVE;
        if parts.sacl.is_some() {
            control |= control::SACL_PRESENT;
        }
        if parts.dacl.is_some() {
            control |= control::DACL_PRESENT;
        }
        let mut bytes = vec![0; HEADER];
        bytes[0] = 1;
        bytes[2..4].copy_from_slice(&control.to_le_bytes());
        let place = |field: usize, bytes: &mut Vec<u8>| {
            let offset = bytes.len() as u32;
            bytes[field..field + 4].copy_from_slice(&offset.to_le_bytes());
        };
        for (field, sid) in [(4, &parts.owner), (8, &parts.group)] {
            if let Some(sid) = sid {
                place(field, &mut bytes);
                bytes.extend(sid.to_bytes());
            }
        }
        for (field, acl) in [(12, &parts.sacl), (16, &parts.dacl)] {
            if let Some(acl) = acl {
                place(field, &mut bytes);
                acl.write(&mut bytes);
            }
        }
        let parts = DescriptorParts { control, ..parts };
        Self { bytes, parts }
    }

    /// The bytes, as they came or were made.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the descriptor says.
    pub fn parts(&self) -> &DescriptorParts {
        &self.parts
    }

    /// Bits of [`control`].
    pub fn control(&self) -> u16 {
        self.parts.control
    }

    /// Who may always change the DACL.
    pub fn owner(&self) -> Option<&Sid> {
        self.parts.owner.as_ref()
    }

    /// The primary group.
    pub fn group(&self) -> Option<&Sid> {
        self.parts.group.as_ref()
    }

    /// Who may do what; `None` if there is no DACL or a null one, which grants everything.
    pub fn dacl(&self) -> Option<&Acl> {
        self.parts.dacl.as_ref()
    }

    /// What is logged, and the integrity level.
    pub fn sacl(&self) -> Option<&Acl> {
        self.parts.sacl.as_ref()
    }

    /// The same descriptor with another owner or group; `None` leaves the one it has. Two `None`
    /// leave the bytes as they are.
    pub fn with_owner(&self, owner: Option<&Sid>, group: Option<&Sid>) -> Self {
        if owner.is_none() && group.is_none() {
            return self.clone();
        }
        let mut parts = self.parts.clone();
        if let Some(owner) = owner {
            parts.owner = Some(owner.clone());
            parts.control &= !control::OWNER_DEFAULTED;
        }
        if let Some(group) = group {
            parts.group = Some(group.clone());
            parts.control &= !control::GROUP_DEFAULTED;
        }
        Self::from_parts(parts)
    }

    /// The same descriptor with an entry that gives `sid` every right, handed on to what is below
    /// if this is a directory's.
    ///
    /// The entry stands before the first that was inherited or names the users' group: explicit
    /// entries precede inherited ones, and in the table's descriptors the one for all users comes
    /// last. Nothing changes if the entry is there already, or if there is no DACL: then everyone
    /// has every right, and a DACL would take them away.
    pub fn grant_full(&self, is_directory: bool, sid: &Sid) -> Self {
        let flags = if is_directory {
            ace::OBJECT_INHERIT | ace::CONTAINER_INHERIT
        } else {
            0
        };
        let grant = Ace::allow(flags, ace::FILE_ALL, sid);
        let Some(dacl) = self.dacl().filter(|dacl| !dacl.aces().contains(&grant)) else {
            return self.clone();
        };
        let users = Sid::users();
        let follows = |entry: &Ace| {
            entry.flags() & ace::INHERITED != 0
                || entry
                    .mask_and_sid()
                    .is_some_and(|(_, named)| named == users)
        };
        let mut aces = dacl.aces().to_vec();
        let index = aces.iter().position(follows).unwrap_or(aces.len());
        aces.insert(index, grant);
        // A list that is full already stays: the owner can change it.
        let Ok(dacl) = dacl.with_aces(aces) else {
            return self.clone();
        };
        Self::from_parts(DescriptorParts {
            dacl: Some(dacl),
            ..self.parts.clone()
        })
    }
}

impl PartialEq for SecurityDescriptor {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for SecurityDescriptor {}

impl std::hash::Hash for SecurityDescriptor {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

/// The descriptor of a directory that has no other: administrators and the system may do
/// everything, users may read, run, and create files and folders, whoever creates something owns
/// it. So it is on `C:\`.
pub fn default_directory() -> SecurityDescriptor {
    static TABLE: LazyLock<SecurityDescriptor> = LazyLock::new(|| table(DIRECTORY_SDDL));
    TABLE.clone()
}

/// The descriptor of a file that has no other: administrators and the system may do everything,
/// users may read and run.
pub fn default_file() -> SecurityDescriptor {
    static TABLE: LazyLock<SecurityDescriptor> = LazyLock::new(|| table(FILE_SDDL));
    TABLE.clone()
}

/// The descriptor for `--chown`: `base` with `owner` as its owner, `group` if one is given, and
/// every right for `owner`. The rights that `base` gives to others stay.
pub fn chown_descriptor(
    is_directory: bool,
    base: &SecurityDescriptor,
    owner: &Sid,
    group: Option<&Sid>,
) -> SecurityDescriptor {
    base.with_owner(Some(owner), group)
        .grant_full(is_directory, owner)
}

fn table(sddl: &str) -> SecurityDescriptor {
    SecurityDescriptor::from_sddl(sddl).expect("a constant, in the tests")
}

/// What `parse` reads at `offset`; nothing if that is 0.
fn part<T>(
    bytes: &[u8],
    part: &'static str,
    offset: u32,
    parse: fn(&[u8]) -> Option<T>,
) -> Result<Option<T>, DescriptorError> {
    if offset == 0 {
        return Ok(None);
    }
    usize::try_from(offset)
        .ok()
        .filter(|&start| start >= HEADER)
        .and_then(|start| bytes.get(start..))
        .and_then(parse)
        .map(Some)
        .ok_or(DescriptorError::Part { part, offset })
}

#[cfg(test)]
mod tests;
