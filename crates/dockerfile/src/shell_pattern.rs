//! Patterns of `${x#p}`, `${x%p}` and `${x/p/r}`: `*` and `?`, no brackets.

/// A pattern; as in BuildKit neither wildcard matches a newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShellPattern(Vec<Token>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Literal(char),
    Any,
    Star,
}

/// A pattern with a backslash before a character that needs none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidEscape;

/// The pattern and the value together ask for too much work.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMuchWork;

/// Work that one substitution may cost: far beyond what a Dockerfile needs, below a second.
const WORK: usize = 50_000_000;

/// The pattern that matches the same backwards. As in BuildKit, a backslash that is the last
/// character comes first, and so before another character.
pub(crate) fn reversed(pattern: &str) -> String {
    let chars: Vec<char> = pattern.chars().collect();
    let mut pieces: Vec<&[char]> = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let length = if chars[at] == '\\' && at + 1 < chars.len() {
            2
        } else {
            1
        };
        pieces.push(&chars[at..at + length]);
        at += length;
    }
    pieces.into_iter().rev().flatten().collect()
}

impl ShellPattern {
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidEscape> {
        let mut tokens = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' => Token::Star,
                '?' => Token::Any,
                '\\' => match chars.next() {
                    Some(next @ ('}' | '/' | '*' | '?' | '\\')) => Token::Literal(next),
                    _ => return Err(InvalidEscape),
                },
                c => Token::Literal(c),
            });
        }
        Ok(Self(tokens))
    }

    /// `value` without the part at its start that matches: the longest if `greedy`.
    pub(crate) fn trim_start(&self, value: &str, greedy: bool) -> Result<String, TooMuchWork> {
        let chars: Vec<char> = value.chars().collect();
        let end = ends(&self.0, &chars, greedy, &mut WORK.clone())?.unwrap_or(0);
        Ok(chars[end..].iter().collect())
    }

    /// `value` with the leftmost longest match, or every match, replaced. In the replacement of
    /// every match `$0` is the match, as BuildKit's use of Go's regexp has it.
    pub(crate) fn replace(
        &self,
        value: &str,
        replacement: &str,
        all: bool,
    ) -> Result<String, TooMuchWork> {
        let chars: Vec<char> = value.chars().collect();
        let mut work = WORK;
        let mut result = String::new();
        let mut at = 0;
        let mut after_match = false;
        while at <= chars.len() {
            match ends(&self.0, &chars[at..], true, &mut work)? {
                // An empty match right after another match does not count, as in Go's regexp.
                Some(length) if length > 0 || !after_match => {
                    if all {
                        let matched: String = chars[at..at + length].iter().collect();
                        result.push_str(&from_template(replacement, &matched)?);
                    } else {
                        result.push_str(replacement);
                        result.extend(&chars[at + length..]);
                        return Ok(result);
                    }
                    at += length;
                    after_match = true;
                    if length > 0 {
                        continue;
                    }
                }
                _ => {}
            }
            result.extend(chars.get(at));
            at += 1;
            after_match = false;
        }
        Ok(result)
    }
}

/// The longest replacement of one match.
const LONGEST: usize = 1 << 20;

/// What Go's `Regexp.Expand` makes of a template where there are no groups: `$0` and `${0}` are
/// the match, `$$` is a dollar, other names are nothing, and a dollar without a name stays.
fn from_template(template: &str, matched: &str) -> Result<String, TooMuchWork> {
    let dollars = template.matches('$').count();
    if dollars.saturating_mul(matched.len()) > LONGEST {
        return Err(TooMuchWork);
    }
    let mut result = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        rest = after;
        if let Some(after) = after.strip_prefix('$') {
            result.push('$');
            rest = after;
            continue;
        }
        let in_braces = after.strip_prefix('{');
        let text = in_braces.unwrap_or(after);
        let is_name = |c: char| c == '_' || c.is_alphanumeric();
        let (name, behind) = text.split_at(text.find(|c| !is_name(c)).unwrap_or(text.len()));
        let behind = match in_braces {
            Some(_) => behind.strip_prefix('}'),
            None => Some(behind),
        };
        match behind.filter(|_| !name.is_empty()) {
            Some(behind) => {
                let is_match = name == "0";
                result.push_str(if is_match { matched } else { "" });
                rest = behind;
            }
            None => result.push('$'),
        }
    }
    result.push_str(rest);
    Ok(result)
}

/// The length of the longest or shortest prefix of `chars` that matches all of `tokens`.
fn ends(
    tokens: &[Token],
    chars: &[char],
    longest: bool,
    work: &mut usize,
) -> Result<Option<usize>, TooMuchWork> {
    // Positions in the pattern that can be reached, `tokens.len()` being the end.
    let mut reached = vec![false; tokens.len() + 1];
    let mut found = None;
    reach(&mut reached, tokens, 0);
    for at in 0..=chars.len() {
        if reached[tokens.len()] {
            found = Some(at);
            if !longest {
                break;
            }
        }
        let Some(c) = chars.get(at) else { break };
        *work = work.checked_sub(tokens.len() + 1).ok_or(TooMuchWork)?;
        let mut next = vec![false; tokens.len() + 1];
        let mut alive = false;
        for (place, token) in tokens.iter().enumerate() {
            if !reached[place] {
                continue;
            }
            let target = match token {
                Token::Literal(literal) if literal == c => place + 1,
                Token::Any if *c != '\n' => place + 1,
                Token::Star if *c != '\n' => place,
                _ => continue,
            };
            reach(&mut next, tokens, target);
            alive = true;
        }
        if !alive {
            break;
        }
        reached = next;
    }
    Ok(found)
}

/// Marks `place` and what follows it through stars, which match nothing too.
fn reach(reached: &mut [bool], tokens: &[Token], place: usize) {
    let mut place = place;
    while !std::mem::replace(&mut reached[place], true) {
        if tokens.get(place) != Some(&Token::Star) {
            break;
        }
        place += 1;
    }
}
