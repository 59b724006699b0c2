//! Security identifiers: who owns a file, and whom an entry of its ACL names.

use std::fmt;
use std::str::FromStr;

/// The most subauthorities that Windows accepts (SID_MAX_SUB_AUTHORITIES).
const MAX_SUBAUTHORITIES: usize = 15;

/// The bytes of a SID before its subauthorities.
const FIXED: usize = 8;

/// A security identifier: an authority and up to 15 numbers under it, written `S-1-5-32-544`.
///
/// Source: \[MS-DTYP\] 2.4.2.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid {
    /// 48 bits.
    authority: u64,
    subauthorities: Vec<u32>,
}

/// Text that is not a SID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a SID (S-1-…)")]
pub struct SidError {
    /// The text as it was given.
    pub text: String,
}

impl Sid {
    /// `BUILTIN\Administrators`.
    pub fn administrators() -> Self {
        Self::well_known(5, &[32, 544])
    }

    /// `BUILTIN\Users`.
    pub fn users() -> Self {
        Self::well_known(5, &[32, 545])
    }

    /// `NT AUTHORITY\SYSTEM`.
    pub fn system() -> Self {
        Self::well_known(5, &[18])
    }

    /// `CREATOR OWNER`: in an inheritable entry, whoever will own the new object.
    pub fn creator_owner() -> Self {
        Self::well_known(3, &[0])
    }

    /// `CREATOR GROUP`: in an inheritable entry, the group of the new object.
    pub fn creator_group() -> Self {
        Self::well_known(3, &[1])
    }

    pub(super) fn well_known(authority: u64, subauthorities: &[u32]) -> Self {
        Self {
            authority,
            subauthorities: subauthorities.to_vec(),
        }
    }

    /// The SID at the start of `bytes`; `None` if there is none. [`size`](Self::size) tells where
    /// it ends.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (&[1, count, a, b, c, d, e, f], rest) = bytes.split_first_chunk()? else {
            return None;
        };
        let count = usize::from(count);
        let numbers = rest.get(..count * 4)?;
        (count <= MAX_SUBAUTHORITIES).then(|| Self {
            authority: u64::from_be_bytes([0, 0, a, b, c, d, e, f]),
            subauthorities: numbers
                .as_chunks()
                .0
                .iter()
                .copied()
                .map(u32::from_le_bytes)
                .collect(),
        })
    }

    /// The binary form: `{revision 1, count, authority in 6 bytes big-endian, count × u32 LE}`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.size());
        bytes.extend_from_slice(&[1, self.subauthorities.len() as u8]);
        bytes.extend_from_slice(&self.authority.to_be_bytes()[2..]);
        for number in &self.subauthorities {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// The size of the binary form in bytes, a multiple of 4 and at most 68.
    pub fn size(&self) -> usize {
        FIXED + 4 * self.subauthorities.len()
    }

    /// The number of the authority, below 2⁴⁸.
    pub fn authority(&self) -> u64 {
        self.authority
    }

    /// The numbers under the authority, at most 15.
    pub fn subauthorities(&self) -> &[u32] {
        &self.subauthorities
    }

    /// The two letters that SDDL has for this SID.
    ///
    /// Only SIDs that are the same on every machine have letters here; those that depend on a
    /// domain (`DA`, `LA`, …) do not. Source: \[MS-DTYP\] 2.5.1.1, and sddl.h for the later ones.
    pub fn alias(&self) -> Option<&'static str> {
        ALIASES
            .iter()
            .find(|alias| alias.1 == self.authority && alias.2 == &self.subauthorities[..])
            .map(|alias| alias.0)
    }

    /// The SID for which SDDL's two letters stand, in either case.
    pub fn from_alias(letters: &str) -> Option<Self> {
        ALIASES
            .iter()
            .find(|alias| alias.0.eq_ignore_ascii_case(letters))
            .map(|alias| Self::well_known(alias.1, alias.2))
    }
}

impl fmt::Display for Sid {
    /// `S-1-…`, never the alias. An authority of 2³² or more is written in hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.authority > u64::from(u32::MAX) {
            write!(f, "S-1-{:#014x}", self.authority)?;
        } else {
            write!(f, "S-1-{}", self.authority)?;
        }
        for number in &self.subauthorities {
            write!(f, "-{number}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sid {
    type Err = SidError;

    /// Reads `S-1-<authority>[-<number>…]`: the authority in decimal or `0x` hexadecimal below 2⁴⁸,
    /// up to 15 decimal numbers below 2³².
    fn from_str(text: &str) -> Result<Self, SidError> {
        parse_text(text).ok_or_else(|| SidError {
            text: text.to_owned(),
        })
    }
}

fn parse_text(text: &str) -> Option<Sid> {
    let rest = text
        .strip_prefix("S-1-")
        .or_else(|| text.strip_prefix("s-1-"))?;
    let mut fields = rest.split('-');
    let authority = fields.next()?;
    let authority = match authority
        .strip_prefix("0x")
        .or_else(|| authority.strip_prefix("0X"))
    {
        Some(hex) => number(hex, 16)?,
        None => number(authority, 10)?,
    };
    let subauthorities = fields
        .map(|field| u32::try_from(number(field, 10)?).ok())
        .collect::<Option<Vec<_>>>()?;
    (authority < 1 << 48 && subauthorities.len() <= MAX_SUBAUTHORITIES).then_some(Sid {
        authority,
        subauthorities,
    })
}

/// Digits without a sign.
fn number(digits: &str, radix: u32) -> Option<u64> {
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// The SID of an account that a Dockerfile may name, without asking a machine.
///
/// - `ContainerAdministrator` and `ContainerUser`, also behind `User Manager\`: their SIDs are the
///   same in every Windows container (S-1-5-93-2-1 and -2).
/// - A literal `S-1-…`.
/// - Accounts and groups that are the same on every machine, with or without their domain
///   (`BUILTIN\Users`, `NT AUTHORITY\SYSTEM`, `NT SERVICE\TrustedInstaller`), in any case.
///
/// `None` for any other name: only the container's own account database knows those.
pub fn resolve_account(name: &str) -> Option<Sid> {
    if let Ok(sid) = name.parse() {
        return Some(sid);
    }
    let (domain, account) = match name.split_once('\\') {
        Some((domain, account)) => (Some(domain), account),
        None => (None, name),
    };
    ACCOUNTS
        .iter()
        .filter(|entry| domain.is_none_or(|domain| entry.0.eq_ignore_ascii_case(domain)))
        .find(|entry| entry.1.eq_ignore_ascii_case(account))
        .map(|entry| Sid::well_known(entry.2, entry.3))
}

/// SDDL's letters, the authority and the subauthorities.
pub(super) const ALIASES: &[(&str, u64, &[u32])] = &[
    ("AA", 5, &[32, 579]),
    ("AC", 15, &[2, 1]),
    ("AN", 5, &[7]),
    ("AO", 5, &[32, 548]),
    ("AS", 18, &[1]),
    ("AU", 5, &[11]),
    ("BA", 5, &[32, 544]),
    ("BG", 5, &[32, 546]),
    ("BO", 5, &[32, 551]),
    ("BU", 5, &[32, 545]),
    ("CD", 5, &[32, 574]),
    ("CG", 3, &[1]),
    ("CO", 3, &[0]),
    ("CY", 5, &[32, 569]),
    ("ED", 5, &[9]),
    ("ER", 5, &[32, 573]),
    ("ES", 5, &[32, 576]),
    ("HA", 5, &[32, 578]),
    ("HI", 16, &[12288]),
    ("IS", 5, &[32, 568]),
    ("IU", 5, &[4]),
    ("LS", 5, &[19]),
    ("LU", 5, &[32, 559]),
    ("LW", 16, &[4096]),
    ("ME", 16, &[8192]),
    ("MP", 16, &[8448]),
    ("MS", 5, &[32, 577]),
    ("MU", 5, &[32, 558]),
    ("NO", 5, &[32, 556]),
    ("NS", 5, &[20]),
    ("NU", 5, &[2]),
    ("OW", 3, &[4]),
    ("PO", 5, &[32, 550]),
    ("PS", 5, &[10]),
    ("PU", 5, &[32, 547]),
    ("RA", 5, &[32, 575]),
    ("RC", 5, &[12]),
    ("RD", 5, &[32, 555]),
    ("RE", 5, &[32, 552]),
    ("RM", 5, &[32, 580]),
    ("RU", 5, &[32, 554]),
    ("SI", 16, &[16384]),
    ("SO", 5, &[32, 549]),
    ("SS", 18, &[2]),
    ("SU", 5, &[6]),
    ("SY", 5, &[18]),
    ("UD", 5, &[84, 0, 0, 0, 0, 0]),
    ("WD", 1, &[0]),
    ("WR", 5, &[33]),
];

/// Domain, account, authority and subauthorities.
pub(super) const ACCOUNTS: &[(&str, &str, u64, &[u32])] = &[
    ("User Manager", "ContainerAdministrator", 5, &[93, 2, 1]),
    ("User Manager", "ContainerUser", 5, &[93, 2, 2]),
    ("BUILTIN", "Administrators", 5, &[32, 544]),
    ("BUILTIN", "Backup Operators", 5, &[32, 551]),
    ("BUILTIN", "Guests", 5, &[32, 546]),
    ("BUILTIN", "IIS_IUSRS", 5, &[32, 568]),
    ("BUILTIN", "Power Users", 5, &[32, 547]),
    ("BUILTIN", "Users", 5, &[32, 545]),
    ("NT AUTHORITY", "ANONYMOUS LOGON", 5, &[7]),
    ("NT AUTHORITY", "Authenticated Users", 5, &[11]),
    ("NT AUTHORITY", "INTERACTIVE", 5, &[4]),
    ("NT AUTHORITY", "LOCAL SERVICE", 5, &[19]),
    ("NT AUTHORITY", "LocalService", 5, &[19]),
    ("NT AUTHORITY", "LocalSystem", 5, &[18]),
    ("NT AUTHORITY", "NETWORK", 5, &[2]),
    ("NT AUTHORITY", "NETWORK SERVICE", 5, &[20]),
    ("NT AUTHORITY", "NetworkService", 5, &[20]),
    ("NT AUTHORITY", "SERVICE", 5, &[6]),
    ("NT AUTHORITY", "SYSTEM", 5, &[18]),
    ("", "Everyone", 1, &[0]),
    (
        "NT SERVICE",
        "TrustedInstaller",
        5,
        &[
            80, 956008885, 3418522649, 1831038044, 1853292631, 2271478464,
        ],
    ),
];
