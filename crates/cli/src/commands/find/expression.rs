//! The words behind the image: where to search, what must hold, how it is printed.

use std::cmp::Ordering;

use crossdock_build::{
    EntryKind, FindCount, FindExpression, FindTest, ModeBits, ModeChange, Timestamp, parse_rfc3339,
};

/// What the words say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) paths: Vec<String>,
    pub(super) expression: FindExpression,
    pub(super) min_depth: usize,
    pub(super) max_depth: usize,
    pub(super) printing: Printing,
}

/// How what is found is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Printing {
    /// A path on each line.
    Lines,
    /// Paths as they are, each with a NUL behind it.
    Zeroes,
    /// As `ls -l` does.
    Long,
}

/// Parentheses and negations in each other.
const DEPTH: usize = 100;

/// The tests that are known, for those that are nearly right.
const WORDS: &[&str] = &[
    "name", "iname", "path", "ipath", "type", "size", "empty", "newer", "newermt", "perm", "user",
    "group", "uid", "gid", "links", "layer", "attr", "true", "false", "not", "and", "or",
    "maxdepth", "mindepth", "print", "print0", "ls",
];

/// Reads the words.
pub(super) fn parse(words: &[String]) -> Result<Parsed, String> {
    let is_path = |word: &&String| !word.starts_with('-') && !matches!(&***word, "(" | ")" | "!");
    let paths: Vec<String> = words.iter().take_while(is_path).cloned().collect();
    let mut parser = Parser {
        words: &words[paths.len()..],
        parsed: Parsed {
            paths,
            expression: FindExpression::All(Vec::new()),
            min_depth: 0,
            max_depth: usize::MAX,
            printing: Printing::Lines,
        },
        printed: None,
    };
    if !parser.words.is_empty() {
        parser.parsed.expression = parser.any(DEPTH)?;
    }
    match parser.words.first() {
        Some(word) if word == ")" => Err("): there is no ( before it".to_owned()),
        Some(word) => Err(format!("{word}: is not expected here")),
        None => Ok(parser.parsed),
    }
}

struct Parser<'w> {
    words: &'w [String],
    parsed: Parsed,
    /// The word that said how to print, if one did; no test comes after it.
    printed: Option<String>,
}

type Read<T> = Result<T, String>;

impl Parser<'_> {
    /// A word of the grammar: `name` of `-name` and `--name`.
    fn peek(&self) -> Option<&str> {
        self.words.first().map(|word| word_name(word))
    }

    fn skip(&mut self) {
        self.words = self.words.get(1..).unwrap_or_default();
    }

    fn any(&mut self, depth: usize) -> Read<FindExpression> {
        let mut parts = vec![self.all(depth)?];
        while let Some("-o" | "-or") = self.peek() {
            self.must_not_have_printed()?;
            let word = self.words[0].clone();
            if parts == [FindExpression::All(Vec::new())] {
                return Err(format!("{word}: there is no test before it"));
            }
            self.skip();
            self.must_follow(&word)?;
            parts.push(self.all(depth)?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => FindExpression::Any(parts),
        })
    }

    fn all(&mut self, depth: usize) -> Read<FindExpression> {
        let mut parts = Vec::new();
        loop {
            match self.peek() {
                None | Some(")" | "-o" | "-or") => break,
                Some("-a" | "-and") => {
                    let word = self.words[0].clone();
                    if parts.is_empty() {
                        return Err(format!("{word}: there is no test before it"));
                    }
                    self.skip();
                    self.must_follow(&word)?;
                }
                Some(_) => {}
            }
            parts.extend(self.one(depth)?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => FindExpression::All(parts),
        })
    }

    /// A test with what stands before it, if it is one and not something about the whole search.
    fn one(&mut self, depth: usize) -> Read<Option<FindExpression>> {
        let Some(word) = self.words.first().cloned() else {
            return Ok(None);
        };
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| format!("{word}: more than {DEPTH} in each other"))?;
        self.skip();
        match word_name(&word) {
            "!" | "-not" => {
                self.must_not_have_printed()?;
                self.must_follow(&word)?;
                let inner = self.one(depth)?;
                let inner = inner.ok_or_else(|| format!("{word}: no test follows"))?;
                Ok(Some(FindExpression::Not(Box::new(inner))))
            }
            "(" => {
                self.must_not_have_printed()?;
                if self.peek() == Some(")") {
                    return Err("( ): is empty".to_owned());
                }
                let inner = self.any(depth)?;
                if self.peek() != Some(")") {
                    return Err("(: there is no ) behind it".to_owned());
                }
                self.skip();
                Ok(Some(inner))
            }
            _ if self.is_global(&word)? => Ok(None),
            _ => {
                self.must_not_have_printed()?;
                self.test(&word)
                    .map(|test| Some(FindExpression::Test(test)))
            }
        }
    }

    fn must_follow(&self, word: &str) -> Read<()> {
        match self.peek() {
            None | Some(")" | "-o" | "-or" | "-a" | "-and") => {
                Err(format!("{word}: no test follows"))
            }
            Some(_) => Ok(()),
        }
    }

    fn must_not_have_printed(&self) -> Read<()> {
        match &self.printed {
            Some(word) => Err(format!(
                "{word}: belongs at the end, behind all tests; it tells how all is printed"
            )),
            None => Ok(()),
        }
    }

    /// Reads what is about the whole search.
    fn is_global(&mut self, word: &str) -> Read<bool> {
        let printing = match word_name(word) {
            "-print" => Printing::Lines,
            "-print0" => Printing::Zeroes,
            "-ls" => Printing::Long,
            name @ ("-maxdepth" | "-mindepth") => {
                let is_max = name == "-maxdepth";
                let text = self.value(word)?;
                let depth = text
                    .parse()
                    .map_err(|_| format!("{word} {text}: write a number"))?;
                match is_max {
                    true => self.parsed.max_depth = depth,
                    false => self.parsed.min_depth = depth,
                }
                return Ok(true);
            }
            _ => return Ok(false),
        };
        self.parsed.printing = printing;
        self.printed = Some(word.to_owned());
        Ok(true)
    }

    fn value(&mut self, word: &str) -> Read<String> {
        let value = self.words.first().cloned();
        self.skip();
        value.ok_or_else(|| format!("{word}: something must follow it; see crossdock find --help"))
    }

    fn test(&mut self, word: &str) -> Read<FindTest> {
        let name = word_name(word);
        match name {
            "-true" => return Ok(FindTest::Always(true)),
            "-false" => return Ok(FindTest::Always(false)),
            "-empty" => return Ok(FindTest::Empty),
            _ => {}
        }
        let known = name
            .strip_prefix('-')
            .is_some_and(|name| WORDS.contains(&name));
        if !known {
            return Err(unknown(word));
        }
        let text = self.value(word)?;
        let wrong = |what: &str| format!("{word} {text}: {what}");
        let count =
            || count(&text).ok_or_else(|| wrong("write a number, or +N for more, -N for less"));
        let pattern = || text.clone().into_bytes();
        Ok(match name {
            "-name" | "-iname" => {
                if text.contains('/') {
                    return Err(wrong("a name has no /; use -path"));
                }
                FindTest::Name {
                    pattern: pattern(),
                    ignores_case: name == "-iname",
                }
            }
            "-path" | "-ipath" => FindTest::Path {
                pattern: pattern(),
                ignores_case: name == "-ipath",
            },
            "-type" => FindTest::Type(
                kinds(&text).ok_or_else(|| wrong("write some of f,d,l,b,c,p with commas"))?,
            ),
            "-size" => {
                let size = size(&text);
                let (unit, count) =
                    size.ok_or_else(|| wrong("write it like 10k, +5M or -1G; c is for bytes"))?;
                FindTest::Size { unit, count }
            }
            "-newer" => FindTest::NewerThanPath(pattern()),
            "-newermt" => FindTest::NewerThan(
                time(&text)
                    .ok_or_else(|| wrong("write it like 2026-11-24 or 2026-11-24T18:40:00Z"))?,
            ),
            "-perm" => {
                let (bits, how) = mode(&text)
                    .ok_or_else(|| wrong("write it like 644, -4000, /6000 or /u+s,g+s"))?;
                FindTest::Mode { bits, how }
            }
            "-user" => FindTest::User(text),
            "-group" => FindTest::Group(text),
            "-uid" => FindTest::Uid(count()?),
            "-gid" => FindTest::Gid(count()?),
            "-links" => FindTest::Links(count()?),
            "-layer" => FindTest::Layer(count()?),
            "-attr" => FindTest::Attributes(
                attributes(&text).ok_or_else(|| wrong("write some of darhsltpcoie"))?,
            ),
            _ => return Err(unknown(word)),
        })
    }
}

/// `-name` of `-name` and `--name`.
fn word_name(word: &str) -> &str {
    match word.strip_prefix("--") {
        Some(rest) if !rest.is_empty() => &word[1..],
        _ => word,
    }
}

fn unknown(word: &str) -> String {
    let name = word_name(word).trim_start_matches('-');
    let why = match name {
        "exec" | "execdir" | "ok" | "okdir" | "delete" | "fprint" => {
            "nothing is run or changed here; -print0 is for xargs -0"
        }
        "mtime" | "mmin" | "atime" | "amin" | "ctime" | "cmin" | "newerat" | "newerct" => {
            "use -newermt DATE, or -newer PATH"
        }
        "regex" | "iregex" | "lname" | "ilname" | "wholename" => "use -name or -path",
        _ if !word.starts_with('-') => "paths come before all tests",
        _ => {
            let near = |known: &&&str| known.starts_with(name) || name.starts_with(**known);
            return match WORDS.iter().filter(|_| !name.is_empty()).find(near) {
                Some(near) => format!("{word}: there is no such test; is -{near} meant?"),
                None => format!("{word}: there is no such test; see crossdock find --help"),
            };
        }
    };
    format!("{word}: there is no such test; {why}")
}

fn count(text: &str) -> Option<FindCount> {
    let (is, digits) = match text.as_bytes().first()? {
        b'+' => (Ordering::Greater, &text[1..]),
        b'-' => (Ordering::Less, &text[1..]),
        _ => (Ordering::Equal, text),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| is_number)?;
    Some(FindCount { number, is })
}

/// Bytes of the unit, and how many units.
fn size(text: &str) -> Option<(u64, FindCount)> {
    let unit = match text.chars().next_back()? {
        'c' => 1,
        'w' => 2,
        'b' => 512,
        'k' | 'K' => 1 << 10,
        'M' => 1 << 20,
        'G' => 1 << 30,
        _ => return Some((512, count(text)?)),
    };
    Some((unit, count(&text[..text.len() - 1])?))
}

fn kinds(text: &str) -> Option<Vec<EntryKind>> {
    let kinds = text.split(',').map(|letter| {
        Some(match letter {
            "f" => EntryKind::File,
            "d" => EntryKind::Directory,
            "l" => EntryKind::Symlink,
            "b" => EntryKind::BlockDevice,
            "c" => EntryKind::CharDevice,
            "p" => EntryKind::Fifo,
            _ => return None,
        })
    });
    kinds.collect()
}

fn mode(text: &str) -> Option<(u32, ModeBits)> {
    let (how, text) = match text.as_bytes().first()? {
        b'-' => (ModeBits::All, &text[1..]),
        b'/' => (ModeBits::Any, &text[1..]),
        _ => (ModeBits::Exactly, text),
    };
    Some((ModeChange::parse(text)?.apply(0, false), how))
}

/// A day, or a time of it, in UTC unless it says another zone; `@SECONDS` since 1970.
fn time(text: &str) -> Option<Timestamp> {
    if let Some(seconds) = text.strip_prefix('@') {
        return Timestamp::parse_pax(seconds.as_bytes());
    }
    let complete = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text.to_owned(),
    };
    let (seconds, nanoseconds) = parse_rfc3339(&complete)?;
    Some(Timestamp {
        seconds,
        nanoseconds,
    })
}

/// FILE_ATTRIBUTE_* bits by the letters of attrib.exe and PowerShell.
fn attributes(text: &str) -> Option<u32> {
    let bits = text.chars().map(|letter| {
        Some(match letter {
            'r' => 0x1,
            'h' => 0x2,
            's' => 0x4,
            'd' => 0x10,
            'a' => 0x20,
            't' => 0x100,
            'p' => 0x200,
            'l' => 0x400,
            'c' => 0x800,
            'o' => 0x1000,
            'i' => 0x2000,
            'e' => 0x4000,
            _ => return None,
        })
    });
    let bits = bits.collect::<Option<Vec<u32>>>()?;
    (!bits.is_empty()).then(|| bits.into_iter().fold(0, |all, bit| all | bit))
}

#[cfg(test)]
mod tests;
