//! Security descriptors as people read them.

use crossdock_build::{Ace, SecurityDescriptor, Sid, ace, control};

/// A line of a list of access rights.
pub(super) struct AceText {
    /// `allow`, `deny`, `audit`…
    pub(super) kind: String,
    /// Whom it is about.
    pub(super) account: String,
    /// What.
    pub(super) rights: String,
    /// Where it comes from and where it goes.
    pub(super) flags: Vec<&'static str>,
}

/// The name of an account, or else its SID.
pub(super) fn account(sid: &Sid) -> String {
    match sid.well_known_name() {
        // What every domain has is known only with the domain.
        Some(name) if sid.subauthorities().len() == 5 && sid.subauthorities()[0] == 21 => {
            format!("{name} ({sid})")
        }
        Some(name) => name.to_owned(),
        None => sid.to_string(),
    }
}

/// The names of control bits that say something about a descriptor.
pub(super) fn control_names(descriptor: &SecurityDescriptor) -> Vec<&'static str> {
    const NAMES: [(u16, &str); 10] = [
        (control::DACL_PROTECTED, "DACL protected"),
        (control::DACL_INHERITED, "DACL auto-inherited"),
        (control::DACL_INHERIT_REQUIRED, "DACL inherit required"),
        (control::SACL_PROTECTED, "SACL protected"),
        (control::SACL_INHERITED, "SACL auto-inherited"),
        (control::SACL_INHERIT_REQUIRED, "SACL inherit required"),
        (control::OWNER_DEFAULTED, "owner defaulted"),
        (control::GROUP_DEFAULTED, "group defaulted"),
        (control::DACL_PRESENT, "DACL present"),
        (control::SACL_PRESENT, "SACL present"),
    ];
    let set = NAMES
        .iter()
        .filter(|known| descriptor.control() & known.0 != 0);
    set.map(|known| known.1).collect()
}

/// An entry of an access control list in words.
pub(super) fn ace_text(entry: &Ace) -> AceText {
    let kind = match entry.kind() {
        ace::ALLOWED => "allow".to_owned(),
        ace::DENIED => "deny".to_owned(),
        ace::AUDIT => "audit".to_owned(),
        ace::ALARM => "alarm".to_owned(),
        ace::MANDATORY_LABEL => "integrity".to_owned(),
        ace::SCOPED_POLICY => "policy".to_owned(),
        other => format!("type {other:#x}"),
    };
    let (account, rights) = match entry.mask_and_sid() {
        None => (
            "of a kind that is not taken apart".to_owned(),
            String::new(),
        ),
        Some((mask, sid)) => {
            let rights = match entry.kind() {
                ace::MANDATORY_LABEL => joined(LABEL_RIGHTS, mask),
                ace::SCOPED_POLICY => String::new(),
                _ => rights(mask),
            };
            (account(&sid), rights)
        }
    };
    AceText {
        kind,
        account,
        rights,
        flags: flags(entry.flags()),
    }
}

fn flags(flags: u8) -> Vec<&'static str> {
    let has = |flag: u8| flags & flag != 0;
    let mut texts = Vec::new();
    if has(ace::INHERITED) {
        texts.push("inherited");
    }
    match (has(ace::OBJECT_INHERIT), has(ace::CONTAINER_INHERIT)) {
        (true, true) => texts.push("object+container inherit"),
        (true, false) => texts.push("object inherit"),
        (false, true) => texts.push("container inherit"),
        (false, false) => {}
    }
    const OTHERS: [(u8, &str); 5] = [
        (ace::INHERIT_ONLY, "inherit only"),
        (ace::NO_PROPAGATE, "no propagate"),
        // [MS-DTYP] 2.4.4.1, and winnt.h for the first.
        (0x20, "critical"),
        (0x40, "of success"),
        (0x80, "of failure"),
    ];
    let others = OTHERS.iter().filter(|known| has(known.0));
    texts.extend(others.map(|known| known.1));
    texts
}

/// What Windows' dialog calls the masks of files, and what they consist of.
pub(super) fn rights(mask: u32) -> String {
    const WHOLE: [(u32, &str); 9] = [
        (ace::FILE_ALL, "full control"),
        (ace::GENERIC_ALL, "generic full control"),
        (0x13_01BF, "modify"),
        (0x12_01BF, "read, write & execute"),
        (0x12_00A9, "read & execute"),
        (0x12_019F, "read & write"),
        (ace::FILE_READ, "read"),
        (ace::FILE_WRITE, "write"),
        (ace::FILE_EXECUTE, "execute"),
    ];
    match WHOLE.iter().find(|known| known.0 == mask) {
        Some((_, name)) => (*name).to_owned(),
        None if mask == 0 => "nothing".to_owned(),
        None => joined(SINGLE_RIGHTS, mask),
    }
}

fn joined(table: &[(u32, &str)], mask: u32) -> String {
    let set = table.iter().filter(|known| mask & known.0 != 0);
    let mut texts: Vec<String> = set.clone().map(|known| known.1.to_owned()).collect();
    let rest = mask & !set.fold(0, |bits, known| bits | known.0);
    if rest != 0 {
        texts.push(format!("{rest:#x}"));
    }
    texts.join(", ")
}

/// The rights to a file, and to a directory where those have another name.
///
/// Source: \[MS-DTYP\] 2.4.3, \[MS-SMB2\] 2.2.13.1.
const SINGLE_RIGHTS: &[(u32, &str)] = &[
    (0x1, "read data/list"),
    (0x2, "write data/add files"),
    (0x4, "append/add folders"),
    (0x8, "read EAs"),
    (0x10, "write EAs"),
    (0x20, "execute/traverse"),
    (0x40, "delete children"),
    (0x80, "read attributes"),
    (0x100, "write attributes"),
    (0x1_0000, "delete"),
    (0x2_0000, "read permissions"),
    (0x4_0000, "change permissions"),
    (0x8_0000, "take ownership"),
    (0x10_0000, "synchronize"),
    (0x100_0000, "access SACL"),
    (0x200_0000, "maximum allowed"),
    (ace::GENERIC_ALL, "generic full control"),
    (ace::GENERIC_EXECUTE, "generic execute"),
    (ace::GENERIC_WRITE, "generic write"),
    (ace::GENERIC_READ, "generic read"),
];

/// What a lower integrity level may not do.
const LABEL_RIGHTS: &[(u32, &str)] = &[(1, "no write up"), (2, "no read up"), (4, "no execute up")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries() {
        let check = |sddl: &str, expected: &str| {
            let descriptor = SecurityDescriptor::from_sddl(sddl).unwrap();
            let acl = descriptor.dacl().or(descriptor.sacl()).unwrap();
            let text = ace_text(&acl.aces()[0]);
            let found = format!(
                "{} {}: {} ({})",
                text.kind,
                text.account,
                text.rights,
                text.flags.join(", ")
            );
            assert_eq!(found, expected, "{sddl}");
        };
        check(
            "D:(A;OICIID;FA;;;BA)",
            r"allow BUILTIN\Administrators: full control (inherited, object+container inherit)",
        );
        check("D:(D;;0x1200a9;;;WD)", "deny Everyone: read & execute ()");
        check(
            "D:(A;CIIO;DCLC;;;BU)",
            r"allow BUILTIN\Users: write data/add files, append/add folders (container inherit, inherit only)",
        );
        check(
            "D:(A;;0x80000000;;;S-1-5-21-1-2-3-500)",
            "allow Administrator (S-1-5-21-1-2-3-500): generic read ()",
        );
        check(
            "D:(A;;0x400001;;;S-1-5-21-1-2-3-1001)",
            "allow S-1-5-21-1-2-3-1001: read data/list, 0x400000 ()",
        );
        check(
            "S:(ML;;NWNR;;;HI)",
            r"integrity Mandatory Label\High Mandatory Level: no write up, no read up ()",
        );
        check(
            "S:(AU;SAFA;FA;;;WD)",
            "audit Everyone: full control (of success, of failure)",
        );
    }

    #[test]
    fn control_bits() {
        let descriptor = SecurityDescriptor::from_sddl("D:PAI(A;;FA;;;WD)").unwrap();
        assert_eq!(
            control_names(&descriptor),
            ["DACL protected", "DACL auto-inherited", "DACL present"]
        );
    }
}
