//! Security descriptors as text (SDDL).

use std::fmt::Write;

use super::acl::{Ace, Acl, ace};
use super::sid::Sid;
use super::{DescriptorParts, SecurityDescriptor, control};

/// Text that is not SDDL, or SDDL that is not supported here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("security descriptor {text:?}, at byte {offset}: {problem}")]
pub struct SddlError {
    /// The text as it was given.
    pub text: String,
    /// Where reading stopped, in bytes.
    pub offset: usize,
    /// What is wrong there.
    pub problem: SddlProblem,
}

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SddlProblem {
    /// No section begins here, or one that was there already.
    #[error("expected O:, G:, D: or S:, each at most once")]
    Section,
    /// No account is named here.
    #[error("expected S-1-… or the letters of a well-known account")]
    Sid,
    /// What stands between a section's colon and its entries is unknown.
    #[error("expected the flags P, AR, AI or NO_ACCESS_CONTROL, or an entry in parentheses")]
    AclFlags,
    /// An entry ends too early or has too many fields.
    #[error("expected an entry with six fields: (type;flags;rights;;;account)")]
    Ace,
    /// The type of an entry is unknown, conditional, or for objects of a directory service.
    #[error("expected an entry of type A, D, AU, AL, ML or SP")]
    AceType,
    /// The flags of an entry are unknown.
    #[error("expected the flags OI, CI, NP, IO, ID, CR, SA or FA")]
    AceFlags,
    /// The rights of an entry are unknown.
    #[error("expected rights as a number or letters such as FA or GRGX")]
    Rights,
    /// An entry names a class of objects, which files do not have.
    #[error("expected an empty field: files have no object types")]
    ObjectType,
    /// The list has more entries than an ACL can hold.
    #[error("the list is longer than 65535 bytes")]
    TooLarge,
}

const ACE_TYPES: [(&str, u8); 6] = [
    ("A", ace::ALLOWED),
    ("D", ace::DENIED),
    ("AU", ace::AUDIT),
    ("AL", ace::ALARM),
    ("ML", ace::MANDATORY_LABEL),
    ("SP", ace::SCOPED_POLICY),
];

/// All eight bits, in the order in which Windows prints them.
const ACE_FLAGS: [(&str, u32); 8] = [
    ("OI", 0x01),
    ("CI", 0x02),
    ("NP", 0x04),
    ("IO", 0x08),
    ("ID", 0x10),
    ("CR", 0x20),
    ("SA", 0x40),
    ("FA", 0x80),
];

/// Rights that have their letters only as a whole.
const WHOLE_RIGHTS: [(&str, u32); 7] = [
    ("FA", ace::FILE_ALL),
    ("FR", ace::FILE_READ),
    ("FW", ace::FILE_WRITE),
    ("FX", ace::FILE_EXECUTE),
    ("KA", 0xF_003F),
    ("KR", 0x2_0019),
    ("KW", 0x2_0006),
];

/// Single bits, in the order in which Windows prints them.
const SINGLE_RIGHTS: [(&str, u32); 17] = [
    ("CC", 0x01),
    ("DC", 0x02),
    ("LC", 0x04),
    ("SW", 0x08),
    ("RP", 0x10),
    ("WP", 0x20),
    ("DT", 0x40),
    ("LO", 0x80),
    ("CR", 0x100),
    ("SD", 0x1_0000),
    ("RC", 0x2_0000),
    ("WD", 0x4_0000),
    ("WO", 0x8_0000),
    ("GA", ace::GENERIC_ALL),
    ("GX", ace::GENERIC_EXECUTE),
    ("GW", ace::GENERIC_WRITE),
    ("GR", ace::GENERIC_READ),
];

/// Further letters that are read: another name of KR, and those of mandatory labels.
const OTHER_RIGHTS: [(&str, u32); 4] = [("KX", 0x2_0019), ("NW", 0x1), ("NR", 0x2), ("NX", 0x4)];

/// A list's flags and the bits they are in a DACL's control; a SACL's are one to the left.
const ACL_FLAGS: [(&str, u16); 3] = [
    ("P", control::DACL_PROTECTED),
    ("AR", control::DACL_INHERIT_REQUIRED),
    ("AI", control::DACL_INHERITED),
];

/// Stands for a null list.
const NULL_ACL: &str = "NO_ACCESS_CONTROL";

impl SecurityDescriptor {
    /// Reads SDDL, the value of the older record `MSWINDOWS.sd`.
    ///
    /// Owner, group, DACL and SACL may come in any order, each at most once. Entries for objects of
    /// a directory service, conditional entries and resource attributes are not supported: files
    /// of a layer have none. Accounts are `S-1-…` or the letters of those that are the same on every
    /// machine.
    ///
    /// # Errors
    ///
    /// [`SddlError`] tells where and why.
    ///
    /// Source: \[MS-DTYP\] 2.5.1.
    pub fn from_sddl(text: &str) -> Result<Self, SddlError> {
        let mut reader = Reader { rest: text };
        let parts = reader.parts().map_err(|problem| SddlError {
            text: text.to_owned(),
            offset: text.len() - reader.rest.len(),
            problem,
        })?;
        Ok(Self::from_parts(parts))
    }

    /// The descriptor as SDDL, with the letters for well-known accounts and common rights, as
    /// Windows prints it. `None` if it has entries for which [`from_sddl`](Self::from_sddl) has no
    /// text.
    ///
    /// What SDDL cannot express is left out: which parts were assigned by default, an ACL's
    /// revision.
    pub fn to_sddl(&self) -> Option<String> {
        let parts = self.parts();
        let mut text = String::new();
        for (letter, sid) in [('O', &parts.owner), ('G', &parts.group)] {
            if let Some(sid) = sid {
                write!(text, "{letter}:{}", account(sid)).ok()?;
            }
        }
        for (letter, present, shift, acl) in [
            ('D', control::DACL_PRESENT, 0, &parts.dacl),
            ('S', control::SACL_PRESENT, 1, &parts.sacl),
        ] {
            if parts.control & present == 0 {
                continue;
            }
            write!(text, "{letter}:").ok()?;
            let flags = ACL_FLAGS
                .iter()
                .filter(|flag| parts.control & flag.1 << shift != 0);
            text.extend(flags.map(|flag| flag.0));
            match acl {
                Some(acl) => {
                    for entry in acl.aces() {
                        write_ace(&mut text, entry)?;
                    }
                }
                None => text.push_str(NULL_ACL),
            }
        }
        Some(text)
    }
}

fn account(sid: &Sid) -> String {
    sid.alias().map_or_else(|| sid.to_string(), str::to_owned)
}

fn write_ace(text: &mut String, entry: &Ace) -> Option<()> {
    let (mask, sid) = entry.mask_and_sid()?;
    let kind = ACE_TYPES.iter().find(|kind| kind.1 == entry.kind())?.0;
    let flags = letters(&ACE_FLAGS, entry.flags().into())?;
    let whole = WHOLE_RIGHTS.iter().find(|rights| rights.1 == mask);
    let rights = whole
        .map(|rights| rights.0.to_owned())
        .or_else(|| letters(&SINGLE_RIGHTS, mask).filter(|letters| !letters.is_empty()))
        .unwrap_or_else(|| format!("{mask:#x}"));
    write!(text, "({kind};{flags};{rights};;;{})", account(&sid)).ok()
}

/// The letters of all bits; `None` if a bit has none.
fn letters(table: &[(&str, u32)], bits: u32) -> Option<String> {
    let set = table.iter().filter(|entry| bits & entry.1 != 0);
    let covered = set.clone().fold(0, |covered, entry| covered | entry.1);
    (covered == bits).then(|| set.map(|entry| entry.0).collect())
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn parts(&mut self) -> Result<DescriptorParts, SddlProblem> {
        let mut parts = DescriptorParts::default();
        while !self.rest.is_empty() {
            let before = self.rest;
            let fresh = if self.eat("O:") {
                parts.owner.replace(self.sid()?).is_none()
            } else if self.eat("G:") {
                parts.group.replace(self.sid()?).is_none()
            } else if self.eat("D:") {
                let fresh = parts.control & control::DACL_PRESENT == 0;
                parts.control |= control::DACL_PRESENT;
                parts.dacl = self.acl(&mut parts.control, 0)?;
                fresh
            } else if self.eat("S:") {
                let fresh = parts.control & control::SACL_PRESENT == 0;
                parts.control |= control::SACL_PRESENT;
                parts.sacl = self.acl(&mut parts.control, 1)?;
                fresh
            } else {
                false
            };
            if !fresh {
                self.rest = before;
                return Err(SddlProblem::Section);
            }
        }
        Ok(parts)
    }

    /// Takes `token`, in either case, if it comes next.
    fn eat(&mut self, token: &str) -> bool {
        let Some((start, rest)) = self.rest.split_at_checked(token.len()) else {
            return false;
        };
        let found = start.eq_ignore_ascii_case(token);
        if found {
            self.rest = rest;
        }
        found
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (start, rest) = self.rest.split_at(length);
        self.rest = rest;
        start
    }

    fn sid(&mut self) -> Result<Sid, SddlProblem> {
        let before = self.rest;
        let length = sid_length(self.rest);
        let sid = if length > 0 {
            self.take(length).parse().ok()
        } else {
            let letters = self.rest.get(..2).ok_or(SddlProblem::Sid)?;
            self.rest = &self.rest[2..];
            Sid::from_alias(letters)
        };
        sid.ok_or_else(|| {
            self.rest = before;
            SddlProblem::Sid
        })
    }

    /// The flags and entries of a list. `shift` is 1 for a SACL.
    fn acl(&mut self, control: &mut u16, shift: u32) -> Result<Option<Acl>, SddlProblem> {
        let mut is_null = false;
        loop {
            if self.eat(NULL_ACL) {
                is_null = true;
            } else if let Some(flag) = ACL_FLAGS.iter().find(|flag| self.eat(flag.0)) {
                *control |= flag.1 << shift;
            } else {
                break;
            }
        }
        let mut aces = Vec::new();
        while self.eat("(") {
            aces.push(self.ace()?);
        }
        let at_end = matches!(self.rest.as_bytes(), [] | [_, b':', ..]);
        if !at_end || is_null && !aces.is_empty() {
            return Err(SddlProblem::AclFlags);
        }
        if is_null {
            return Ok(None);
        }
        Acl::new(aces).map(Some).map_err(|_| SddlProblem::TooLarge)
    }

    /// The entry behind an opening parenthesis, and the closing one.
    fn ace(&mut self) -> Result<Ace, SddlProblem> {
        let kind = self.field()?;
        let kind = ACE_TYPES
            .iter()
            .find(|known| known.0.eq_ignore_ascii_case(kind))
            .ok_or(SddlProblem::AceType)?
            .1;
        let flags = bits(self.field()?, &[&ACE_FLAGS]).ok_or(SddlProblem::AceFlags)?;
        let mask = rights(self.field()?).ok_or(SddlProblem::Rights)?;
        for _ in 0..2 {
            if !self.field()?.is_empty() {
                return Err(SddlProblem::ObjectType);
            }
        }
        let sid = self.sid()?;
        if !self.eat(")") {
            return Err(SddlProblem::Ace);
        }
        Ok(Ace::basic(kind, flags as u8, mask, &sid))
    }

    /// The text up to the next semicolon within the entry.
    fn field(&mut self) -> Result<&'a str, SddlProblem> {
        let end = self.rest.find([';', '(', ')']).ok_or(SddlProblem::Ace)?;
        let field = self.take(end);
        if self.eat(";") {
            Ok(field)
        } else {
            Err(SddlProblem::Ace)
        }
    }
}

/// How much of `text` is a literal SID. A `D` behind it may begin the next section, though it would
/// be a hexadecimal digit.
fn sid_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    if !matches!(bytes, [b'S' | b's', b'-', ..]) {
        return 0;
    }
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let mut length = 1;
    while bytes.get(length) == Some(&b'-') {
        length += 1;
        length += match &bytes[length..] {
            [b'0', b'x' | b'X', hex @ ..] => {
                // An authority has 48 bits.
                let is_hex = |byte: &&u8| byte.is_ascii_hexdigit();
                2 + hex.iter().take(12).take_while(is_hex).count()
            }
            _ => digits(length),
        };
    }
    length
}

/// The rights of an entry: a number, or letters.
fn rights(text: &str) -> Option<u32> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let signless = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        return u32::from_str_radix(hex, 16).ok().filter(|_| signless);
    }
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return text.parse().ok();
    }
    bits(text, &[&WHOLE_RIGHTS, &SINGLE_RIGHTS, &OTHER_RIGHTS])
}

/// The bits that a row of two letters each stands for.
fn bits(text: &str, tables: &[&[(&str, u32)]]) -> Option<u32> {
    let mut bits = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (letters, behind) = rest.split_at_checked(2)?;
        let mut entries = tables.iter().copied().flatten();
        bits |= entries
            .find(|entry| entry.0.eq_ignore_ascii_case(letters))?
            .1;
        rest = behind;
    }
    Some(bits)
}
