//! Access control lists and their entries.

use std::fmt;

use super::sid::Sid;

/// Flags of an [`Ace`], and the types of entry whose body is a mask and a SID.
///
/// Source: \[MS-DTYP\] 2.4.4.1.
pub mod ace {
    /// Grants the mask to the SID.
    pub const ALLOWED: u8 = 0;
    /// Denies the mask to the SID.
    pub const DENIED: u8 = 1;
    /// Logs use of the mask by the SID; in a SACL.
    pub const AUDIT: u8 = 2;
    /// An alarm; defined, never implemented.
    pub const ALARM: u8 = 3;
    /// An integrity level; in a SACL.
    pub const MANDATORY_LABEL: u8 = 0x11;
    /// A central access policy; in a SACL.
    pub const SCOPED_POLICY: u8 = 0x13;

    /// Files in the folder inherit the entry.
    pub const OBJECT_INHERIT: u8 = 0x01;
    /// Folders in the folder inherit the entry.
    pub const CONTAINER_INHERIT: u8 = 0x02;
    /// Who inherits the entry does not hand it on.
    pub const NO_PROPAGATE: u8 = 0x04;
    /// The entry does not apply to the folder itself.
    pub const INHERIT_ONLY: u8 = 0x08;
    /// The entry was inherited.
    pub const INHERITED: u8 = 0x10;

    /// Every right to a file or folder (FILE_ALL_ACCESS).
    pub const FILE_ALL: u32 = 0x1F_01FF;
    /// To read a file (FILE_GENERIC_READ).
    pub const FILE_READ: u32 = 0x12_0089;
    /// To write a file (FILE_GENERIC_WRITE).
    pub const FILE_WRITE: u32 = 0x12_0116;
    /// To run a file (FILE_GENERIC_EXECUTE).
    pub const FILE_EXECUTE: u32 = 0x12_00A0;
    /// Every right to whatever kind of object inherits the entry.
    pub const GENERIC_ALL: u32 = 0x1000_0000;
    /// To run whatever inherits the entry.
    pub const GENERIC_EXECUTE: u32 = 0x2000_0000;
    /// To write whatever inherits the entry.
    pub const GENERIC_WRITE: u32 = 0x4000_0000;
    /// To read whatever inherits the entry.
    pub const GENERIC_READ: u32 = 0x8000_0000;
}

/// Type, flags, size.
const ACE_HEADER: usize = 4;

/// Revision, padding, size, count, padding.
const ACL_HEADER: usize = 8;

/// The revision of an ACL without object entries.
const ACL_REVISION: u8 = 2;

/// One entry of an access control list: `{type u8, flags u8, size u16, body}`.
///
/// The body of every type is kept as it came. Only types whose body is a mask and a SID
/// ([`ace`]) can be looked into.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Ace {
    kind: u8,
    flags: u8,
    /// A multiple of 4, at most 65,532 bytes.
    body: Vec<u8>,
}

impl Ace {
    /// An entry of a type whose body is a mask and a SID.
    pub(super) fn basic(kind: u8, flags: u8, mask: u32, sid: &Sid) -> Self {
        let mut body = mask.to_le_bytes().to_vec();
        body.extend(sid.to_bytes());
        Self { kind, flags, body }
    }

    /// An entry that grants `mask` to `sid`; `flags` as in [`ace`].
    pub fn allow(flags: u8, mask: u32, sid: &Sid) -> Self {
        Self::basic(ace::ALLOWED, flags, mask, sid)
    }

    /// An entry that denies `mask` to `sid`; `flags` as in [`ace`].
    pub fn deny(flags: u8, mask: u32, sid: &Sid) -> Self {
        Self::basic(ace::DENIED, flags, mask, sid)
    }

    /// The type of entry, one of [`ace`]'s or another.
    pub fn kind(&self) -> u8 {
        self.kind
    }

    /// The flags, as in [`ace`].
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// The same entry with other flags.
    pub fn with_flags(&self, flags: u8) -> Self {
        Self {
            flags,
            ..self.clone()
        }
    }

    /// The mask and the SID, if the body consists of them and nothing else.
    pub fn mask_and_sid(&self) -> Option<(u32, Sid)> {
        let basic = matches!(
            self.kind,
            ace::ALLOWED..=ace::ALARM | ace::MANDATORY_LABEL | ace::SCOPED_POLICY
        );
        let (mask, sid) = self.body.split_first_chunk()?;
        let sid = Sid::parse(sid).filter(|parsed| basic && parsed.size() == sid.len())?;
        Some((u32::from_le_bytes(*mask), sid))
    }

    fn size(&self) -> usize {
        ACE_HEADER + self.body.len()
    }

    /// The entry at the start of `bytes`.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (&[kind, flags, low, high], _) = bytes.split_first_chunk()?;
        let size = usize::from(u16::from_le_bytes([low, high]));
        let body = bytes.get(ACE_HEADER..size)?;
        (size % 4 == 0 && sid_fits(kind, body)).then(|| Self {
            kind,
            flags,
            body: body.to_vec(),
        })
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&[self.kind, self.flags]);
        bytes.extend_from_slice(&(self.size() as u16).to_le_bytes());
        bytes.extend_from_slice(&self.body);
    }
}

impl fmt::Debug for Ace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ace({:#x}; {:#x}; ", self.kind, self.flags)?;
        match self.mask_and_sid() {
            Some((mask, sid)) => write!(f, "{mask:#x}; {sid})"),
            None => write!(f, "{:02x?})", self.body),
        }
    }
}

/// Whether the body of a known type of entry holds the SID that Windows will read from it.
///
/// Types 0–3, 9, 0xA, 0xD, 0xE and 0x11–0x13 have a mask and a SID, some of them data after it;
/// the object types 5–8, 0xB, 0xC, 0xF and 0x10 have a mask, flags that tell which of two GUIDs
/// are there, and a SID. Windows looks into no other type.
fn sid_fits(kind: u8, body: &[u8]) -> bool {
    let sid_at = match kind {
        0..=3 | 9 | 0xA | 0xD | 0xE | 0x11..=0x13 => 4,
        5..=8 | 0xB | 0xC | 0xF | 0x10 => {
            let Some(&present) = body.get(4) else {
                return false;
            };
            8 + 16 * usize::from(present & 1) + 16 * usize::from(present >> 1 & 1)
        }
        _ => return true,
    };
    body.get(sid_at..).and_then(Sid::parse).is_some()
}

/// An access control list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acl {
    revision: u8,
    aces: Vec<Ace>,
}

/// An access control list of more than 65,535 bytes, which its size field cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an access control list of {size} bytes; Windows holds at most 65535")]
pub struct AclTooLarge {
    /// The size that it would have in bytes.
    pub size: usize,
}

impl Acl {
    /// A list of these entries, in this order.
    ///
    /// # Errors
    ///
    /// [`AclTooLarge`] if they do not fit.
    pub fn new(aces: Vec<Ace>) -> Result<Self, AclTooLarge> {
        Self::with_revision(ACL_REVISION, aces)
    }

    /// The same list with other entries.
    ///
    /// # Errors
    ///
    /// [`AclTooLarge`] if they do not fit.
    pub fn with_aces(&self, aces: Vec<Ace>) -> Result<Self, AclTooLarge> {
        Self::with_revision(self.revision, aces)
    }

    fn with_revision(revision: u8, aces: Vec<Ace>) -> Result<Self, AclTooLarge> {
        let acl = Self { revision, aces };
        let size = acl.size();
        if u16::try_from(size).is_ok() {
            Ok(acl)
        } else {
            Err(AclTooLarge { size })
        }
    }

    /// The entries in order; the first that decides about a right decides.
    pub fn aces(&self) -> &[Ace] {
        &self.aces
    }

    pub(super) fn size(&self) -> usize {
        ACL_HEADER + self.aces.iter().map(Ace::size).sum::<usize>()
    }

    /// The list at the start of `bytes`. Room after the last entry, which Windows allows, is not
    /// kept.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (
            &[
                revision,
                _,
                size_low,
                size_high,
                count_low,
                count_high,
                _,
                _,
            ],
            _,
        ) = bytes.split_first_chunk()?;
        let size = usize::from(u16::from_le_bytes([size_low, size_high]));
        let mut rest = bytes.get(ACL_HEADER..size)?;
        let count = u16::from_le_bytes([count_low, count_high]);
        let mut aces = Vec::new();
        for _ in 0..count {
            let ace = Ace::parse(rest)?;
            rest = &rest[ace.size()..];
            aces.push(ace);
        }
        // 2, and 4 where there are object entries.
        (ACL_REVISION..=4)
            .contains(&revision)
            .then_some(Self { revision, aces })
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&[self.revision, 0]);
        bytes.extend_from_slice(&(self.size() as u16).to_le_bytes());
        bytes.extend_from_slice(&(self.aces.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        for ace in &self.aces {
            ace.write(bytes);
        }
    }
}
