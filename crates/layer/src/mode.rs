//! `--chmod`: octal and symbolic changes of a mode.
//!
//! Symbolic modes mean what they mean to docker, whose parser descends from BSD's setmode(3). Where
//! that differs from POSIX it is marked below.

/// A change of permission bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ModeChange {
    /// All bits, setuid, setgid and sticky included.
    Octal(u32),
    /// Clauses such as `u+x,go-w`, taken apart and applied in order.
    Symbolic(Vec<Clause>),
}

/// One step of a symbolic change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Clause(Step);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Set(u32),
    Clear(u32),
    /// `X`: sets bits of directories and of files that someone might execute before the change.
    SetIfExecutable(u32),
    /// `g=u`: copies the three bits of the class at shift `from` to those of `classes`.
    Copy {
        from: u32,
        classes: u32,
        operator: Operator,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operator {
    Add,
    Remove,
    Set,
}

const SET_IDS: u32 = 0o6000;
const STICKY: u32 = 0o1000;
const OTHERS: u32 = 0o007;
/// What `a` stands for, and what `=` clears without a class: all but the sticky bit.
const ALL: u32 = 0o6777;

impl ModeChange {
    /// Reads octal digits or a symbolic mode; `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            let octal = text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
            let mode = u32::from_str_radix(text, 8).ok()?;
            return (octal && mode <= 0o7777).then_some(Self::Octal(mode));
        }
        let mut steps = Vec::new();
        for part in text.split(',') {
            parse_part(part, &mut steps)?;
        }
        Some(Self::Symbolic(steps.into_iter().map(Clause).collect()))
    }

    /// Whether this is an octal mode.
    pub fn is_octal(&self) -> bool {
        matches!(self, Self::Octal(_))
    }

    /// The mode after the change.
    pub fn apply(&self, mode: u32, directory: bool) -> u32 {
        match self {
            Self::Octal(mode) => *mode,
            Self::Symbolic(clauses) => {
                let executable = directory || mode & 0o111 != 0;
                clauses
                    .iter()
                    .fold(mode, |mode, Clause(step)| step.apply(mode, executable))
            }
        }
    }
}

/// Reads classes, and then operators with permissions.
fn parse_part(part: &str, steps: &mut Vec<Step>) -> Option<()> {
    let actions = part.trim_start_matches(['u', 'g', 'o', 'a']);
    let mut who = 0;
    for class in part[..part.len() - actions.len()].chars() {
        who |= match class {
            'u' => 0o4700,
            'g' => 0o2070,
            'o' => OTHERS,
            _ => ALL,
        };
    }
    let operators = |c| matches!(c, '+' | '-' | '=');
    let mut rest = actions;
    loop {
        let operator = match rest.chars().next()? {
            '+' => Operator::Add,
            '-' => Operator::Remove,
            '=' => Operator::Set,
            _ => return None,
        };
        let end = rest[1..].find(operators).map_or(rest.len(), |end| end + 1);
        parse_permissions(who, operator, &rest[1..end], steps)?;
        rest = &rest[end..];
        if rest.is_empty() {
            return Some(());
        }
    }
}

fn parse_permissions(
    mut who: u32,
    operator: Operator,
    text: &str,
    steps: &mut Vec<Step>,
) -> Option<()> {
    let mut bits = 0;
    let mut conditional = 0;
    let mut has_set = operator != Operator::Set;
    // Of others there is no set-id and no sticky bit.
    let takes_special = |who: u32| who == 0 || who & !OTHERS != 0;
    for letter in text.chars() {
        match letter {
            'r' => bits |= 0o444,
            'w' => bits |= 0o222,
            'x' => bits |= 0o111,
            'X' if operator == Operator::Remove => bits |= 0o111,
            'X' => conditional |= 0o111,
            's' if takes_special(who) => bits |= SET_IDS,
            't' if takes_special(who) => {
                // Without a class, `t` becomes the class: docker reads `+xt` as `+t`.
                who |= STICKY;
                bits |= STICKY;
            }
            's' | 't' => {}
            'u' | 'g' | 'o' => {
                if bits != 0 {
                    add(who, operator, bits, steps);
                }
                has_set = true;
                if conditional != 0 {
                    steps.push(Step::SetIfExecutable(of_classes(who, conditional)));
                }
                (bits, conditional) = (0, 0);
                let from = match letter {
                    'u' => 6,
                    'g' => 3,
                    _ => 0,
                };
                let mut classes = 0;
                for class in [0o700, 0o070, OTHERS] {
                    let read = class & 0o444;
                    classes |= if who == 0 || who & read != 0 {
                        class
                    } else {
                        0
                    };
                }
                steps.push(Step::Copy {
                    from,
                    classes,
                    operator,
                });
            }
            _ => return None,
        }
    }
    if bits != 0 || !has_set {
        add(who, operator, bits, steps);
    }
    if conditional != 0 {
        steps.push(Step::SetIfExecutable(of_classes(who, conditional)));
    }
    Some(())
}

fn add(who: u32, operator: Operator, bits: u32, steps: &mut Vec<Step>) {
    let bits = of_classes(who, bits);
    if operator == Operator::Set {
        steps.push(Step::Clear(if who == 0 { ALL } else { who }));
    }
    steps.push(match operator {
        Operator::Remove => Step::Clear(bits),
        Operator::Add | Operator::Set => Step::Set(bits),
    });
}

/// Without a class chmod(1) would look at the umask; a build has none.
fn of_classes(who: u32, bits: u32) -> u32 {
    if who == 0 { bits } else { bits & who }
}

impl Step {
    fn apply(self, mode: u32, executable: bool) -> u32 {
        match self {
            Self::Set(bits) => mode | bits,
            Self::Clear(bits) => mode & !bits,
            Self::SetIfExecutable(bits) if executable => mode | bits,
            Self::SetIfExecutable(_) => mode,
            Self::Copy {
                from,
                classes,
                operator,
            } => {
                let one = mode >> from & 0o7;
                let bits = (one | one << 3 | one << 6) & classes;
                match operator {
                    Operator::Add => mode | bits,
                    Operator::Remove => mode & !bits,
                    Operator::Set => mode & !classes | bits,
                }
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
        check("u=rwX,go=rX", 0o640, false, Some(0o644));
        check("u=rwX,go=rX", 0o640, true, Some(0o755));
        check("u=rwX,go=rX", 0o610, false, Some(0o755));
        // X looks at the mode before the change.
        check("a-x,a+X", 0o755, false, Some(0o755));
        check("a-x,a+X", 0o644, false, Some(0o644));
        check("+x,a+X", 0o644, false, Some(0o755));
        check("a-X", 0o755, false, Some(0o644));
        check("a+X,u-x", 0o755, true, Some(0o655));
        check("a-w", 0o666, false, Some(0o444));
        check("=rw", 0o7755, false, Some(0o1666));
        check("a=", 0o7755, true, Some(0o1000));
        check("=", 0o7755, true, Some(0o1000));
        check("g=", 0o7777, false, Some(0o5707));
        check("o=", 0o7777, false, Some(0o7770));
        check("g=u", 0o2740, false, Some(0o2770));
        check("go=u", 0o740, false, Some(0o777));
        check("=u", 0o4740, false, Some(0o4777));
        check("g+u", 0o541, false, Some(0o551));
        check("go-u", 0o577, false, Some(0o522));
        check("o=g-w", 0o770, false, Some(0o775));
        check("u=go", 0o035, false, Some(0o535));
        check("g=ru", 0o100, false, Some(0o110));
        check("g=ur", 0o100, false, Some(0o140));
        check("g+ur", 0o100, false, Some(0o150));
        check("+s", 0o755, false, Some(0o6755));
        check("o+s", 0o755, false, Some(0o755));
        check("ug+s", 0o755, false, Some(0o6755));
        check("a-s", 0o6755, false, Some(0o755));
        check("u+t", 0o755, true, Some(0o1755));
        check("o+t", 0o755, true, Some(0o755));
        check("+xt", 0o644, true, Some(0o1644));
        check("=t", 0o644, true, Some(0o1644));
        check("u=t", 0o755, true, Some(0o1055));
        check("-t", 0o1755, true, Some(0o755));
        check("u+", 0o640, false, Some(0o640));
        check("u+x,", 0o640, false, None);
        check(",u+x", 0o640, false, None);
        check("u+xa", 0o640, false, None);
        check("ux", 0o640, false, None);
        check("0x1", 0, false, None);
        check("u+r-w", 0o200, false, Some(0o400));
        check("", 0, false, None);
        check("u", 0, false, None);
        check("z+x", 0, false, None);
        check("u+q", 0, false, None);
        check("9", 0, false, None);
    }
}
