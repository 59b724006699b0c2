//! `--chmod`: octal and symbolic changes of a mode (POSIX chmod).

/// A change of permission bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ModeChange {
    /// All bits, setuid, setgid and sticky included.
    Octal(u32),
    /// Clauses such as `u+x,go-w`, applied in order.
    Symbolic(Vec<Clause>),
}

/// One clause of a symbolic change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Clause {
    /// Whose bits: a mask of 0o700, 0o070, 0o007.
    who: u32,
    operator: Operator,
    /// Permissions as they would be for the user, group and others together: `rwx` is 0o777.
    permissions: u32,
    /// `X`: execute only for directories and files that someone may execute.
    conditional_execute: bool,
    /// Bits copied from another class (`g=u`).
    copied: Option<u32>,
    special: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operator {
    Add,
    Remove,
    Set,
}

impl ModeChange {
    /// Reads octal digits or a symbolic mode; `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        if !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7')) {
            let mode = u32::from_str_radix(text, 8).ok()?;
            return (mode <= 0o7777).then_some(Self::Octal(mode));
        }
        let mut clauses = Vec::new();
        for part in text.split(',') {
            parse_part(part, &mut clauses)?;
        }
        Some(Self::Symbolic(clauses))
    }

    /// Whether this is an octal mode.
    pub fn is_octal(&self) -> bool {
        matches!(self, Self::Octal(_))
    }

    /// The mode after the change.
    pub fn apply(&self, mode: u32, directory: bool) -> u32 {
        match self {
            Self::Octal(mode) => *mode,
            Self::Symbolic(clauses) => clauses
                .iter()
                .fold(mode, |mode, clause| clause.apply(mode, directory)),
        }
    }
}

fn parse_part(part: &str, clauses: &mut Vec<Clause>) -> Option<()> {
    let operators = |c| matches!(c, '+' | '-' | '=');
    let start = part.find(operators)?;
    let mut who = 0;
    for class in part[..start].chars() {
        who |= class_mask(class).or((class == 'a').then_some(0o777))?;
    }
    if start == 0 {
        // Without a class chmod would look at the umask; a build has none.
        who = 0o777;
    }
    let mut rest = &part[start..];
    while let Some(operator) = rest.chars().next() {
        let operator = match operator {
            '+' => Operator::Add,
            '-' => Operator::Remove,
            '=' => Operator::Set,
            _ => return None,
        };
        let end = rest[1..].find(operators).map_or(rest.len(), |end| end + 1);
        clauses.push(parse_permissions(who, operator, &rest[1..end])?);
        rest = &rest[end..];
    }
    Some(())
}

fn parse_permissions(who: u32, operator: Operator, text: &str) -> Option<Clause> {
    let mut clause = Clause {
        who,
        operator,
        permissions: 0,
        conditional_execute: false,
        copied: None,
        special: 0,
    };
    for letter in text.chars() {
        match letter {
            'r' => clause.permissions |= 0o444,
            'w' => clause.permissions |= 0o222,
            'x' => clause.permissions |= 0o111,
            'X' => clause.conditional_execute = true,
            's' => {
                clause.special |= if who & 0o700 != 0 { 0o4000 } else { 0 };
                clause.special |= if who & 0o070 != 0 { 0o2000 } else { 0 };
            }
            't' => clause.special |= 0o1000,
            _ if text.len() == 1 => clause.copied = Some(class_mask(letter)?),
            _ => return None,
        }
    }
    Some(clause)
}

fn class_mask(class: char) -> Option<u32> {
    match class {
        'u' => Some(0o700),
        'g' => Some(0o070),
        'o' => Some(0o007),
        _ => None,
    }
}

impl Clause {
    fn apply(&self, mode: u32, directory: bool) -> u32 {
        let mut bits = self.permissions;
        if self.conditional_execute && (directory || mode & 0o111 != 0) {
            bits |= 0o111;
        }
        if let Some(class) = self.copied {
            let one = (mode & class) >> class.trailing_zeros();
            bits |= one | one << 3 | one << 6;
        }
        let bits = bits & self.who | self.special;
        match self.operator {
            Operator::Add => mode | bits,
            Operator::Remove => mode & !bits,
            Operator::Set => {
                let special = if self.who & 0o700 != 0 { 0o4000 } else { 0 }
                    | if self.who & 0o070 != 0 { 0o2000 } else { 0 };
                mode & !self.who & !special | bits
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes() {
        let check = |text: &str, mode: u32, directory: bool, expected: Option<u32>| {
            let changed = ModeChange::parse(text).map(|change| change.apply(mode, directory));
            assert_eq!(changed, expected, "{text} on {mode:o}");
        };
        check("755", 0o600, false, Some(0o755));
        check("4755", 0o600, false, Some(0o4755));
        check("77777", 0, false, None);
        check("0000", 0o777, false, Some(0));
        check("u+x", 0o644, false, Some(0o744));
        check("+x", 0o644, false, Some(0o755));
        check("a+x,go-r", 0o644, false, Some(0o711));
        check("go=", 0o777, false, Some(0o700));
        check("u=rwx,g=rx,o=", 0o000, false, Some(0o750));
        check("a+X", 0o644, false, Some(0o644));
        check("a+X", 0o644, true, Some(0o755));
        check("a+X", 0o744, false, Some(0o755));
        check("g=u", 0o740, false, Some(0o770));
        check("u+s", 0o755, false, Some(0o4755));
        check("g+s", 0o755, true, Some(0o2755));
        check("+t", 0o755, true, Some(0o1755));
        check("u=rw", 0o4755, false, Some(0o655));
        check("u+r-w", 0o200, false, Some(0o400));
        check("", 0, false, None);
        check("u", 0, false, None);
        check("z+x", 0, false, None);
        check("u+q", 0, false, None);
        check("9", 0, false, None);
    }
}
